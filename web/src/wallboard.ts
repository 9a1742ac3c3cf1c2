import { layOut, type Board, type Part } from "./board.ts";
import type { ClientStatus } from "./client.ts";
import { mark } from "./counts.ts";
import { byId, make, setText } from "./dom.ts";
import type { Face } from "./face.ts";
import { Glyph } from "./glyph.ts";
import { linkWord, notice } from "./notice.ts";
import type { Section } from "./roster.ts";

export interface WallboardOptions {
  readonly face: (id: string) => Face;
  /** How many of a section are available. */
  readonly available: (key: string) => number;
  /** The reader leaves the wallboard. */
  readonly onLeave: () => void;
}

/** How long a page stands, in milliseconds. */
const STANDS = 12_000;
/** How long controls stay after the pointer moved. */
const CONTROLS = 3000;

interface Line {
  readonly id: string;
  readonly element: HTMLElement;
  readonly glyph: Glyph;
  readonly word: HTMLElement;
}

/**
 * People on a screen on a wall: letters as large as the screen allows, no controls until somebody moves the pointer or
 * presses a key, page after page where one does not hold everybody.
 */
export class Wallboard {
  #options: WallboardOptions;
  #root = byId("wallboard");
  #clock = make("time", "time");
  #day = make("span", "day");
  #link = make("p", "wall-link");
  #glyph = new Glyph();
  #word = make("strong");
  #text = make("span");
  #page = make("span", "page");
  #grid = make("div", "columns");
  #pause = control("Pause", () => this.#hold(!this.#held));
  #whole = control("Full screen", () => void this.#fullScreen());
  #sections: readonly Section[] = [];
  #board: Board = { lines: 1, columns: 1, line: 1, numbers: false, pages: [] };
  #at = 0;
  #held = false;
  #lines: Line[] = [];
  #totals: { key: string; total: number; element: HTMLElement }[] = [];
  #turning: ReturnType<typeof setInterval> | undefined;
  #ticking: ReturnType<typeof setInterval> | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #lock: WakeLockSentinel | undefined;

