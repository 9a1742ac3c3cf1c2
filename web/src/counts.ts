import { make, setText } from "./dom.ts";
import { fluent, type FluentStatus } from "./fluent.ts";
import { Glyph } from "./glyph.ts";
import { statusWord } from "./words.ts";

/** The statuses in the order of how reachable someone is, each with a presence that means it. */
const STATUSES: readonly (readonly [status: FluentStatus, availability: string, activity: string])[] = [
  ["available", "Available", "Available"],
  ["busy", "Busy", "Busy"],
  ["do-not-disturb", "DoNotDisturb", "DoNotDisturb"],
  ["away", "Away", "Away"],
  ["out-of-office", "Offline", "OutOfOffice"],
  ["offline", "Offline", "Offline"],
  ["unknown", "PresenceUnknown", "PresenceUnknown"],
];

/** How many people are in each status; a press shows only those. */
export class Counts {
  readonly chosen = new Set<FluentStatus>();
  #chips: { status: FluentStatus; button: HTMLButtonElement; number: HTMLElement }[];

  constructor(root: HTMLElement, onChange: () => void) {
    this.#chips = STATUSES.map(([status, availability, activity]) => {
      const glyph = new Glyph();
      glyph.draw({ ...fluent({ id: "", availability, activity, version: "", observedAt: "" }), stale: false });
      const number = make("b", "", "0");
      const button = make("button", "chip", make("span", "icon", glyph.element), number, ` ${statusWord(status)}`);
      button.type = "button";
      button.addEventListener("click", () => {
        if (!this.chosen.delete(status)) this.chosen.add(status);
        this.#press();
        onChange();
      });
      return { status, button, number };
    });
    root.append(...this.#chips.map((c) => c.button));
    this.#press();
  }

  draw(count: (status: FluentStatus) => number): void {
    for (const { status, button, number } of this.#chips) {
      const n = count(status);
      setText(number, String(n));
      // A status nobody is in keeps quiet, but stays where it is: numbers that move about cannot be read.
      button.classList.toggle("none", n === 0);
    }
  }

  clear(): void {
    this.chosen.clear();
    this.#press();
  }

  #press(): void {
    for (const { status, button } of this.#chips) button.setAttribute("aria-pressed", String(this.chosen.has(status)));
  }
}
