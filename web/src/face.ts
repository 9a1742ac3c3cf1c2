import type { View } from "./client.ts";
import { fluent, type Fluent } from "./fluent.ts";
import { label, span, word } from "./words.ts";

/** Everything a badge shows of a view. */
export interface Face extends Fluent {
  /** Only the last known state: drawn hollow. */
  readonly stale: boolean;
  /** What a screen reader says and a tooltip shows. */
  readonly label: string;
  /** A few words to stand beside the badge. */
  readonly word: string;
}

/** After this long, in milliseconds, a state that nobody confirms says nothing any more. */
const FORGOTTEN = 15 * 60_000;

/**
 * How a view is shown. What is stale keeps its shape but says since when it is only the last one known, and is unknown
 * once that is long ago. Not read yet, not to be seen, gone: to the reader all are unknown.
 */
export function face(view: View): Face {
  const { presence, stale, age } = view;
  if (presence === undefined || (stale && age !== undefined && age > FORGOTTEN)) {
    return { ...fluent(undefined), stale: false, label: "Unknown", word: "Unknown" };
  }
  const f = fluent(presence);
  const now = label(f.status, f.outOfOffice, presence);
  const beside = word(f.status, f.outOfOffice, presence);
  if (!stale) return { ...f, stale, label: now, word: beside };
  const ago = age === undefined ? "" : `, ${span(age)} ago`;
  return { ...f, stale, label: `Last known: ${now}${ago}`, word: beside };
}
