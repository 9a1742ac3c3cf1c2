import { make, setText } from "./dom.ts";

/** A figure of the operator's view: a heading, the figure itself, and a line on it; a bar or a plot below. */
export class Tile {
  readonly element: HTMLElement;
  readonly #value = make("p", "value");
  readonly #note = make("p", "note");

  constructor(title: string, ...below: HTMLElement[]) {
    this.element = make("section", "tile", make("h3", "", title), this.#value, this.#note, ...below);
  }

  /** `unknown` figures look unlike any other. */
  draw(value: string, note: string, { unknown = false } = {}): void {
    setText(this.#value, value);
    setText(this.#note, note);
    this.element.classList.toggle("unknown", unknown);
  }
}
