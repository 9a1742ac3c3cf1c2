import { Coverage, EVERYONE, isAddress, isGroup } from "./coverage.ts";

/** A message that the gateway has not answered yet. */
export interface Request {
  readonly type: "subscribe" | "unsubscribe";
  /** What it names: user ids, addresses and groups; or everyone, and nothing else. */
  readonly names: readonly string[];
  /** Users whose version was told; left out of the snapshot they are held at exactly that version. */
  readonly known: ReadonlySet<string>;
  /** Whom its addresses and groups stand for, as far as the parts of the answer have said. */
  readonly means: Map<string, Set<string>>;
  /** Users it names by id too, as those whom addresses meant so far, unless the answer denies them. */
  readonly meant: Set<string>;
  /** Whether it names anything that stands for others, so that its answer may speak of users not named here. */
  readonly covering: boolean;
}

export interface SubscriptionsOptions {
  readonly send: (message: object) => void;
  /** The version held of a user, if there is one the gateway may be told of. */
  readonly version: (id: string) => string | undefined;
  /** These names are no longer watched. */
  readonly onLeft: (left: readonly string[]) => void;
}

/** Names in one message. The gateway takes 5,000; small ones let the first answers come early. */
const CHUNK = 1000;
/** Versions told in one message, 70 bytes each, which has to stay below the gateway's 1 MiB. */
const KNOWN = 5000;
/** How long until addresses that nobody was found by are asked for again, at first and at most, in milliseconds. */
const SOON = 5000;
const SELDOM = 300_000;
/** Messages sent at once, and then one each `REFILL` milliseconds: half of what a gateway allows by default. */
const BURST = 10;
const REFILL = 100;

/**
 * What the page wants to watch by name, and what the present connection has been told of it. Wants are counted, so that
 * any number of badges may show one user; they are told in a microtask, so that a thousand badges appearing together, or
 * one being moved, cost a message or none. Messages are composed as late as possible and paced below the gateway's limit.
 *
 * To the gateway an address is only another way to name its user. So what is left by address is unsubscribed by id, once
 * nothing else names that user, and not before it is known who that is.
 */
export class Subscriptions {
  /** Whom the addresses and groups that are watched stand for. */
  readonly coverage = new Coverage();
  #options: SubscriptionsOptions;
  #wanted = new Map<string, number>();
  /** Those of them that are wanted while the page rests, too. */
  #background = new Map<string, number>();
  #resting = false;
  #told = new Set<string>();
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
  #search: ReturnType<typeof setTimeout> | undefined;
  /** How often addresses were asked for again by this connection. */
  #searched = 0;

  constructor(options: SubscriptionsOptions) {
    this.#options = options;
  }

  /** Whether states of this user are of use to anyone here. */
  wants(id: string): boolean {
    return this.#wanted.has(EVERYONE) || this.#wanted.has(id) || this.coverage.covers(id);
  }

  /** Whether the page asks for a name itself: a user's id, an address, a group's, or everyone's. */
  asks(name: string): boolean {
    return this.#wanted.has(name);
  }

  /** Whether the page names a user, by id or by an address known to be theirs. */
  named(id: string): boolean {
    for (const name of this.coverage.names(id)) if (isAddress(name) && this.asks(name)) return true;
    return this.asks(id);
  }

  /** Whether there is nothing to ask the gateway for. */
  get idle(): boolean {
    return this.#due.size === 0;
  }

