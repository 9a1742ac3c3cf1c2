import { STATUSES } from "./address.ts";
import { make, setText } from "./dom.ts";
import { fluent, type FluentStatus } from "./fluent.ts";
import { Glyph } from "./glyph.ts";
import { statusWord } from "./words.ts";

/** A presence that means each status. */
const SAMPLES: Record<FluentStatus, readonly [availability: string, activity: string]> = {
  available: ["Available", "Available"],
  busy: ["Busy", "Busy"],
  "do-not-disturb": ["DoNotDisturb", "DoNotDisturb"],
  away: ["Away", "Away"],
  "out-of-office": ["Offline", "OutOfOffice"],
  offline: ["Offline", "Offline"],
  unknown: ["PresenceUnknown", "PresenceUnknown"],
};

/** The badge of a status by itself, to stand beside its word. */
export function mark(status: FluentStatus): HTMLElement {
  const [availability, activity] = SAMPLES[status];
  const glyph = new Glyph();
  glyph.draw({ ...fluent({ id: "", availability, activity, version: "", observedAt: "" }), stale: false });
  return make("span", "icon", glyph.element);
}

/** How many people are in each status; a press shows only those. */
export class Counts {
  #chosen: ReadonlySet<FluentStatus> = new Set();
  #chips: { status: FluentStatus; button: HTMLButtonElement; number: HTMLElement }[];

  constructor(root: HTMLElement, onChoose: (statuses: ReadonlySet<FluentStatus>) => void) {
    this.#chips = STATUSES.map((status) => {
      const number = make("b", "", "0");
      const button = make("button", "chip", mark(status), number, ` ${statusWord(status)}`);
      button.type = "button";
      button.addEventListener("click", () => {
        const chosen = new Set(this.#chosen);
        if (!chosen.delete(status)) chosen.add(status);
        onChoose(chosen);
      });
      return { status, button, number };
    });
    root.append(...this.#chips.map((c) => c.button));
    this.choose(this.#chosen);
  }

  draw(count: (status: FluentStatus) => number): void {
    for (const { status, button, number } of this.#chips) {
      const n = count(status);
      setText(number, String(n));
      // A status nobody is in keeps quiet, but stays where it is: numbers that move about cannot be read.
      button.classList.toggle("none", n === 0);
    }
  }

  /** Shows which statuses are chosen. */
  choose(statuses: ReadonlySet<FluentStatus>): void {
    this.#chosen = statuses;
    for (const { status, button } of this.#chips) button.setAttribute("aria-pressed", String(statuses.has(status)));
  }
}
