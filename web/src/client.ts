import { steadyClock } from "./clock.ts";
import { EVERYONE, groupName, isAddress } from "./coverage.ts";
import { Listeners, type Listener } from "./listeners.ts";
import { address, userId, type Presence } from "./protocol.ts";
import { Socket, type LinkStatus, type TokenSource, type Wire } from "./socket.ts";
import type { Absence } from "./store.ts";
import { KNOWN, Table } from "./table.ts";

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

export interface WatchOptions {
  /**
   * Goes on while the page is hidden. Without it a watch rests some time after the page was hidden, and what is known
   * stays as the last known until the page is looked at again.
   */
  readonly background?: boolean;
}

export interface ClientOptions {
  /** Base address of the gateway, such as `https://presence.example.com`; empty where there is none. */
  readonly gateway: string;
  /** What to sign in with; without it the caller is anonymous. */
  readonly getToken?: TokenSource;
  readonly dial?: (url: string, protocol: string, token?: string) => Wire;
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
  #table: Table;
  #listeners = new Listeners();
  #statusListeners = new Set<() => void>();
  #now: () => number;
  /** The gateway has let the present connection in. */
  #within = false;
  /** When the last connection that was let in ended, by `now`. */
  #lostAt: number | undefined;
  /** The next connection may be somebody else's, who is shown other fields. */
  #anew = false;
  #degraded = false;
  #stale = false;
  /** Time enough has passed for this connection to vouch for what the one before gave. */
  #settled = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #suspended = false;
  #leaving = false;
  #restedAt: number | undefined;

