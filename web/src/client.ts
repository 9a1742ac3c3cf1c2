import { steadyClock } from "./clock.ts";
import { userId, type Presence, type Refusal, type ServerMessage, type Snapshot } from "./protocol.ts";
import { Socket, type LinkStatus, type TokenSource, type Wire } from "./socket.ts";
import { Store, type Absence } from "./store.ts";
import { Subscriptions, type Request } from "./subscriptions.ts";

/** What is known of one user, and how far it can be trusted. */
export interface View {
  /** The last state known. */
  readonly presence?: Presence;
  /** Why there is no state, once the gateway has said so. */
  readonly absence?: Absence;
  /** The state is only the last one known: the link is down or degraded, or the gateway has not vouched for it yet. */
  readonly stale: boolean;
  /** Milliseconds since Graph last confirmed the state, at most, by the gateway's clock; absent while that is unknown. */
  readonly age?: number;
}

export interface ClientStatus extends LinkStatus {
  /** Milliseconds since the oldest state held was last confirmed, at most; absent while none is held. */
  readonly oldest?: number;
  /** The gateway's last refusal of a subscription by this connection: its code. */
  readonly refused?: string;
}

export interface ClientOptions {
  /** Base address of the gateway, such as `https://presence.example.com`. */
  readonly gateway: string;
  /** What to sign in with; without it the caller is anonymous. */
  readonly getToken?: TokenSource;
  readonly dial?: (url: string, protocol: string) => Wire;
  readonly random?: () => number;
  readonly now?: () => number;
}

/** How long a lost connection leaves the states it gave standing as current: a planned restart should not make a page blink. */
const GRACE = 5000;
/** How often ages shown are renewed while states are stale. One timer serves a whole page. */
const TICK = 30_000;

/**
 * The live presences of one gateway, for any number of listeners on a page over one connection. It connects with the
 * first watch and disconnects after the last. Listeners are called after the change, never during `watch`.
 */
export class Client {
  readonly gateway: string;
  #socket: Socket;
  #store = new Store();
  #subscriptions: Subscriptions;
  #listeners = new Map<string, Set<() => void>>();
  #everyone = new Set<(ids: ReadonlySet<string>) => void>();
  #statusListeners = new Set<() => void>();
  /** No state that this connection vouches for was confirmed before this time of the gateway's clock. */
  #oldest: number | undefined;
  /** The same for states that only earlier connections vouched for. */
  #before: number | undefined;
  #refused: string | undefined;
  #stale = false;
  #everyoneTold = false;
  /** Time enough has passed for this connection to vouch for what the one before gave. */
  #settled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #suspended = false;
  #leaving = false;

