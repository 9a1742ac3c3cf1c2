import { backoff, type Bounds } from "./backoff.ts";
import { decode, ProtocolError, SUBPROTOCOL, type ServerMessage } from "./protocol.ts";

/** What is known of the way to the gateway, and of the gateway's own way to Graph. */
export interface LinkStatus {
  /**
   * `connecting`: no answer yet. `live`: states arrive as Graph tells them. `degraded`: connected, but the gateway says
   * that its reads fail. `offline`: the connection was lost or refused. `signed-out`: the gateway lets in only who is
   * signed in, and there is nothing to sign in with that it accepts; another attempt is made when somebody asks for it.
   */
  readonly state: "connecting" | "live" | "degraded" | "offline" | "signed-out";
  /**
   * Degraded: the gateway's reason. Offline: `lost`, `silent`, `restarting`, `busy`, `no_token` (what to sign in with was
   * refused or could not be had, and is asked for again), `forbidden`, `protocol`, or `no_gateway` where none is known.
   */
  readonly reason?: string;
  /** When this state began, in milliseconds since 1970: the gateway's clock when degraded, the reader's otherwise. */
  readonly since: number;
  /** Offline and signed out: whether another attempt will be made without asking. */
  readonly retrying?: boolean;
}

/** The part of the browser's WebSocket that is used. */
export interface Wire {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
  /**
   * Where the far end is a tab that speaks with the gateway for others: that tab is there but has no connection; how it
   * stands with that, where it can be said. A hello will come once there is one, and may come more than once.
   */
  onlink?: ((status?: LinkStatus) => void) | null;
  /** Likewise: asks it to try at once. */
  nudge?(asked: boolean): void;
  send(frame: string): void;
  close(code?: number, reason?: string): void;
}

/**
 * Gives what to sign in with, an access token or an API key; undefined to come as nobody in particular, or where a
 * person would have to sign in first. `renew`: the one before was refused or is about to end. A rejection counts as a
 * failed attempt, which is made again.
 */
export type TokenSource = (options: { readonly renew: boolean }) => Promise<string | undefined>;

export interface SocketOptions {
  /** `ws:` or `wss:` address of the stream; empty where there is none. */
  readonly url: string;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
  readonly random?: () => number;
  /** `token`: what the connection will be signed in with. */
  readonly dial?: (url: string, protocol: string, token?: string) => Wire;
  /** Asked before each connection, and for a renewal on one; without it nobody signs in. */
  readonly token?: TokenSource;
  /** A new connection said hello, and sign-in is on its way; subscriptions begin anew. */
  readonly onOpen: (hello: string) => void;
  /** Every message but those the socket answers itself, and the frame it came in. */
  readonly onMessage: (message: ServerMessage, frame: string) => void;
  readonly onStatus: (status: LinkStatus) => void;
}

const BACKOFF: Bounds = { first: 500, most: 30_000 };
/** A connection that held this long was good: the next loss starts the back-off anew. */
const HELD = 10_000;
/** How long a connection may take to its hello. */
const PATIENCE = 10_000;
/** Heartbeats of silence after which a connection counts as lost. */
const SILENCE = 2.5;

/** Not signed in, or no longer. */
const SIGNED_OUT = 4401;
/** No sign-in in time. */
const WAITED = 4408;
/** Why a close code means that the same attempt cannot succeed later. */
const FINAL: Record<number, string> = { 1009: "protocol", 4400: "protocol", 4403: "forbidden" };
/** Reasons behind the other codes; all else is `lost`. */
const PASSING: Record<number, string> = { 1012: "restarting", [WAITED]: "no_token", 4429: "busy" };

/**
 * One connection to a gateway that comes back by itself. It knows nothing of presence: it dials, listens for silence,
 * waits with full jitter after a loss (or as long as the gateway's goodbye asks), and tells honestly how things stand.
 * The constructor starts nothing; `open` does, and `close` ends it.
 */
export class Socket {
  #options: SocketOptions;
  #wire: Wire | undefined;
  #status: LinkStatus = { state: "connecting", since: Date.now() };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wanted = false;
  /** Counts connections begun, so that a token that comes late is not used for one given up meanwhile. */
  #attempt = 0;
  #token: string | undefined;
  /** The gateway refused the last token and has let nobody in since. */
  #refused = false;
  #greeted = false;
  #failures = 0;
  #greetedAt: number | undefined;
  #heardAt = 0;
  #waitingSince = 0;
  #heartbeat = 10_000;
  #goodbye: number | undefined;
  #gateway: { at: number; mark: number } | undefined;

