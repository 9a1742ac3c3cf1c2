import type { Person } from "./directory.ts";
import { make, setText } from "./dom.ts";
import type { Face } from "./face.ts";
import { Glyph } from "./glyph.ts";

/** A picture of someone made of initials on a tint that stays theirs, with their badge at its corner. */
export class Avatar {
  readonly element: HTMLElement;
  #initials = new Text();
  #glyph = new Glyph();

  constructor(person: Person) {
    this.element = make("span", `avatar tint-${tint(person.id)}`, this.#initials, make("span", "corner", this.#glyph.element));
    this.element.setAttribute("aria-hidden", "true");
    this.name(person);
  }

  /** Takes the initials of the name they go by now. */
  name(person: Person): void {
    setText(this.#initials, initials(person.name));
  }

  draw(face: Face): void {
    this.#glyph.draw(face);
  }
}

/** One person in the list: who they are, and how they are in shape and word. */
export class Card {
  readonly element: HTMLLIElement;
  readonly button: HTMLButtonElement;
  readonly id: string;
  #avatar: Avatar;
  #name = make("span", "name");
  #title = make("span", "title");
  #word = make("span", "word");
  #shown: string | undefined;
  #bell: SVGElement | undefined;

  constructor(person: Person) {
    this.id = person.id;
    this.#avatar = new Avatar(person);
    this.button = make(
      "button",
      "card",
      this.#avatar.element,
      make("span", "who", this.#name, this.#title),
      this.#word,
    );
    this.button.type = "button";
    this.button.dataset.id = person.id;
    this.element = make("li", "", this.button);
    this.name(person);
  }

  /** Shows the name and title they have now. */
  name(person: Person): void {
    this.#avatar.name(person);
    setText(this.#name, person.name);
    setText(this.#title, person.title);
  }

  /** Marks someone who is waited for. */
  wait(waited: boolean): void {
    if (waited === (this.#bell !== undefined)) return;
    this.#bell?.remove();
    this.#bell = waited ? bell() : undefined;
    if (this.#bell !== undefined) this.#word.before(this.#bell);
  }

  draw(face: Face): void {
    this.#avatar.draw(face);
    const word = face.stale ? `last known: ${face.word}` : face.word;
    setText(this.#word, word);
    this.#word.dataset.tone = face.tone;
    this.button.title = face.label;
    this.button.classList.toggle("stale", face.stale);
    // From or to what nobody knows is no change of theirs.
    const known = face.shape !== "unknown" && !face.stale;
    if (known && this.#shown !== undefined && this.#shown !== face.label) this.#flash();
    this.#shown = known ? face.label : undefined;
  }

  /** Draws the eye to a change for a moment, where motion is welcome. */
  #flash(): void {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.button.animate([{ backgroundColor: "var(--flash)" }, {}], { duration: 1600, easing: "ease-out" });
  }
}

function bell(): SVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "bell");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "You will be told when free");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M8 2.2a3.8 3.8 0 0 0-3.8 3.8v2.6L3 11h10l-1.2-2.4V6A3.8 3.8 0 0 0 8 2.2M6.6 13.2a1.5 1.5 0 0 0 2.8 0");
  svg.append(path);
  return svg;
}

function initials(name: string): string {
  const words = name.replace(/\(.*?\)|,.*/g, "").split(/\s+/).filter((w) => /^\p{L}/u.test(w));
  const first = words[0];
  if (first === undefined) return "?";
  const last = words.length > 1 ? words[words.length - 1]! : "";
  return ([...first][0]! + ([...last][0] ?? "")).toUpperCase();
}

function tint(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (hash * 31 + id.charCodeAt(i)) >>> 0;
  return hash % 8;
}