  constructor(options: ClientOptions) {
    this.gateway = options.gateway;
    const url = new URL("v1/stream", options.gateway.endsWith("/") ? options.gateway : options.gateway + "/");
    url.protocol = url.protocol.replace(/^http/, "ws");
    this.#subscriptions = new Subscriptions({
      send: (message) => this.#socket.send(message),
      version: (id) => this.#store.get(id)?.version,
      onLeft: (left) => {
        for (const id of left === "everyone" ? [...this.#store.ids()] : left) {
          if (!this.#subscriptions.wants(id)) this.#store.forget(id);
        }
      },
    });
    this.#socket = new Socket({
      url: url.href,
      now: options.now ?? steadyClock(),
      ...(options.getToken && { token: options.getToken }),
      ...(options.random && { random: options.random }),
      ...(options.dial && { dial: options.dial }),
      onOpen: () => this.#opened(),
      onMessage: (message) => this.#message(message),
      onStatus: (status) => this.#linkChanged(status),
    });
  }

  /** Watches one user; call the result to stop. An id that is none is never known. */
  watch(user: string, listener: () => void): () => void {
    const id = userId(user);
    if (id === undefined) return () => {};
    const listeners = this.#listeners.get(id) ?? new Set();
    this.#listeners.set(id, listeners);
    // A listener of its own for each call: the same function may watch twice.
    const own = () => listener();
    listeners.add(own);
    this.#subscriptions.add(id);
    this.#start();
    return () => {
      if (!listeners.delete(own)) return;
      if (listeners.size === 0) this.#listeners.delete(id);
      this.#subscriptions.remove(id);
      this.#stop();
    };
  }

  /** Watches everyone the gateway watches and this caller may see; the listener is told whose view changed. */
  watchEveryone(listener: (ids: ReadonlySet<string>) => void): () => void {
    const own = (ids: ReadonlySet<string>) => listener(ids);
    this.#everyone.add(own);
    this.#subscriptions.addEveryone();
    this.#start();
    return () => {
      if (!this.#everyone.delete(own)) return;
      this.#subscriptions.removeEveryone();
      this.#stop();
    };
  }

  /** Tells when the link's state, a refusal or the age of what is held changed. */
  onStatus(listener: () => void): () => void {
    this.#statusListeners.add(listener);
    return () => this.#statusListeners.delete(listener);
  }

  /** How the link stands, without what takes a look at every state. */
  get link(): LinkStatus {
    return this.#socket.status;
  }

  get status(): ClientStatus {
    const oldest = this.#age(this.#unvouched ? earlier(this.#before, this.#oldest) : this.#oldest);
    return {
      ...this.#socket.status,
      ...(oldest !== undefined && this.#store.size > 0 && { oldest }),
      ...(this.#refused !== undefined && { refused: this.#refused }),
    };
  }

  /** Whether everyone under `watchEveryone` has been named by the gateway at least once. */
  get complete(): boolean {
    return this.#everyoneTold;
  }

  /** All users of whom anything is known. */
  ids(): Iterable<string> {
    return this.#store.ids();
  }

  view(user: string): View {
    const id = userId(user);
    if (id === undefined) return { stale: false };
    const presence = this.#store.get(id);
    const absence = this.#store.absence(id);
    if (presence === undefined) return { stale: false, ...(absence && { absence }) };
    const stale = this.#stale || (this.#socket.status.state === "live" && this.#settled && !this.#store.vouched(id));
    const age = this.#age(this.#confirmedAt(presence, this.#store.vouched(id) ? this.#oldest : this.#before));
    return { presence, stale, ...(age !== undefined && { age }) };
  }

  /** Tries again at once; what was refused for good only when a person `asked`. */
  nudge(asked = false): void {
    this.#socket.nudge(asked);
  }

  /** Closes the connection while the page sleeps, keeping what it knows as last known. */
  suspend(): void {
    this.#suspended = true;
    this.#socket.close();
    this.#subscriptions.closed();
  }

  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    if (!this.#subscriptions.idle) this.#socket.open();
  }

  #start(): void {
    if (!this.#suspended) this.#socket.open();
  }

  /** Disconnects a moment after the last watch ended, as pages often replace one view by the next. */
  #stop(): void {
    if (!this.#subscriptions.idle || this.#leaving) return;
    this.#leaving = true;
    setTimeout(() => {
      this.#leaving = false;
      if (!this.#subscriptions.idle) return;
      this.#socket.close();
      this.#subscriptions.closed();
      clearTimeout(this.#timer);
      this.#stale = false;
    }, 1000);
  }

  #opened(): void {
    this.#before = this.#unvouched ? earlier(this.#before, this.#oldest) : this.#oldest;
    this.#oldest = undefined;
    this.#store.reconnected();
    this.#refused = undefined;
    // Answered with the gateway's time, so that ages can be told before the first heartbeat.
    this.#socket.send({ type: "ping" });
    this.#subscriptions.opened();
  }

  #linkChanged(status: LinkStatus): void {
    clearTimeout(this.#timer);
    switch (status.state) {
      case "live":
        // After a short loss nothing blinks while this connection gives its snapshot; after a long one each state stays
        // stale until it is vouched for.
        this.#settled = this.#stale;
        this.#setStale(false);
        if (!this.#settled) this.#timer = setTimeout(() => this.#settle(), GRACE);
        break;
      case "degraded":
        this.#setStale(true);
        break;
      default:
        this.#subscriptions.closed();
        if (!this.#stale) this.#timer = setTimeout(() => this.#setStale(true), GRACE);
        else this.#setStale(true);
    }
    this.#statusChanged();
  }

  #setStale(stale: boolean): void {
    clearTimeout(this.#timer);
    this.#stale = stale;
    this.#changed(new Set(this.#store.ids()));
    this.#statusChanged();
    if (stale) this.#timer = setTimeout(() => this.#setStale(true), TICK);
  }

  #settle(): void {
    this.#settled = true;
    this.#changed(new Set(this.#store.unvouched()));
  }

  #message(message: ServerMessage): void {
    switch (message.type) {
      case "snapshot":
        this.#snapshot(message);
        break;
      case "delta":
        this.#changed(new Set(message.presences.filter((p) => this.#put(p)).map((p) => p.id)));
        break;
      case "gone":
        for (const id of message.users) {
          if (message.reason === "unwatched" && !this.#subscriptions.wantsByName(id)) this.#store.forget(id);
          else this.#store.drop(id, message.reason === "unwatched" ? "denied" : "gone");
        }
        this.#changed(new Set(message.users));
        break;
      case "heartbeat":
        this.#oldest = message.oldest;
        this.#statusChanged();
        break;
      case "ack":
        this.#subscriptions.answered(message.id, true);
        break;
      case "error":
        this.#refusal(message);
        break;
    }
  }

  #put(presence: Presence): boolean {
    if (!this.#subscriptions.wants(presence.id) || !this.#store.put(presence)) return false;
    this.#vouch(Date.parse(presence.observedAt));
    return true;
  }

  /** A state confirmed at this time joins those the connection vouches for: until the next heartbeat it bounds them all. */
  #vouch(confirmed: number): void {
    this.#oldest = earlier(this.#oldest, confirmed);
  }

  /** A state was confirmed when it was sent, or whenever a bound on all states says, if that is later. */
  #confirmedAt(presence: Presence, bound: number | undefined): number {
    return Math.max(Date.parse(presence.observedAt), bound ?? -Infinity);
  }

  /** Whether any state is held only from an earlier connection. */
  get #unvouched(): boolean {
    return this.#store.unvouched().next().done !== true;
  }

  #snapshot(message: Snapshot): void {
    const request = this.#subscriptions.answered(message.id, !message.more);
    const changed = new Set<string>();
    for (const p of message.presences) if (this.#put(p)) changed.add(p.id);
    for (const id of message.pending) {
      if (!this.#subscriptions.wants(id)) continue;
      this.#store.pending(id);
      changed.add(id);
    }
    const drop = (ids: readonly string[], absence: Absence) => {
      for (const id of ids) {
        if (userId(id) === undefined || !this.#subscriptions.wants(id)) continue;
        this.#store.drop(id, absence);
        changed.add(id);
      }
    };
    drop(message.gone, "gone");
    drop(message.denied, "denied");
    if (request !== undefined && !message.more) this.#last(request, changed);
    this.#changed(changed);
  }

  /** The last part of a snapshot says as much by whom it leaves out. */
  #last(request: Request, changed: Set<string>): void {
    for (const id of request.known) {
      if (!this.#store.confirm(id)) continue;
      this.#vouch(this.#confirmedAt(this.#store.get(id)!, this.#before));
      changed.add(id);
    }
    if (request.everyone) {
      this.#everyoneTold = true;
      for (const id of [...this.#store.unvouched()]) {
        if (this.#subscriptions.wantsByName(id) || this.#store.awaits(id)) continue;
        this.#store.forget(id);
        changed.add(id);
      }
      this.#statusChanged();
    }
  }

  #refusal(message: Refusal): void {
    const request = this.#subscriptions.answered(message.id, true);
    if (message.code === "rate_limited") {
      if (request !== undefined) this.#subscriptions.again(request);
      return;
    }
    this.#refused = message.code;
    if (request?.type === "subscribe") {
      for (const id of request.users) this.#store.drop(id, "denied");
      this.#changed(new Set(request.users));
    }
    this.#statusChanged();
  }

  #age(at: number | undefined): number | undefined {
    const now = this.#socket.gatewayNow();
    return now === undefined || at === undefined ? undefined : Math.max(0, now - at);
  }

  #changed(ids: ReadonlySet<string>): void {
    if (ids.size === 0) return;
    for (const id of ids) for (const listener of [...(this.#listeners.get(id) ?? [])]) listener();
    for (const listener of [...this.#everyone]) listener(ids);
  }

  #statusChanged(): void {
    for (const listener of [...this.#statusListeners]) listener();
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}

const clients = new Map<string, Client>();

/** The one client of a page for a gateway. It follows the page: it wakes with the network and the reader, and sleeps with the page. */
export function clientFor(gateway: string, getToken?: TokenSource): Client {
  const origin = new URL(gateway, globalThis.location?.href).href;
  let client = clients.get(origin);
  if (client === undefined) {
    const made = (client = new Client({ gateway: origin, ...(getToken && { getToken }) }));
    clients.set(origin, made);
    addEventListener("online", () => made.nudge());
    addEventListener("pageshow", () => made.resume());
    addEventListener("pagehide", () => made.suspend());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && made.nudge());
  }
  return client;
}