  constructor(options: ClientOptions) {
    const { gateway } = options;
    this.gateway = gateway;
    this.#now = options.now ?? steadyClock();
    this.#table = new Table({
      send: (message) => this.#socket.send(message),
      onChanged: (ids, names) => this.#changed(ids, names),
      onStatus: () => this.#statusChanged(),
    });
    this.#socket = new Socket({
      url: gateway && new URL("v1/stream", gateway.replace(/\/*$/, "/")).href.replace(/^http/, "ws"),
      now: this.#now,
      ...(options.getToken && { token: options.getToken }),
      ...(options.random && { random: options.random }),
      ...(options.dial && { dial: options.dial }),
      onOpen: () => this.#opened(),
      onMessage: (message) => this.#table.take(message),
      onStatus: (status) => this.#linkChanged(status),
    });
  }

  /**
   * Watches one user, named by id or, where the gateway has a directory, by e-mail address; call the result to stop. What
   * is neither is never known.
   */
  watch(user: string, listener: () => void, options?: WatchOptions): () => void {
    const name = userId(user) ?? address(user);
    return name === undefined ? () => {} : this.#watch(name, () => listener(), options);
  }

  /**
   * Watches the members of a group that the gateway watches, named by its id. The listener is told whose view changed or
   * who came; it is also called when somebody left and when the gateway refuses the group.
   */
  watchGroup(group: string, listener: (ids: ReadonlySet<string>) => void, options?: WatchOptions): () => void {
    const id = userId(group);
    return id === undefined ? () => {} : this.#watch(groupName(id), listener, options);
  }

  /** Watches everyone the gateway watches and this caller may see; the listener is told whose view changed. */
  watchEveryone(listener: (ids: ReadonlySet<string>) => void, options?: WatchOptions): () => void {
    return this.#watch(EVERYONE, listener, options);
  }

  #watch(name: string, listener: Listener, { background = false }: WatchOptions = {}): () => void {
    const deaf = this.#listeners.add(name, listener);
    this.#table.subscriptions.add(name, background);
    this.#start();
    return () => {
      if (!deaf()) return;
      this.#table.subscriptions.remove(name, background);
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
    const oldest = this.#age(this.#table.ages.oldest(this.#table.unvouched));
    return {
      ...this.#socket.status,
      ...(oldest !== undefined && this.#table.store.size > 0 && { oldest }),
      ...(this.#table.refused !== undefined && { refused: this.#table.refused }),
    };
  }

  /** Whether everyone under `watchEveryone` has been named by the gateway at least once. */
  get complete(): boolean {
    return this.#table.complete;
  }

  /** All users of whom anything is known. */
  ids(): Iterable<string> {
    return this.#table.store.ids();
  }

  /** What is known of a user, named as in `watch`. By address nothing is, until somebody watches that. */
  view(user: string): View {
    const name = userId(user) ?? address(user);
    const { coverage } = this.#table.subscriptions;
    if (name === undefined || (isAddress(name) && coverage.denied(name))) return { stale: false, absence: "invalid" };
    const [id] = isAddress(name) ? (coverage.users(name) ?? []) : [name];
    if (id === undefined) return { stale: false };
    const presence = this.#table.store.get(id);
    const absence = this.#table.store.absence(id);
    if (presence === undefined) return { stale: false, ...(absence && { absence }) };
    const vouched = this.#table.store.vouched(id);
    const stale = this.#stale || (this.#socket.status.state === "live" && this.#settled && !vouched);
    const age = this.#age(this.#table.ages.of(presence, vouched));
    return { presence, stale, ...(age !== undefined && { age }) };
  }

  /** The ids of a group's members whom the caller may see; undefined until the gateway has told them, and where it refuses. */
  members(group: string): readonly string[] | undefined {
    const members = this.#table.subscriptions.coverage.users(groupName(userId(group) ?? ""));
    return members && [...members];
  }

  /** Whether the gateway refuses a group that is watched. It does not say whether there is such a group. */
  refuses(group: string): boolean {
    return this.#table.subscriptions.coverage.denied(groupName(userId(group) ?? ""));
  }

  /** Tries again at once; what was refused for good only when a person `asked`. */
  nudge(asked = false): void {
    this.#anew ||= asked;
    this.#socket.nudge(asked);
  }

  /** Closes the connection while the page sleeps, keeping what it knows as last known. */
  suspend(): void {
    this.#suspended = true;
    this.#socket.close();
    this.#table.subscriptions.closed();
  }

  resume(): void {
    if (!this.#suspended) return;
    this.#suspended = false;
    this.#start();
  }

  /** The page is hidden, or looked at again: meanwhile only what is watched in the background is, over a connection of its own. */
  rest(resting: boolean): void {
    if (resting === (this.#restedAt !== undefined)) return;
    const long = this.#restedAt !== undefined && this.#now() - this.#restedAt > GRACE;
    this.#restedAt = resting ? this.#now() : undefined;
    this.#socket.close();
    this.#table.subscriptions.closed();
    this.#table.subscriptions.rest(resting);
    // What the background did not follow is old, however well the link stood.
    if (long) this.#setStale(true);
    this.#start();
  }

  #start(): void {
    if (!this.#suspended && !this.#table.subscriptions.idle) this.#socket.open();
  }

  /** Disconnects a moment after the last watch ended, as pages often replace one view by the next. */
  #stop(): void {
    if (!this.#table.subscriptions.idle || this.#leaving) return;
    this.#leaving = true;
    setTimeout(() => {
      this.#leaving = false;
      if (!this.#table.subscriptions.idle) return;
      this.#socket.close();
      this.#table.subscriptions.closed();
      if (this.#restedAt !== undefined) return; // what is held is of use again
      clearTimeout(this.#timer);
      this.#stale = false;
    }, 1000);
  }

  #opened(): void {
    // Answered with the gateway's time, so that ages can be told before the first heartbeat.
    this.#socket.send({ type: "ping" });
    // Within, where another tab's connection takes the place of the one before without a loss.
    const recent = this.#within || (this.#lostAt !== undefined && this.#now() - this.#lostAt < KNOWN);
    this.#table.opened(!this.#anew && recent);
    this.#anew = false;
    if (this.#within && !this.#stale) this.#unsettle();
  }

  #linkChanged(status: LinkStatus): void {
    clearTimeout(this.#timer);
    const recovered = this.#degraded && status.state === "live";
    this.#degraded = status.state === "degraded";
    this.#within ||= this.#degraded || status.state === "live";
    switch (status.state) {
      case "live":
        if (recovered) this.#table.subscriptions.search();
        // After a short loss nothing blinks while this connection gives its snapshot; after a long one each state stays
        // stale until it is vouched for.
        this.#settled = this.#stale;
        this.#setStale(false);
        if (!this.#settled) this.#unsettle();
        break;
      case "degraded":
        this.#setStale(true);
        break;
      default:
        if (this.#within) this.#lostAt = this.#now();
        this.#within = false;
        this.#table.subscriptions.closed();
        if (!this.#stale) this.#timer = setTimeout(() => this.#setStale(true), GRACE);
        else this.#setStale(true);
    }
    this.#statusChanged();
  }

  #setStale(stale: boolean): void {
    clearTimeout(this.#timer);
    this.#stale = stale;
    this.#changed(new Set(this.#table.store.ids()));
    this.#statusChanged();
    if (stale && this.#restedAt === undefined) this.#timer = setTimeout(() => this.#setStale(true), TICK);
  }

  /** Gives the connection time to vouch for what the one before gave. */
  #unsettle(): void {
    clearTimeout(this.#timer);
    this.#settled = false;
    this.#timer = setTimeout(() => {
      this.#settled = true;
      this.#changed(new Set(this.#table.store.unvouched()));
    }, GRACE);
  }

  #age(at: number | undefined): number | undefined {
    const now = this.#socket.gatewayNow();
    return now === undefined || at === undefined ? undefined : Math.max(0, now - at);
  }

  /** Tells of users whose view changed, and of addresses and groups that changed themselves. */
  #changed(ids: ReadonlySet<string>, names: Iterable<string> = []): void {
    this.#listeners.tell(ids, (id) => this.#table.subscriptions.coverage.names(id), names);
  }

  #statusChanged(): void {
    for (const listener of [...this.#statusListeners]) listener();
  }
}
