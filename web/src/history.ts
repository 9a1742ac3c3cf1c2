/** How many moments are kept, of 2 s each: ten minutes. */
const KEPT = 300;
/** What lies further apart, in seconds, is not joined by a line: nobody knows what was in between. */
const GAP = 7;

/** What some figures were in the last minutes, for as long as the page lives. It is of counts alone, and kept nowhere else. */
export class History<Name extends string> {
  readonly times: number[] = [];
  readonly #values: Record<Name, (number | null)[]>;

  constructor(names: readonly Name[]) {
    this.#values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, (number | null)[]>;
  }

  /** Notes what the figures are at a time, in Unix seconds. What is undefined is a gap. */
  note(at: number, figures: Readonly<Record<Name, number | undefined>>): void {
    const last = this.times.at(-1);
    if (last !== undefined && at <= last) return;
    if (last !== undefined && at - last > GAP) this.#push(last + (at - last) / 2, undefined);
    this.#push(at, figures);
  }

  #push(at: number, figures: Readonly<Record<Name, number | undefined>> | undefined): void {
    this.times.push(at);
    for (const name of Object.keys(this.#values) as Name[]) this.#values[name].push(figures?.[name] ?? null);
    if (this.times.length <= KEPT) return;
    this.times.shift();
    for (const name of Object.keys(this.#values) as Name[]) this.#values[name].shift();
  }

  /** What a figure was at each of `times`; null where it was not known. */
  of(name: Name): readonly (number | null)[] {
    return this.#values[name];
  }
}
