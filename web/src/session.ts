import { STATUSES } from "./address.ts";
import type { FluentStatus } from "./fluent.ts";

/** How many people were in each status at a time, in the order of `STATUSES`; undefined where nobody could tell. */
export interface Point {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly counts: readonly number[] | undefined;
}

/** Points kept at most: more than a plot has pixels for. */
const MOST = 720;

/**
 * The counts by status since the page was opened. Only numbers are kept, and only so many: when there are more, each two
 * become one, so that a night takes no more room than a minute. What was not known stays not known: a gap swallows its
 * neighbour, never the other way round.
 */
export class Session {
  #points: Point[] = [];
  /** Points noted make one point kept. */
  #step = 1;
  #skipped = 0;

  get points(): readonly Point[] {
    return this.#points;
  }

  /** Notes the counts of now; without them, that they are not known. */
  note(at: number, count: ((status: FluentStatus) => number) | undefined): void {
    const last = this.#points.at(-1);
    if (count === undefined) {
      // One point begins a gap; the next that is known ends it.
      if (last === undefined || last.counts === undefined) return;
      this.#add({ at, counts: undefined });
      return;
    }
    // The first after a gap is not passed over: the gap would seem longer than it was.
    if (last?.counts !== undefined && ++this.#skipped < this.#step) return;
    this.#add({ at, counts: STATUSES.map(count) });
  }

  #add(point: Point): void {
    this.#skipped = 0;
    this.#points.push(point);
    if (this.#points.length <= MOST) return;
    this.#points = pairs(this.#points);
    this.#step *= 2;
  }
}

function pairs(points: readonly Point[]): Point[] {
  const halved: Point[] = [];
  for (let i = 0; i < points.length; i += 2) {
    const [a, b] = [points[i]!, points[i + 1]];
    halved.push(b !== undefined && b.counts === undefined ? b : a);
  }
  return halved;
}

/** The least and most there were of each status, and how many at the last point known. */
export function extremes(points: readonly Point[]): readonly { status: FluentStatus; least: number; most: number; last: number }[] {
  const known = points.flatMap((p) => (p.counts === undefined ? [] : [p.counts]));
  return STATUSES.map((status, i) => {
    const numbers = known.map((counts) => counts[i]!);
    return { status, least: Math.min(...numbers), most: Math.max(...numbers), last: numbers.at(-1) ?? 0 };
  });
}
