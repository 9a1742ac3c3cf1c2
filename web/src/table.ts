import { Ages } from "./ages.ts";
import { EVERYONE, groupName, isAddress, isGroup } from "./coverage.ts";
import { userId, type Delta, type Presence, type Refusal, type ServerMessage, type Snapshot } from "./protocol.ts";
import { Store, type Absence } from "./store.ts";
import { Subscriptions, type Request } from "./subscriptions.ts";

/**
 * How long after a loss the gateway may be told which versions are held. A version says nothing of which fields of a
 * state the caller was shown; a gateway whose policy changed distrusts what it is told for longer than this.
 */
export const KNOWN = 4 * 60_000;

export interface TableOptions {
  readonly send: (message: object) => void;
  /** Users whose view changed, and addresses and groups that changed themselves. */
  readonly onChanged: (ids: ReadonlySet<string>, names: ReadonlySet<string>) => void;
  /** A refusal, a bound on ages or completeness changed. */
  readonly onStatus: () => void;
}

/** What the gateway has said: the states held, whom names stand for and how old it all is, by what the page asked. */
export class Table {
  readonly store = new Store();
  readonly ages = new Ages();
  readonly subscriptions: Subscriptions;
  /** Whether everyone has been named once, where everyone is watched. */
  complete = false;
  /** The code of the last refusal of a subscription by the present connection. */
  refused: string | undefined;
  #options: TableOptions;
  /** The versions held may be told: they stand for what this caller is shown still. */
  #known = false;

  constructor(options: TableOptions) {
    this.#options = options;
    this.subscriptions = new Subscriptions({
      send: options.send,
      version: (id) => (this.#known ? this.store.get(id)?.version : undefined),
      onLeft: (left) => this.#left(left),
    });
  }

  /** A new connection; `known`: its gateway may be told the versions held. */
  opened(known: boolean): void {
    this.ages.reconnected(this.unvouched);
    this.store.reconnected();
    this.refused = undefined;
    this.#known = known;
    this.subscriptions.opened();
  }

  take(message: ServerMessage): void {
    switch (message.type) {
      case "snapshot":
        this.#snapshot(message);
        break;
      case "delta":
        this.#delta(message);
        break;
      case "gone":
        this.#gone(message.users, message.reason === "unwatched");
        break;
      case "heartbeat":
        this.ages.heartbeat(message.oldest);
        this.#options.onStatus();
        break;
      case "ack":
        this.subscriptions.take(message.id, true);
        break;
      case "error":
        this.#refusal(message);
        break;
    }
  }

  #delta(message: Delta): void {
    const { coverage } = this.subscriptions;
    const names = new Set<string>();
    const changed = new Set<string>();
    // First, for a state may follow who joined.
    for (const [group, users] of message.joined) {
      names.add(groupName(group));
      for (const id of users) {
        coverage.add(groupName(group), id);
        changed.add(id);
      }
    }
    for (const [group, users] of message.left) {
      names.add(groupName(group));
      for (const id of users) {
        coverage.remove(groupName(group), id);
        changed.add(id);
      }
    }
    this.#prune(changed);
    for (const p of message.presences) if (this.subscriptions.wants(p.id) && this.#put(p)) changed.add(p.id);
    this.#options.onChanged(changed, names);
  }

  /** These states are to be dropped: nobody has them any more, or the caller is out of what they were seen by. */
  #gone(users: readonly string[], unwatched: boolean): void {
    const { coverage } = this.subscriptions;
    const names = new Set<string>();
    for (const id of users) {
      if (unwatched) {
        for (const name of [...coverage.names(id)]) {
          if (!isGroup(name)) continue;
          coverage.remove(name, id);
          names.add(name);
        }
      }
      if (unwatched ? !this.subscriptions.named(id) : !this.subscriptions.wants(id)) this.store.forget(id);
      else this.store.drop(id, unwatched ? "denied" : "gone");
    }
    this.#options.onChanged(new Set(users), names);
  }

