import { make } from "./dom.ts";

/** A bar that says how much of something is used, of which a part at the end may be set aside. */
export class Meter {
  readonly element = make("div", "meter");
  readonly #bar = make("span", "bar");
  readonly #aside = make("span", "aside");

  constructor(label: string) {
    this.element.setAttribute("role", "meter");
    this.element.setAttribute("aria-label", label);
    this.element.setAttribute("aria-valuemin", "0");
    this.element.append(this.#aside, this.#bar);
  }

  /** Draws `value` of `limit`, `aside` of it set aside; `text` says it in words. Undefined: it is not known. */
  draw(value: number | undefined, limit: number | undefined, text: string, aside = 0): void {
    const known = value !== undefined && limit !== undefined && limit > 0;
    const part = known ? Math.min(1, Math.max(0, value / limit)) : 0;
    this.element.setAttribute("aria-valuemax", String(known ? limit : 1));
    this.element.setAttribute("aria-valuenow", String(known ? Math.min(value, limit) : 0));
    this.element.setAttribute("aria-valuetext", text);
    this.element.classList.toggle("unknown", !known);
    this.#bar.style.width = `${100 * part}%`;
    this.#aside.style.width = known ? `${(100 * aside) / limit}%` : "0";
  }
}
