import type { Wire } from "../src/socket.ts";
import type { Page } from "./fake-browser.ts";
import { id, type Message } from "./fake-gateway.ts";

/** One connection as the gateway sees it. */
class Connection implements Wire {
  onmessage: Wire["onmessage"] = null;
  onclose: Wire["onclose"] = null;
  readonly sent: Message[] = [];
  readonly names = new Set<string>();
  open = true;
  caller: string | undefined;

  constructor(private gateway: SmallGateway, private page: Page | undefined) {
    page?.lines.push({ end: () => this.gone() });
  }

  send(frame: string): void {
    const deliver = () => this.open && this.gateway.hear(this, JSON.parse(frame));
    if (this.page !== undefined) this.page.post(() => setTimeout(deliver, 1));
    else setTimeout(deliver, 1);
  }

  close(): void {
    if (this.page !== undefined) this.page.post(() => this.gone());
    else this.gone();
  }

  gone(): void {
    this.open = false;
    this.gateway.connections.delete(this);
  }

  say(message: Message): void {
    const frame = JSON.stringify(message);
    setTimeout(() => this.#deliver(() => this.open && this.onmessage?.({ data: frame })), 1);
  }

  end(code: number): void {
    if (!this.open) return;
    this.gone();
    setTimeout(() => this.#deliver(() => this.onclose?.({ code })), 1);
  }

  #deliver(task: () => void): void {
    if (this.page !== undefined) this.page.deliver(task);
    else task();
  }
}

/**
 * A gateway that holds states and does what the protocol says, without faults of its own: users by id and by address,
 * groups, everyone, versions known, sign-in. Its clock is the test's.
 */
export class SmallGateway {
  readonly connections = new Set<Connection>();
  /** All connections ever made. */
  made = 0;
  readonly states = new Map<string, Message>();
  readonly addresses = new Map<string, string>();
  readonly groups = new Map<string, Set<string>>();
  /** Tokens let in; undefined lets in everybody. */
  tokens: Map<string, string> | undefined;
  /** Whom callers may not see. */
  readonly hidden = new Set<string>();
  readonly pending = new Set<string>();
  readonly heard: Message[] = [];
  up = true;
  status: Message = { type: "status", state: "live" };
  #generation = 9;
  #count = 0;
  #pulse: ReturnType<typeof setInterval>;

  constructor(users: number) {
    for (let n = 0; n < users; n++) this.change(n);
    this.#pulse = setInterval(() => this.each((c) => c.say({ type: "heartbeat", at: now(), oldest: now() })), 10_000);
  }

  stop(): void {
    clearInterval(this.#pulse);
  }

  dial(page?: Page): Wire {
    const connection = new Connection(this, page);
    if (!this.up || page?.dead) {
      setTimeout(() => connection.onclose?.({ code: 1006 }), 1);
      return connection;
    }
    this.made++;
    this.connections.add(connection);
    connection.say({ type: "hello", protocol: "presence.v1.json", connection: "c", heartbeatSeconds: 10, limits: {} });
    if (this.tokens === undefined) connection.say(this.status);
    return connection;
  }

  each(tell: (connection: Connection) => void): void {
    for (const connection of [...this.connections]) tell(connection);
  }

  setStatus(status: Message): void {
    this.status = { type: "status", ...status };
    this.each((c) => c.say(this.status));
  }

  /** Everybody is thrown out. */
  drop(code = 1006): void {
    this.each((c) => c.end(code));
  }

  /** What it held is lost, and its versions begin below those it gave before. */
  forget(): void {
    this.#generation = Math.max(1, this.#generation - 1);
    for (const user of this.states.keys()) this.states.set(user, this.#state(user));
    this.drop(1012);
  }

  change(n: number): void {
    const user = id(n);
    this.pending.delete(user);
    this.states.set(user, this.#state(user));
    this.each((c) => this.watches(c, user) && c.say({ type: "delta", presences: [this.states.get(user)!] }));
  }

  /** Someone comes to a group, or leaves it. */
  move(group: string, n: number): void {
    const user = id(n);
    const members = this.groups.get(group)!;
    const before = new Set([...this.connections].filter((c) => this.watches(c, user)));
    const joins = !members.delete(user);
    if (joins) members.add(user);
    this.each((c) => {
      if (!c.names.has("#" + group)) return;
      const fresh = this.watches(c, user) && !before.has(c);
      if (joins) c.say({ type: "delta", presences: fresh ? [this.states.get(user)] : [], joined: { [group]: [user] } });
      else {
        c.say({ type: "delta", presences: [], left: { [group]: [user] } });
        if (!this.watches(c, user)) c.say({ type: "gone", users: [user], reason: "unwatched" });
      }
    });
  }

  watches(c: Connection, user: string): boolean {
    if (this.hidden.has(user) || this.pending.has(user)) return false;
    return c.names.has(user) || c.names.has("*") || [...this.groups].some(([group, members]) => c.names.has("#" + group) && members.has(user));
  }

  hear(c: Connection, m: Message): void {
    this.heard.push(m);
    c.sent.push(m);
    switch (m.type) {
      case "ping":
        c.say({ type: "pong", at: now() });
        return;
      case "authenticate": {
        const caller = this.tokens?.get(m.token);
        if (caller === undefined) return c.end(4401);
        if (c.caller !== undefined && c.caller !== caller) return c.end(4403);
        if (c.caller === undefined) c.say(this.status);
        c.caller = caller;
        return;
      }
      case "unsubscribe":
        for (const name of names(m)) c.names.delete(name);
        c.say({ type: "ack", id: m.id });
        return;
      case "subscribe":
        this.#subscribe(c, m);
    }
  }

  #subscribe(c: Connection, m: Message): void {
    const answer = { presences: [] as Message[], pending: [] as string[], gone: [], denied: [] as string[], resolved: {} as Message, members: {} as Message };
    const told = new Set([...this.states.keys(), ...this.pending].filter((user) => this.watches(c, user)));
    const asked = new Set<string>();
    for (const name of names(m)) {
      if (name === "*") for (const user of this.states.keys()) asked.add(user);
      else if (name.startsWith("#")) {
        const members = this.groups.get(name.slice(1));
        if (members === undefined) {
          answer.denied.push(name.slice(1));
          continue;
        }
        answer.members[name.slice(1)] = [...members];
        for (const user of members) asked.add(user);
      } else if (name.includes("@")) {
        const user = this.addresses.get(name);
        if (user === undefined) {
          answer.denied.push(name);
          continue;
        }
        answer.resolved[name] = user;
        asked.add(user);
        c.names.add(user);
        continue;
      } else asked.add(name);
      c.names.add(name);
    }
    for (const user of asked) {
      if (told.has(user)) continue;
      const state = this.states.get(user);
      if (this.hidden.has(user) || state === undefined) answer.denied.push(user);
      else if (this.pending.has(user)) answer.pending.push(user);
      else if (m.known?.[user] !== state.version) answer.presences.push(state);
    }
    const half = Math.ceil(answer.presences.length / 2);
    if (half > 1) c.say({ type: "snapshot", id: m.id, presences: answer.presences.splice(0, half), more: true });
    c.say({ type: "snapshot", id: m.id, ...answer });
  }

  #state(user: string): Message {
    const activity = `State${++this.#count}`;
    return { id: user, availability: "Busy", activity, version: `${this.#generation}.${String(this.#count).padStart(6, "0")}`, observedAt: now() };
  }
}

function names(m: Message): string[] {
  return m.users === "*" ? ["*"] : [...(m.users ?? []), ...(m.groups ?? []).map((group: string) => "#" + group)];
}

function now(): string {
  return new Date().toISOString();
}
