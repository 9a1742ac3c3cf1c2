import type { View } from "./client.ts";
import { fluent, type Fluent } from "./fluent.ts";
import { ENGLISH, type Words } from "./words.ts";

/** Everything a badge shows of a view. */
export interface Face extends Fluent {
  /** Only the last known state: drawn hollow. */
  readonly stale: boolean;
  /** Status and activity, and that and since when they are only last known. */
  readonly label: string;
  /** The label, and since when it holds where the gateway tells that: what a screen reader says and a tooltip shows. */
  readonly full: string;
  /** A few words to stand beside the badge. */
  readonly word: string;
}

/** After this long, in milliseconds, a state that nobody confirms says nothing any more. */
export const FORGOTTEN = 15 * 60_000;

/** A view as of which a reader is told: a state that nobody has confirmed for too long is none. */
export function told(view: View): View {
  return view.stale && view.age !== undefined && view.age > FORGOTTEN ? { stale: false } : view;
}

/**
 * How a view is shown. What is stale keeps its shape but says since when it is only the last one known, and is unknown
 * once that is long ago. Not read yet, not to be seen, gone: to the reader all are unknown.
 */
export function face(view: View, words: Words = ENGLISH): Face {
  const { presence, stale, age } = told(view);
  const f = fluent(presence);
  const word = words.beside(f.status, f.outOfOffice, presence);
  const now = words.label(f.status, f.outOfOffice, presence);
  const isStale = stale && presence !== undefined;
  const label = isStale ? words.lastKnown(now, age) : now;
  const full = isStale || presence?.since === undefined ? label : words.since(label, presence.since.at);
  return { ...f, stale: isStale, label, full, word };
}