  constructor(options: WallboardOptions) {
    this.#options = options;
    const leave = control("Leave", () => options.onLeave());
    const bar = make("div", "controls", control("Previous", () => this.#turn(-1)), this.#pause, control("Next", () => this.#turn(1)), this.#whole, leave);
    this.#link.append(make("span", "icon", this.#glyph.element), this.#word, this.#text);
    this.#whole.hidden = !document.fullscreenEnabled;
    this.#root.append(make("header", "wall-top", make("p", "now-time", this.#clock, this.#day), this.#link, this.#page), this.#grid, bar);
    this.#root.addEventListener("pointermove", () => this.#stir());
    this.#root.addEventListener("focusin", () => this.#stir());
    new ResizeObserver(() => this.#lay()).observe(this.#grid);
    document.addEventListener("fullscreenchange", () => setText(this.#whole, document.fullscreenElement === null ? "Full screen" : "Leave full screen"));
    document.addEventListener("visibilitychange", () => void this.#stayAwake());
    addEventListener("keydown", (event) => this.#key(event));
  }

  get shown(): boolean {
    return !this.#root.hidden;
  }

  show(): void {
    if (this.shown) return;
    this.#root.hidden = false;
    this.#ticking = setInterval(() => this.#tick(), 1000);
    this.#tick();
    this.#hold(false);
    this.#stir();
    void this.#stayAwake();
    this.#lay();
  }

  hide(): void {
    if (!this.shown) return;
    this.#root.hidden = true;
    clearInterval(this.#ticking);
    clearInterval(this.#turning);
    clearTimeout(this.#idle);
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    void this.#stayAwake();
    this.#grid.replaceChildren();
    this.#lines = [];
    this.#totals = [];
  }

  /** Shows these sections from now on, staying on the page that is shown where there still is one. */
  set(sections: readonly Section[]): void {
    this.#sections = sections;
    if (this.shown) this.#lay();
  }

  /** Draws these people again, and the numbers made of them. */
  update(ids: ReadonlySet<string>): void {
    for (const line of this.#lines) if (ids.has(line.id)) this.#draw(line);
    this.#count();
  }

  /** Says how the link stands, and since when what is shown is only last known. */
  status(status: ClientStatus): void {
    if (!this.shown) return;
    const { state } = status;
    const tone = state === "live" ? "green" : state === "degraded" ? "marigold" : state === "connecting" ? "grey" : "red";
    this.#glyph.draw({ shape: state === "live" ? "check" : state === "degraded" ? "clock" : state === "connecting" ? "unknown" : "cross", tone, stale: false });
    setText(this.#word, linkWord(status));
    setText(this.#text, notice(status, true));
    this.#link.dataset.tone = tone;
  }

  #lay(): void {
    const { clientWidth, clientHeight } = this.#grid;
    if (!this.shown || clientHeight === 0) return;
    this.#board = layOut(this.#sections, clientWidth, clientHeight);
    this.#root.style.setProperty("--line", `${this.#board.line}px`);
    this.#root.style.setProperty("--columns", String(this.#board.columns));
    this.#at = Math.min(this.#at, Math.max(0, this.#board.pages.length - 1));
    this.#fill();
  }

  #fill(): void {
    const columns = this.#board.pages[this.#at] ?? [];
    this.#lines = [];
    this.#totals = [];
    this.#grid.classList.toggle("numbers", this.#board.numbers);
    this.#grid.replaceChildren(
      ...columns.map((parts) => make("div", "column", ...parts.map((part) => this.#part(part)))),
      ...(columns.length === 0 ? [make("p", "wall-empty", "Nobody fits what this wallboard shows.")] : []),
    );
    for (const line of this.#lines) this.#draw(line);
    this.#count();
    const n = this.#board.pages.length;
    setText(this.#page, n > 1 ? `${this.#at + 1} of ${n}${this.#held ? ", paused" : ""}` : "");
    for (const b of this.#root.querySelectorAll<HTMLElement>(".turns")) b.hidden = n < 2;
  }

  #part({ section, people, continued }: Part): HTMLElement {
    const total = make("span");
    this.#totals.push({ key: section.key, total: section.total, element: total });
    const heading = make("h2", "", make("span", "team", continued ? `… ${section.name}` : section.name), make("span", "of", mark("available"), total));
    const list = people.map((person) => {
      const glyph = new Glyph();
      const word = make("span", "wall-word");
      const element = make("li", "", make("span", "icon", glyph.element), make("span", "name", person.name), word);
      this.#lines.push({ id: person.id, element, glyph, word });
      return element;
    });
    return make("section", "", heading, ...(list.length > 0 ? [make("ul", "", ...list)] : []));
  }

  #draw({ id, element, glyph, word }: Line): void {
    const face = this.#options.face(id);
    glyph.draw(face);
    setText(word, face.word);
    word.dataset.tone = face.tone;
    element.classList.toggle("stale", face.stale);
  }

  #count(): void {
    for (const { key, total, element } of this.#totals) setText(element, `${this.#options.available(key)} of ${total}`);
  }

  #turn(by: number): void {
    const n = this.#board.pages.length;
    if (n < 2) return;
    this.#at = (this.#at + by + n) % n;
    this.#fill();
    this.#hold(this.#held);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.#grid.animate([{ opacity: 0.2 }, { opacity: 1 }], { duration: 400, easing: "ease-out" });
  }

  /** Stops turning pages, or goes on; either way the page shown has its full time. */
  #hold(held: boolean): void {
    this.#held = held;
    clearInterval(this.#turning);
    if (!held) this.#turning = setInterval(() => this.#turn(1), STANDS);
    setText(this.#pause, held ? "Go on" : "Pause");
    const n = this.#board.pages.length;
    setText(this.#page, n > 1 ? `${this.#at + 1} of ${n}${held ? ", paused" : ""}` : "");
  }

  #tick(): void {
    const now = new Date();
    setText(this.#clock, new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(now));
    setText(this.#day, new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" }).format(now));
  }

  /** Shows the controls, for a while. */
  #stir(): void {
    clearTimeout(this.#idle);
    this.#root.classList.remove("still");
    this.#idle = setTimeout(() => {
      if (!this.#root.querySelector(".controls")!.contains(document.activeElement)) this.#root.classList.add("still");
    }, CONTROLS);
  }

  #key(event: KeyboardEvent): void {
    if (!this.shown || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]") !== null) return;
    const onControl = event.target instanceof HTMLButtonElement;
    const act: Record<string, () => void> = {
      ArrowRight: () => this.#turn(1),
      ArrowLeft: () => this.#turn(-1),
      Escape: () => this.#options.onLeave(),
      ...(!onControl && { " ": () => this.#hold(!this.#held) }),
    };
    this.#stir();
    if (act[event.key] === undefined) return;
    event.preventDefault();
    act[event.key]!();
  }

  async #fullScreen(): Promise<void> {
    try {
      if (document.fullscreenElement !== null) await document.exitFullscreen();
      else await document.documentElement.requestFullscreen();
    } catch {
      // The browser refused; the board fills its window all the same.
    }
  }

  /** Keeps the screen on while the board is seen, where the browser can; it lets go by itself when the page is hidden. */
  async #stayAwake(): Promise<void> {
    if (this.shown && document.visibilityState === "visible") {
      if (this.#lock?.released === false) return;
      this.#lock = await navigator.wakeLock?.request("screen").catch(() => undefined);
    } else {
      await this.#lock?.release().catch(() => undefined);
      this.#lock = undefined;
    }
  }
}

function control(text: string, act: () => void): HTMLButtonElement {
  const button = make("button", /Previous|Next|Pause/.test(text) ? "pill turns" : "pill", text);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}