  /** What is to be watched now. */
  get #due(): ReadonlyMap<string, number> {
    return this.#resting ? this.#background : this.#wanted;
  }

  /**
   * While the page rests, only what is wanted in the background is asked for; of the rest, what is held stays as the last
   * that was known. Takes effect with the next connection.
   */
  rest(resting: boolean): void {
    this.#resting = resting;
  }

  /** Whether the present connection's gateway has answered for a name that is watched. */
  answered(name: string): boolean {
    for (const { type, names } of this.#requests.values()) if (type === "subscribe" && names.includes(name)) return false;
    return this.#told.has(name);
  }

  add(id: string, background = false): void {
    const due = this.#due.has(id);
    more(this.#wanted, id);
    if (background) more(this.#background, id);
    if (due || !this.#due.has(id)) return;
    if (!this.#leave.delete(id)) this.#join.add(id);
    this.#schedule();
  }

  /** Takes back what was added, with the same `background`. */
  remove(id: string, background = false): void {
    if (background) less(this.#background, id);
    less(this.#wanted, id);
    if (this.#due.has(id)) return;
    if (this.#told.has(id)) this.#leave.add(id);
    else {
      this.#join.delete(id);
      this.#untold.push(id);
    }
    this.#schedule();
  }

  /** The gateway watches these for the page, which does not want them after all. */
  leave(ids: Iterable<string>): void {
    for (const id of ids) {
      if (this.named(id)) continue;
      this.#leave.add(id);
      this.#schedule();
    }
  }

  /** A new connection, which knows nothing yet. */
  opened(): void {
    this.closed();
    this.#connected = true;
    this.#allowance = BURST;
    for (const id of this.#due.keys()) this.#join.add(id);
    this.#pump();
  }

  closed(): void {
    const left = [...this.#leave];
    this.#connected = false;
    clearTimeout(this.#refill);
    this.#refill = undefined;
    clearTimeout(this.#search);
    this.#search = undefined;
    this.#searched = 0;
    this.#told.clear();
    this.#join.clear();
    this.#leave.clear();
    this.#requests.clear();
    if (left.length > 0) this.#options.onLeft(left);
  }

  /** The request with this number; forgotten when its answer was the last part. */
  take(id: number, last: boolean): Request | undefined {
    const request = this.#requests.get(id);
    if (last && this.#requests.delete(id) && this.#leave.size > 0) this.#schedule();
    return request;
  }

  /** The gateway refused a request, which left its subscriptions as they were; says it again a while later. */
  again(request: Request): void {
    this.#allowance = 0;
    for (const id of request.names) {
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

  /**
   * An address was found to be nobody's. A gateway that has just begun, or cannot ask Graph, says so of anybody's: they
   * are asked for again, ever more seldom.
   */
  missed(): void {
    this.#search ??= setTimeout(() => {
      this.#searched++;
      this.search();
    }, Math.min(SELDOM, SOON * 4 ** this.#searched));
  }

  /** Asks again for the addresses that nobody was found by. */
  search(): void {
    clearTimeout(this.#search);
    this.#search = undefined;
    for (const name of [...this.#told]) {
      if (!isAddress(name) || !this.coverage.denied(name) || !this.asks(name)) continue;
      this.#told.delete(name);
      this.#join.add(name);
      this.#schedule();
    }
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
      const { type, names, known } = request;
      if (names.length === 0) continue; // the gateway need not be told
      this.#allowance--;
      const id = ++this.#lastId;
      this.#requests.set(id, request);
      const groups = names.filter(isGroup).map((name) => name.slice(1));
      this.#options.send({
        type,
        id,
        users: names[0] === EVERYONE ? EVERYONE : [...new Set([...names.filter((name) => !isGroup(name)), ...request.meant])],
        ...(groups.length > 0 && { groups }),
        ...(known.size > 0 && { known: Object.fromEntries([...known].map((user) => [user, this.#options.version(user)])) }),
      });
    }
    if (this.#allowance < BURST && this.#connected) this.#refill ??= setTimeout(() => this.#earn(), REFILL);
  }

  #earn(): void {
    this.#refill = undefined;
    this.#allowance++;
    this.#pump();
  }

  #next(): Request | undefined {
    if (this.#leave.size > 0 && ![...this.#requests.values()].some((r) => r.type === "subscribe" && r.covering)) {
      const left = take(this.#leave);
      for (const name of left) this.#told.delete(name);
      const users = left.flatMap((name) => (isAddress(name) ? [...(this.coverage.users(name) ?? [])] : [name]));
      const names = users.filter((name) => isGroup(name) || !this.named(name));
      this.#options.onLeft(left);
      return request("unsubscribe", names);
    }
    if (this.#join.size > 0) {
      const names = take(this.#join);
      const next = request("subscribe", names);
      const known = next.known as Set<string>;
      for (const name of names) {
        this.#told.add(name);
        // A gateway that begins anew may know people before it knows their addresses.
        if (isAddress(name)) for (const id of this.coverage.users(name) ?? []) next.meant.add(id);
        // Of everyone no version is told: who is missing from their snapshot is no longer watched, which that would hide.
        for (const id of this.coverage.users(name) ?? [name]) {
          if (known.size < KNOWN && this.#options.version(id) !== undefined) known.add(id);
        }
      }
      return next;
    }
    return undefined;
  }
}

function more(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

function less(counts: Map<string, number>, name: string): void {
  const count = counts.get(name) ?? 0;
  if (count > 1) counts.set(name, count - 1);
  else counts.delete(name);
}

/** Takes as many names as one message holds; everyone comes last, in a message of its own. */
function take(names: Set<string>): string[] {
  const some = [...names].filter((name) => name !== EVERYONE).slice(0, CHUNK);
  if (some.length === 0) some.push(EVERYONE);
  for (const name of some) names.delete(name);
  return some;
}

function request(type: Request["type"], names: string[]): Request {
  const covering = names.some((name) => isGroup(name) || isAddress(name));
  return { type, names, known: new Set(), means: new Map(), meant: new Set(), covering };
}
