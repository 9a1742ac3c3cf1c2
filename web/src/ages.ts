import type { Presence } from "./protocol.ts";

/**
 * When states were last confirmed, in milliseconds of the gateway's clock. Each state says when it was as it was sent;
 * heartbeats move all that a connection vouches for at once.
 */
export class Ages {
  /** No state that this connection vouches for was confirmed before. */
  #oldest: number | undefined;
  /** The same for states that only earlier connections vouched for. */
  #before: number | undefined;

  /** A new connection, which vouches for nothing yet; `unvouched`: states are held that the one before did not vouch for either. */
  reconnected(unvouched: boolean): void {
    this.#before = unvouched ? earlier(this.#before, this.#oldest) : this.#oldest;
    this.#oldest = undefined;
  }

  heartbeat(oldest: number | undefined): void {
    this.#oldest = oldest;
  }

  /** The connection vouches for a state more. Until the next heartbeat it bounds them all. */
  vouch(presence: Presence, before = false): void {
    this.#oldest = earlier(this.#oldest, before ? this.of(presence, false) : Date.parse(presence.observedAt));
  }

  /** A state was confirmed when it was sent, or whenever a bound on all states says, if that is later. */
  of(presence: Presence, vouched: boolean): number {
    return Math.max(Date.parse(presence.observedAt), (vouched ? this.#oldest : this.#before) ?? -Infinity);
  }

  /** When the oldest state was confirmed; `unvouched`: states are held that this connection does not vouch for. */
  oldest(unvouched: boolean): number | undefined {
    return unvouched ? earlier(this.#before, this.#oldest) : this.#oldest;
  }
}

function earlier(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.min(a, b);
}