  #put(presence: Presence): boolean {
    if (!this.store.put(presence)) return false;
    this.ages.vouch(presence);
    return true;
  }

  /** Whether any state is held only from an earlier connection. */
  get unvouched(): boolean {
    return this.store.unvouched().next().done !== true;
  }

  #snapshot(message: Snapshot): void {
    const request = this.subscriptions.take(message.id, !message.more);
    const changed = new Set<string>();
    // The last part may be the one that says whom an address or a group stands for: until then everybody is taken.
    const wanted = (id: string) => request?.covering === true || this.subscriptions.wants(id);
    for (const p of message.presences) if (wanted(p.id) && this.#put(p)) changed.add(p.id);
    for (const id of message.pending) {
      if (!wanted(id)) continue;
      this.store.pending(id);
      changed.add(id);
    }
    const drop = (ids: readonly string[], absence: Absence) => {
      for (const id of ids) {
        if (userId(id) === undefined || !this.subscriptions.wants(id)) continue; // groups and addresses are among them
        this.store.drop(id, absence);
        changed.add(id);
      }
    };
    drop(message.gone, "gone");
    drop(message.denied, "denied");
    const names = new Set<string>();
    if (request !== undefined) {
      for (const id of message.denied) request.meant.delete(id);
      for (const [name, id] of message.resolved) mean(request, name, [id]);
      for (const [group, users] of message.members) mean(request, groupName(group), users);
      if (!message.more) this.#last(request, changed, names);
    }
    this.#options.onChanged(changed, names);
  }

  /** The last part of a snapshot says as much by whom it leaves out. */
  #last(request: Request, changed: Set<string>, names: Set<string>): void {
    const answered = new Set(request.names);
    if (request.covering) {
      for (const name of request.names) {
        if (userId(name) !== undefined) continue;
        let users: ReadonlySet<string> | undefined = request.means.get(name);
        const before = this.subscriptions.coverage.users(name);
        if (users === undefined && isAddress(name)) {
          if (before && [...before].every((id) => request.meant.has(id))) users = new Set(before);
          else this.subscriptions.missed();
        }
        for (const id of this.subscriptions.coverage.set(name, users)) changed.add(id);
        for (const id of users ?? []) answered.add(id);
        names.add(name);
      }
      this.#prune(changed);
      this.subscriptions.leave(request.meant);
    }
    for (const id of request.known) {
      if (!answered.has(id) || !this.store.confirm(id)) continue;
      this.ages.vouch(this.store.get(id)!, true);
      changed.add(id);
    }
    if (answered.has(EVERYONE)) {
      this.complete = true;
      for (const id of [...this.store.unvouched()]) {
        if (this.subscriptions.named(id) || this.subscriptions.coverage.covers(id) || this.store.awaits(id)) continue;
        this.store.forget(id);
        changed.add(id);
      }
      this.#options.onStatus();
    }
  }

  /** Forgets those of these users whom nobody here watches. */
  #prune(ids: Iterable<string>): void {
    for (const id of ids) if (!this.subscriptions.wants(id)) this.store.forget(id);
  }

  /** Nobody asks by these names any more. */
  #left(left: readonly string[]): void {
    for (const name of left) {
      if (name === EVERYONE) this.#prune([...this.store.ids()]);
      else this.#prune(userId(name) === undefined ? this.subscriptions.coverage.forget(name) : [name]);
    }
  }

  #refusal(message: Refusal): void {
    const request = this.subscriptions.take(message.id, true);
    if (message.code === "rate_limited") {
      if (request !== undefined) this.subscriptions.again(request);
      return;
    }
    this.refused = message.code;
    if (request?.type === "subscribe") {
      const [users, names] = [new Set<string>(), new Set<string>()];
      for (const name of request.names) {
        if (userId(name) === undefined) {
          for (const id of this.subscriptions.coverage.set(name, undefined)) users.add(id);
          names.add(name);
        } else {
          this.store.drop(name, "denied");
          users.add(name);
        }
      }
      this.#prune(users);
      this.#options.onChanged(users, names);
    }
    this.#options.onStatus();
  }
}

function mean(request: Request, name: string, users: readonly string[]): void {
  const means = request.means.get(name) ?? new Set();
  request.means.set(name, means);
  for (const id of users) means.add(id);
}
