/** A message that the gateway has not answered yet. */
export interface Request {
  readonly type: "subscribe" | "unsubscribe";
  readonly everyone: boolean;
  readonly users: readonly string[];
  /** Those of `users` whose version was told; left out of the snapshot they are held at exactly that version. */
  readonly known: ReadonlySet<string>;
}

export interface SubscriptionsOptions {
  readonly send: (message: object) => void;
  /** The version held of a user, if any. */
  readonly version: (id: string) => string | undefined;
  /** These are no longer watched by name, or everyone is no longer watched as such. */
  readonly onLeft: (left: readonly string[] | "everyone") => void;
}

/** Users in one message. The gateway takes 5,000; small ones let the first answers come early. */
const CHUNK = 1000;
/** Messages sent at once, and then one each `REFILL` milliseconds: half of what a gateway allows by default. */
const BURST = 10;
const REFILL = 100;

/**
 * What the page wants to watch, and what the present connection has been told of it. Wants are counted, so that any
 * number of badges may show one user; they are told in a microtask, so that a thousand badges appearing together, or
 * one being moved, cost a message or none. Messages are composed as late as possible and paced below the gateway's limit.
 */
export class Subscriptions {
  #options: SubscriptionsOptions;
  #wanted = new Map<string, number>();
  #everyone = 0;
  #told = new Set<string>();
  #toldEveryone = false;
  #join = new Set<string>();
  #leave = new Set<string>();
  /** Left before the gateway was ever told of them. */
  #untold: string[] = [];
  #requests = new Map<number, Request>();
  #lastId = 0;
  #connected = false;
  #scheduled = false;
  #allowance = BURST;
  #refill: ReturnType<typeof setTimeout> | undefined;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** Whether states of this user are of use to anyone here. */
  wants(id: string): boolean {
    return this.#everyone > 0 || this.#wanted.has(id);
  }

  wantsByName(id: string): boolean {
    return this.#wanted.has(id);
  }

  get idle(): boolean {
    return this.#everyone === 0 && this.#wanted.size === 0;
  }

  add(id: string): void {
    const count = this.#wanted.get(id) ?? 0;
    this.#wanted.set(id, count + 1);
    if (count > 0) return;
    if (!this.#leave.delete(id)) this.#join.add(id);
    this.#schedule();
  }

  remove(id: string): void {
    const count = this.#wanted.get(id) ?? 0;
    if (count > 1) {
      this.#wanted.set(id, count - 1);
      return;
    }
    if (!this.#wanted.delete(id)) return;
    if (this.#told.has(id)) this.#leave.add(id);
    else {
      this.#join.delete(id);
      this.#untold.push(id);
    }
    this.#schedule();
  }

  addEveryone(): void {
    this.#everyone++;
    this.#schedule();
  }

  removeEveryone(): void {
    this.#everyone--;
    this.#schedule();
  }

  /** A new connection, which knows nothing yet. */
  opened(): void {
    this.closed();
    this.#connected = true;
    this.#allowance = BURST;
    for (const id of this.#wanted.keys()) this.#join.add(id);
    this.#pump();
  }

  closed(): void {
    this.#connected = false;
    clearTimeout(this.#refill);
    this.#refill = undefined;
    this.#told.clear();
    this.#toldEveryone = false;
    this.#join.clear();
    this.#leave.clear();
    this.#requests.clear();
  }

  /** The request with this number; forgotten when its answer was the last part. */
  answered(id: number, last: boolean): Request | undefined {
    const request = this.#requests.get(id);
    if (last) this.#requests.delete(id);
    return request;
  }

  /** The gateway refused a request, which left its subscriptions as they were; says it again a while later. */
  again(request: Request): void {
    this.#allowance = 0;
    if (request.everyone) this.#toldEveryone = request.type !== "subscribe";
    for (const id of request.users) {
      if (request.type === "subscribe") {
        this.#told.delete(id);
        if (this.#wanted.has(id)) this.#join.add(id);
        this.#leave.delete(id);
      } else {
        this.#told.add(id);
        if (!this.#wanted.has(id)) this.#leave.add(id);
        this.#join.delete(id);
      }
    }
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.#earn(), 10 * REFILL);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const untold = this.#untold.filter((id) => !this.#wanted.has(id));
      this.#untold = [];
      if (untold.length > 0) this.#options.onLeft(untold);
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#connected && this.#allowance > 0) {
      const request = this.#next();
      if (request === undefined) break;
      this.#allowance--;
      const id = ++this.#lastId;
      this.#requests.set(id, request);
      const message: Record<string, unknown> = { type: request.type, id, users: request.everyone ? "*" : request.users };
      if (request.known.size > 0) {
        message.known = Object.fromEntries([...request.known].map((user) => [user, this.#options.version(user)]));
      }
      this.#options.send(message);
      if (request.type === "unsubscribe") this.#options.onLeft(request.everyone ? "everyone" : request.users);
    }
    if (this.#allowance < BURST && this.#connected) this.#refill ??= setTimeout(() => this.#earn(), REFILL);
  }

  #earn(): void {
    this.#refill = undefined;
    this.#allowance++;
    this.#pump();
  }

  #next(): Request | undefined {
    if (this.#leave.size > 0) {
      const users = take(this.#leave);
      for (const id of users) this.#told.delete(id);
      return { type: "unsubscribe", everyone: false, users, known: new Set() };
    }
    if (this.#join.size > 0) {
      const users = take(this.#join);
      for (const id of users) this.#told.add(id);
      const known = new Set(users.filter((id) => this.#options.version(id) !== undefined));
      return { type: "subscribe", everyone: false, users, known };
    }
    const everyone = this.#everyone > 0;
    if (everyone !== this.#toldEveryone) {
      this.#toldEveryone = everyone;
      // Without `known`: who is missing from this snapshot is no longer watched, which `known` would hide.
      return { type: everyone ? "subscribe" : "unsubscribe", everyone: true, users: [], known: new Set() };
    }
    return undefined;
  }
}

function take(ids: Set<string>): string[] {
  const out: string[] = [];
  for (const id of ids) {
    if (out.length === CHUNK) break;
    out.push(id);
  }
  for (const id of out) ids.delete(id);
  return out;
}
