import type { Person } from "./directory.ts";
import type { FluentStatus } from "./fluent.ts";

/** A department and those of its people who are shown, by name. */
export interface Section {
  readonly department: string;
  readonly people: readonly Person[];
  /** People of the department, shown or not. */
  readonly total: number;
}

export interface Filter {
  /** Words that must all occur in name, title or department. */
  readonly text: string;
  /** Statuses shown; none means all. */
  readonly statuses: ReadonlySet<FluentStatus>;
}

interface Entry extends Person {
  readonly haystack: string;
}

/** Who is on the page and in which status: the model behind the list, without a document. */
export class Roster {
  #entries = new Map<string, Entry>();
  #departments: { name: string; people: Entry[] }[] = [];
  #statuses = new Map<string, FluentStatus>();
  #counts = new Map<FluentStatus, number>();

  get size(): number {
    return this.#entries.size;
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  person(id: string): Person | undefined {
    return this.#entries.get(id);
  }

  /** Replaces who is on the page. Their statuses are kept. */
  replace(people: Iterable<Person>): void {
    this.#entries.clear();
    for (const p of people) this.#entries.set(p.id, { ...p, haystack: fold(`${p.name} ${p.title} ${p.department}`) });
    for (const id of [...this.#statuses.keys()]) if (!this.#entries.has(id)) this.#statuses.delete(id);
    const order = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });
    const departments = new Map<string, Entry[]>();
    for (const entry of this.#entries.values()) {
      const list = departments.get(entry.department);
      if (list === undefined) departments.set(entry.department, [entry]);
      else list.push(entry);
    }
    this.#departments = [...departments].map(([name, list]) => ({
      name,
      people: list.sort((a, b) => order.compare(a.name, b.name) || (a.id < b.id ? -1 : 1)),
    }));
    // People without a department come last.
    this.#departments.sort((a, b) => Number(a.name === "") - Number(b.name === "") || order.compare(a.name, b.name));
    this.#counts.clear();
    for (const id of this.#entries.keys()) this.#count(this.status(id), 1);
  }

  status(id: string): FluentStatus {
    return this.#statuses.get(id) ?? "unknown";
  }

  /** Notes someone's status; reports whether it is another than before. */
  setStatus(id: string, status: FluentStatus): boolean {
    const was = this.status(id);
    if (was === status || !this.#entries.has(id)) return false;
    this.#statuses.set(id, status);
    this.#count(was, -1);
    this.#count(status, 1);
    return true;
  }

  /** How many people are in this status, shown or not. */
  count(status: FluentStatus): number {
    return this.#counts.get(status) ?? 0;
  }

  /** How many people of a department are available. */
  available(department: string): number {
    const people = this.#departments.find((d) => d.name === department)?.people ?? [];
    return people.reduce((n, p) => n + Number(this.status(p.id) === "available"), 0);
  }

  sections(filter: Filter): Section[] {
    const words = fold(filter.text).split(/\s+/).filter((w) => w !== "");
    const out: Section[] = [];
    for (const { name, people } of this.#departments) {
      const shown = people.filter(
        (p) =>
          (filter.statuses.size === 0 || filter.statuses.has(this.status(p.id))) && words.every((w) => p.haystack.includes(w)),
      );
      if (shown.length > 0) out.push({ department: name, people: shown, total: people.length });
    }
    return out;
  }

  #count(status: FluentStatus, by: number): void {
    this.#counts.set(status, this.count(status) + by);
  }
}

/** Lower case without accents, so that `jose` finds José. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
