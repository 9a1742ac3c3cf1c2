import { setText } from "./dom.ts";
import { STATUSES } from "./address.ts";
import type { FluentStatus } from "./fluent.ts";
import { statusWord } from "./words.ts";

/** Between two things said, in milliseconds: a screen reader is not talked over. */
const PAUSE = 5000;

/**
 * What the page says aloud to those who hear it, through the one live region it has. What a press led to is said at once;
 * changes of people are gathered, and said only where the reader asked for it.
 */
export class Voice {
  #region: HTMLElement;
  #changes = new Map<FluentStatus, Set<string>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #told = -Infinity;
  /** Whether changes of people are said. */
  changes = false;

  constructor(region: HTMLElement) {
    this.#region = region;
  }

  /** Says a sentence. A modal dialog silences what is outside it, so the region goes where the reader is. */
  say(text: string): void {
    if (text === "") return;
    const place = document.querySelector("dialog[open]") ?? document.body;
    if (this.#region.parentElement !== place) place.append(this.#region);
    setText(this.#region, "");
    // Emptied and filled in two steps, so that the same sentence can be said twice.
    setTimeout(() => setText(this.#region, text), 50);
  }

  /** Someone entered a status; several such are said together. */
  changed(id: string, status: FluentStatus): void {
    if (!this.changes) return;
    for (const ids of this.#changes.values()) ids.delete(id);
    const ids = this.#changes.get(status) ?? new Set();
    this.#changes.set(status, ids.add(id));
    this.#timer ??= setTimeout(() => this.#tell(), Math.max(500, this.#told + PAUSE - performance.now()));
  }

  #tell(): void {
    this.#timer = undefined;
    this.#told = performance.now();
    this.say(sentence(new Map([...this.#changes].map(([status, ids]) => [status, ids.size]))));
    this.#changes.clear();
  }
}

/** `3 people became available, 1 away.` Empty where nobody changed. */
export function sentence(changes: ReadonlyMap<FluentStatus, number>): string {
  const parts = STATUSES.filter((s) => (changes.get(s) ?? 0) > 0).map((s) => [changes.get(s)!, statusWord(s).toLowerCase()] as const);
  if (parts.length === 0) return "";
  return parts.map(([n, word], i) => (i === 0 ? `${n} ${n === 1 ? "person" : "people"} became ${word}` : `${n} ${word}`)).join(", ") + ".";
}
