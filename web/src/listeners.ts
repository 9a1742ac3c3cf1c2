import { EVERYONE } from "./coverage.ts";

/** Told when something changed, with the ids of the users it concerns. */
export type Listener = (ids: ReadonlySet<string>) => void;

const NOBODY: ReadonlySet<string> = new Set();

/** Who on this page wants to be told of which name: a user id, an address, a group or everyone. */
export class Listeners {
  #of = new Map<string, Set<Listener>>();

  /** Adds a listener; the result takes it away and reports whether it was still there. */
  add(name: string, listener: Listener): () => boolean {
    const listeners = this.#of.get(name) ?? new Set();
    this.#of.set(name, listeners);
    // One of its own for each call: the same function may listen twice.
    const own: Listener = (ids) => listener(ids);
    listeners.add(own);
    return () => {
      if (!listeners.delete(own)) return false;
      if (listeners.size === 0 && this.#of.get(name) === listeners) this.#of.delete(name);
      return true;
    };
  }

  /**
   * Tells those of users who changed, and those of the names that stand for them, once each. `names` are of names that
   * changed themselves.
   */
  tell(ids: ReadonlySet<string>, named: (id: string) => Iterable<string>, names: Iterable<string>): void {
    const under = new Map<string, Set<string>>();
    for (const name of names) under.set(name, new Set());
    for (const id of ids) {
      this.#call(id, NOBODY);
      for (const name of named(id)) {
        if (!this.#of.has(name)) continue;
        const some = under.get(name);
        if (some === undefined) under.set(name, new Set([id]));
        else some.add(id);
      }
    }
    for (const [name, some] of under) this.#call(name, some);
    if (ids.size > 0) this.#call(EVERYONE, ids);
  }

  #call(name: string, ids: ReadonlySet<string>): void {
    for (const listener of [...(this.#of.get(name) ?? [])]) listener(ids);
  }
}