  constructor(options: SocketOptions) {
    this.#options = options;
  }

  get status(): LinkStatus {
    return this.#status;
  }

  /** Whether messages can be sent: the gateway has said hello. */
  get ready(): boolean {
    return this.#greeted;
  }

  /** Milliseconds since 1970 by the gateway's clock, as last heard; undefined before the first word of it. */
  gatewayNow(): number | undefined {
    return this.#gateway && this.#gateway.at + this.#options.now() - this.#gateway.mark;
  }

  open(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#dial();
  }

  /** Ends the connection and all attempts at it. `open` starts again. */
  close(): void {
    this.#wanted = false;
    this.#failures = 0;
    this.#hangUp(1000);
    this.#tell({ state: "connecting", since: Date.now() });
  }

  /**
   * Something hints that an attempt may succeed now (the network is back, the page is looked at again, a person asked):
   * tries at once what a back-off still holds back, and checks a connection that may have died in its sleep. What was
   * refused for good is tried again only when a person `asked`, and only then is it seen whether there is something else
   * to sign in with, for which the connection is made anew.
   */
  nudge(asked = false): void {
    if (!this.#wanted) return;
    if (asked) this.#refused = false; // there may be something else to sign in with
    if (this.#wire !== undefined) {
      if (this.#greeted) this.#listen();
      this.#wire?.nudge?.(asked);
      if (asked) this.#change();
    } else if (asked || (this.#status.retrying && this.#options.now() - this.#waitingSince >= 1000)) {
      // Unasked not more often than once a second, or a flapping network becomes a hammer.
      // Whoever was signed out is not, until the gateway says so again.
      if (this.#status.state === "signed-out") this.#tell({ state: "connecting", since: Date.now() });
      else this.#tell({ ...this.#status, ...(this.#status.retrying === false && { retrying: true }) });
      this.#dial();
    }
  }

  /** Sends a message; dropped when there is no connection, as its subscriptions begin anew with the next. */
  send(message: object): void {
    if (this.#greeted) this.#wire?.send(JSON.stringify(message));
  }

  #dial(): void {
    clearTimeout(this.#timer);
    this.#goodbye = undefined;
    this.#greetedAt = undefined;
    const attempt = ++this.#attempt;
    const { token, url } = this.#options;
    if (url === "") return this.#end({ state: "offline", reason: "no_gateway" });
    if (token === undefined) {
      this.#connect();
      return;
    }
    token({ renew: this.#refused }).then(
      (token) => {
        if (attempt !== this.#attempt) return;
        if (token === undefined && this.#refused) {
          this.#end({ state: "signed-out" });
          return;
        }
        this.#token = token;
        this.#connect();
      },
      () => attempt === this.#attempt && this.#retry("no_token"),
    );
  }

  #connect(): void {
    const dial = this.#options.dial ?? ((url: string, protocol: string) => new WebSocket(url, protocol) as unknown as Wire);
    let wire: Wire;
    try {
      wire = dial(this.#options.url, SUBPROTOCOL, this.#token);
    } catch {
      // The browser may refuse an address outright, such as ws: from a page on https:.
      this.#retry("lost");
      return;
    }
    this.#wire = wire;
    wire.onmessage = ({ data }) => this.#hear(data);
    wire.onclose = ({ code }) => this.#lost(code);
    wire.onlink = (status) => {
      this.#greeted = false;
      this.#heardAt = this.#options.now();
      this.#listen();
      if (status !== undefined) this.#tell(status);
    };
    this.#timer = setTimeout(() => this.#abandon("lost"), PATIENCE);
  }

  #hear(data: unknown): void {
    this.#heardAt = this.#options.now();
    let message: ServerMessage | undefined;
    try {
      message = decode(data);
      if (!this.#greeted && message?.type !== "hello") throw new ProtocolError("no hello before other messages");
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      // What was misread may have been a state: a connection made anew gives them all again.
      this.#abandon("protocol");
      return;
    }
    if (message === undefined) return;
    switch (message.type) {
      case "hello":
        this.#greeted = true;
        this.#greetedAt = this.#heardAt;
        this.#heartbeat = message.heartbeatSeconds * 1000;
        this.#listen();
        // Before anything else, and without waiting for the answer: the gateway takes messages in their order.
        if (this.#token !== undefined) this.send({ type: "authenticate", token: this.#token });
        this.#options.onOpen(data as string);
        return;
      case "status":
        this.#refused = false; // it is told to those who are in
        this.#tell(
          message.state === "live"
            ? { state: "live", since: Date.now() }
            : { state: "degraded", reason: message.reason, since: Date.parse(message.since) || Date.now() },
        );
        break;
      case "expiring":
        this.#renew();
        return;
      case "goodbye":
        this.#goodbye = message.reconnectAfterMs;
        return;
      case "error":
        // Without anything to sign in with there is no use in waiting until the gateway ends it.
        if (message.code === "unauthenticated" && this.#token === undefined) {
          this.#hangUp(1000);
          this.#signedOut();
          return;
        }
        break;
      case "heartbeat":
      case "pong":
        this.#gateway = { at: message.at, mark: this.#heardAt };
        break;
    }
    this.#options.onMessage(message, data as string);
  }

  /** Signs in again on the connection that stands. Where that fails, the gateway ends it, and the next one begins with a new token. */
  #renew(): void {
    const wire = this.#wire;
    this.#options.token?.({ renew: true }).then(
      (token) => {
        if (token === undefined || wire !== this.#wire) return;
        this.#token = token;
        this.send({ type: "authenticate", token });
      },
      () => {},
    );
  }

  /** Somebody else may have signed in, or out: as a connection belongs to one caller, they get their own. */
  #change(): void {
    const wire = this.#wire;
    this.#options.token?.({ renew: false }).then(
      (token) => {
        if (wire !== this.#wire || token === this.#token) return;
        this.#hangUp(1000);
        this.#tell({ state: "connecting", since: Date.now() });
        this.#dial();
      },
      () => {},
    );
  }

  /** Watches for silence with one timer that is set again when it fires, not at every message. */
  #listen(): void {
    clearTimeout(this.#timer);
    const left = this.#heardAt + SILENCE * this.#heartbeat - this.#options.now();
    if (left <= 0) this.#abandon("silent");
    else this.#timer = setTimeout(() => this.#listen(), Math.ceil(left));
  }

  /** Gives up a connection without waiting for its close, which on a dead network can take minutes. */
  #abandon(reason: string): void {
    this.#hangUp(4000);
    this.#retry(reason);
  }

  #lost(code: number): void {
    this.#hangUp();
    const reason = FINAL[code];
    if (code === SIGNED_OUT || (code === WAITED && this.#token === undefined)) this.#signedOut();
    else if (reason !== undefined) this.#end({ state: "offline", reason });
    else this.#retry(PASSING[code] ?? "lost");
  }

  /** The gateway does not let in who came. A new token may do; a second refusal is the last. */
  #signedOut(): void {
    if (this.#options.token === undefined || this.#refused) {
      this.#end({ state: "signed-out" });
    } else {
      this.#refused = true;
      this.#retry("no_token");
    }
  }

  /** Stops trying until somebody asks. */
  #end(status: Pick<LinkStatus, "state" | "reason">): void {
    this.#waitingSince = this.#options.now();
    this.#tell({ ...status, since: this.#since(), retrying: false });
  }

  #retry(reason: string): void {
    if (this.#greetedAt !== undefined && this.#heardAt - this.#greetedAt >= HELD) this.#failures = 0;
    const wait = this.#goodbye ?? backoff(this.#failures, BACKOFF, this.#options.random ?? Math.random);
    this.#failures++;
    this.#waitingSince = this.#options.now();
    this.#timer = setTimeout(() => this.#dial(), wait);
    this.#tell({ state: "offline", reason, since: this.#since(), retrying: true });
  }

  /** When the present outage began: attempts that fail in between do not make it younger. */
  #since(): number {
    const { state, since } = this.#status;
    return state === "offline" || state === "signed-out" ? since : Date.now();
  }

  #hangUp(code?: number): void {
    clearTimeout(this.#timer);
    this.#attempt++;
    const wire = this.#wire;
    this.#wire = undefined;
    this.#greeted = false;
    if (wire === undefined) return;
    wire.onmessage = wire.onclose = wire.onlink = null;
    if (code !== undefined) wire.close(code);
  }

  #tell(status: LinkStatus): void {
    const was = this.#status;
    this.#status = status;
    if (was.state !== status.state || was.reason !== status.reason || was.retrying !== status.retrying) {
      this.#options.onStatus(status);
    }
  }
}
