/** The bounds of a back-off, in milliseconds. */
export interface Bounds {
  /** Upper bound of the first delay. */
  readonly first: number;
  /** Upper bound of every delay. */
  readonly most: number;
}

/**
 * The delay before an attempt, in milliseconds: full jitter, so anything from nothing up to a bound that doubles with
 * every failure. It is drawn for each attempt, never once for a page: clients that lost the same gateway together must
 * not come back together.
 */
export function backoff(failures: number, bounds: Bounds, random: () => number): number {
  const bound = Math.min(bounds.most, bounds.first * 2 ** Math.min(failures, 30));
  return random() * bound;
}
