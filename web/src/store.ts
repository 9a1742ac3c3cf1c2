import type { Presence } from "./protocol.ts";
import { compareVersions } from "./version.ts";

/**
 * Why a user has no state: not read yet, no longer there, not to be seen, or named by what is neither an id nor an
 * address that the gateway finds anybody by. To a reader of badges all are unknown.
 */
export type Absence = "pending" | "gone" | "denied" | "invalid";

interface Entry {
  presence: Presence;
  /** The connection that last vouched for this state. */
  epoch: number;
}

/**
 * The states one page holds. Every state is whole, so applying one twice, or never seeing those in between, is harmless;
 * within a connection a state replaces the one before only under a higher version. The first word of a new connection
 * about a user replaces whatever is held: the gateway may have lost its memory, and then its versions begin anew.
 */
export class Store {
  #entries = new Map<string, Entry>();
  #absent = new Map<string, Absence>();
  /** Users whom the present connection's gateway has not read yet. */
  #unread = new Set<string>();
  #epoch = 0;

  /** A new connection: what is held stays, but is no longer vouched for. */
  reconnected(): void {
    this.#epoch++;
    this.#unread.clear();
  }

  get(id: string): Presence | undefined {
    return this.#entries.get(id)?.presence;
  }

  absence(id: string): Absence | undefined {
    return this.#absent.get(id);
  }

  /** Whether the present connection vouches for the state held. */
  vouched(id: string): boolean {
    return this.#entries.get(id)?.epoch === this.#epoch;
  }

  /** How many states are held. */
  get size(): number {
    return this.#entries.size;
  }

  /** Ids of all users of whom anything was said: a state, or why there is none. */
  *ids(): Generator<string> {
    yield* this.#entries.keys();
    for (const id of this.#absent.keys()) if (!this.#entries.has(id)) yield id;
  }

  /** The ids of states held that the present connection has not vouched for. */
  *unvouched(): Generator<string> {
    for (const [id, entry] of this.#entries) if (entry.epoch !== this.#epoch) yield id;
  }

  /** Takes a state from a snapshot or a delta; reports whether anything changed for a reader. */
  put(presence: Presence): boolean {
    const held = this.#entries.get(presence.id);
    if (held !== undefined && held.epoch === this.#epoch && compareVersions(presence.version, held.presence.version) <= 0) {
      return false;
    }
    this.#entries.set(presence.id, { presence, epoch: this.#epoch });
    this.#absent.delete(presence.id);
    this.#unread.delete(presence.id);
    return true;
  }

  /** Whether the present connection's gateway has yet to read this user. */
  awaits(id: string): boolean {
    return this.#unread.has(id);
  }

  /** The gateway holds exactly the version it was told of; reports whether that is news. */
  confirm(id: string): boolean {
    const held = this.#entries.get(id);
    if (held === undefined || held.epoch === this.#epoch || this.#unread.has(id)) return false;
    held.epoch = this.#epoch;
    return true;
  }

  /** The gateway has not read this user yet. A state from an earlier connection stays, as the last one known. */
  pending(id: string): void {
    this.#unread.add(id);
    if (!this.#entries.has(id)) this.#absent.set(id, "pending");
  }

  /** Drops a state and keeps the reason. */
  drop(id: string, absence: Absence): void {
    this.forget(id);
    this.#absent.set(id, absence);
  }

  /** Nobody on this page watches the user any more. */
  forget(id: string): void {
    this.#entries.delete(id);
    this.#absent.delete(id);
    this.#unread.delete(id);
  }
}
