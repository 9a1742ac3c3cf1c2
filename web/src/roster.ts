import { STATUSES, type Choice, type Grouping } from "./address.ts";
import type { Group, Person } from "./directory.ts";
import type { FluentStatus } from "./fluent.ts";

/** A team or department and those of its people who are shown, in the order chosen. */
export interface Section {
  /** Tells it from every other section of its grouping. */
  readonly key: string;
  readonly name: string;
  readonly people: readonly Person[];
  /** People it has, shown or not. */
  readonly total: number;
}

/** What a choice leaves: sections, and how many people stand in them, each counted once. */
export interface Selection {
  readonly sections: readonly Section[];
  readonly people: number;
}

interface Entry extends Person {
  readonly haystack: string;
  /** Place in the order of names. */
  readonly rank: number;
  status: FluentStatus;
  /** When they entered their state, in milliseconds since 1970. */
  since: number | undefined;
  /** The sections they stand in, as people are grouped now. */
  within: Box[];
}

interface Box {
  readonly key: string;
  readonly name: string;
  /** By name. */
  readonly people: Entry[];
  available: number;
}

const NAMES: Record<Grouping, string> = { team: "In no team", department: "No department", none: "Everyone" };

/** Who is on the page and in which status: the model behind every view of them, without a document. */
export class Roster {
  #entries = new Map<string, Entry>();
  #ranked: Entry[] = [];
  #teams: readonly Group[] = [];
  #boxes: Box[] = [];
  #byKey = new Map<string, Box>();
  #by: Grouping | undefined;
  #counts = new Map<FluentStatus, number>();
  #order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  person(id: string): Person | undefined {
    return this.#entries.get(id);
  }

  ids(): Iterable<string> {
    return this.#entries.keys();
  }

  /** The teams, by name. A group that everyone is in tells nobody from anybody, and is none. */
  get teams(): readonly Group[] {
    return this.#teams;
  }

  /** The departments, by name. */
  get departments(): readonly string[] {
    const names = new Set(this.#ranked.map((p) => p.department));
    names.delete("");
    return [...names].sort((a, b) => this.#order.compare(a, b));
  }

  /** What people are grouped by where nobody chose. */
  get grouping(): Grouping {
    return this.#teams.length > 0 ? "team" : "department";
  }

  /** Whether the gateway says of anyone since when they are as they are. */
  get timed(): boolean {
    return this.#ranked.some((p) => p.since !== undefined);
  }

  /** Replaces who is on the page. Their statuses are kept. */
  replace(people: Iterable<Person>, groups: readonly Group[] = []): void {
    const before = this.#entries;
    const sorted = [...people].sort((a, b) => this.#order.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
    this.#ranked = sorted.map((p, rank) => {
      const was = before.get(p.id);
      return { ...p, rank, haystack: fold(`${p.name} ${p.title} ${p.department}`), status: was?.status ?? "unknown", since: was?.since, within: [] };
    });
    this.#entries = new Map(this.#ranked.map((p) => [p.id, p]));
    const sizes = new Map<string, number>();
    for (const p of this.#ranked) for (const g of p.groups) sizes.set(g, (sizes.get(g) ?? 0) + 1);
    this.#teams = groups
      .filter(({ id }) => (sizes.get(id) ?? 0) > 0 && sizes.get(id)! < this.#ranked.length)
      .sort((a, b) => this.#order.compare(a.name, b.name) || (a.id < b.id ? -1 : 1));
    this.#counts.clear();
    for (const p of this.#ranked) this.#count(p.status, 1);
    this.#by = undefined;
  }

  status(id: string): FluentStatus {
    return this.#entries.get(id)?.status ?? "unknown";
  }

  /** Notes someone's state; reports whether they may now stand elsewhere than before. */
  set(id: string, status: FluentStatus, since?: number): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || (entry.status === status && entry.since === since)) return false;
    const was = entry.status;
    entry.since = since;
    if (was === status) return true;
    entry.status = status;
    this.#count(was, -1);
    this.#count(status, 1);
    const by = Number(status === "available") - Number(was === "available");
    for (const box of entry.within) box.available += by;
    return true;
  }

  /** How many people are in this status, shown or not, each counted once. */
  count(status: FluentStatus): number {
    return this.#counts.get(status) ?? 0;
  }

  /** How many people of a section are available, as they were grouped last. */
  available(key: string): number {
    return this.#byKey.get(key)?.available ?? 0;
  }

  /** Who is shown under a choice. Those `kept` are shown whatever their status: nobody vanishes under a reader's hands. */
  select(choice: Choice, kept?: string): Selection {
    this.#group(choice.by ?? this.grouping);
    const words = fold(choice.text).split(/\s+/).filter((w) => w !== "");
    const shown = this.#ranked.map(
      (p) =>
        (choice.statuses.size === 0 || choice.statuses.has(p.status) || p.id === kept) &&
        (choice.team === "" || p.groups.includes(choice.team)) &&
        (choice.department === "" || p.department === choice.department) &&
        words.every((w) => p.haystack.includes(w)),
    );
    const sections: Section[] = [];
    for (const { key, name, people } of this.#boxes) {
      // Who looks at a team sees it once, not the other teams its people are also in.
      if (choice.team !== "" && this.#by === "team" && key !== choice.team) continue;
      const some = sorted(people.filter((p) => shown[p.rank]), choice.sort);
      if (some.length > 0) sections.push({ key, name, people: some, total: people.length });
    }
    return { sections, people: shown.reduce((n, s) => n + Number(s), 0) };
  }

  #group(by: Grouping): void {
    if (this.#by === by) return;
    this.#by = by;
    const boxes = new Map<string, Box>();
    if (by === "team") for (const { id, name } of this.#teams) boxes.set(id, { key: id, name, people: [], available: 0 });
    for (const p of this.#ranked) {
      let keys = by === "team" ? p.groups.filter((g) => boxes.has(g)) : [by === "department" ? p.department : ""];
      if (keys.length === 0) keys = [""];
      p.within = keys.map((key) => {
        let box = boxes.get(key);
        if (box === undefined) boxes.set(key, (box = { key, name: key === "" ? NAMES[by] : key, people: [], available: 0 }));
        box.people.push(p);
        box.available += Number(p.status === "available");
        return box;
      });
    }
    this.#byKey = boxes;
    // Who belongs nowhere comes last.
    this.#boxes = [...boxes.values()].sort((a, b) => Number(a.key === "") - Number(b.key === "") || this.#order.compare(a.name, b.name));
  }

  #count(status: FluentStatus, by: number): void {
    this.#counts.set(status, this.count(status) + by);
  }
}

/** People given by name, in the order asked for; those who are equal in it stay by name. */
function sorted(people: Entry[], sort: Choice["sort"]): Entry[] {
  switch (sort) {
    case "name":
      return people;
    case "state":
      // Nothing is compared: this happens again and again while ten thousand change.
      return STATUSES.flatMap((status) => people.filter((p) => p.status === status));
    case "since":
      return people.sort((a, b) => (a.since ?? Infinity) - (b.since ?? Infinity) || a.rank - b.rank);
  }
}

/** Lower case without accents, so that `jose` finds José. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
