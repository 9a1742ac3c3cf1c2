import { Avatar } from "./card.ts";
import type { View } from "./client.ts";
import type { Person } from "./directory.ts";
import { make, setText } from "./dom.ts";
import { face } from "./face.ts";
import { fluent } from "./fluent.ts";
import { Glyph } from "./glyph.ts";
import { span } from "./words.ts";

/** States offered in the demo: what Graph would say of someone, and the words for it. */
const STATES: readonly (readonly [availability: string, activity: string, words: string])[] = [
  ["Available", "Available", "Available"],
  ["Busy", "Busy", "Busy"],
  ["Busy", "InACall", "In a call"],
  ["Busy", "InAMeeting", "In a meeting"],
  ["DoNotDisturb", "Presenting", "Presenting"],
  ["DoNotDisturb", "DoNotDisturb", "Do not disturb"],
  ["BeRightBack", "BeRightBack", "Be right back"],
  ["Away", "Away", "Away"],
  ["Offline", "OffWork", "Off work"],
  ["Offline", "Offline", "Offline"],
];

export interface PanelOptions {
  /** Base address of the gateway. */
  readonly gateway: string;
  /** The simulated tenant can be steered: offer to change someone's presence. */
  readonly demo: boolean;
  /** A sentence for who does not see what became of a press. */
  readonly say: (text: string) => void;
  /** Whether the reader waits for someone to be available. */
  readonly waits: (id: string) => boolean;
  /** The reader begins to wait for someone, or ends that. */
  readonly onWait: (id: string) => void;
  readonly onClose: (id: string) => void;
}

/** One person close up: how they are, the HTML of their badge, and in the demo the means to change how they are. */
export class Panel {
  readonly #dialog = make("dialog", "panel");
  readonly #options: PanelOptions;
  #id: string | undefined;
  #avatar: Avatar | undefined;
  #word = make("p", "state");
  #detail = make("p", "detail");
  #note = make("p", "note");
  #wait = button("wait", "", () => this.#toggle());
  #states: { button: HTMLButtonElement; availability: string; activity: string }[] = [];

  constructor(options: PanelOptions) {
    this.#options = options;
    document.body.append(this.#dialog);
    this.#dialog.addEventListener("close", () => {
      const id = this.#id;
      this.#id = undefined;
      if (id !== undefined) options.onClose(id);
    });
    // A click beside the panel lands on the dialog itself, as its content fills it.
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
  }

  /** The person shown, if any. */
  get open(): string | undefined {
    return this.#id;
  }

  show(person: Person, view: View): void {
    this.#id = person.id;
    this.#avatar = new Avatar(person);
    const heading = make("h2", "", person.name);
    heading.id = "panel-name";
    const close = button("close", "Close", () => this.#dialog.close());
    close.setAttribute("aria-label", "Close");
    close.replaceChildren(cross());
    const about = [person.title, person.department].filter((t) => t !== "").join(" · ");
    this.#dialog.setAttribute("aria-labelledby", heading.id);
    setText(this.#note, "");
    this.#dialog.replaceChildren(
      make(
        "div",
        "sheet",
        make("div", "face", this.#avatar.element, make("div", "", heading, make("p", "about", about)), close),
        make("div", "now", make("div", "", this.#word, this.#detail), this.#wait),
        ...(this.#options.demo ? [this.#changer()] : []),
        this.#embed(person.id),
      ),
    );
    this.draw(view);
    this.#dialog.showModal();
  }

  /** Brings the state shown up to date. */
  draw(view: View): void {
    const f = face(view);
    this.#avatar?.draw(f);
    setText(this.#word, f.label);
    setText(this.#detail, detail(view));
    this.#drawWait(f.status === "available" && !f.stale);
    for (const s of this.#states) {
      const same = view.presence?.availability === s.availability && view.presence.activity === s.activity;
      s.button.setAttribute("aria-pressed", String(same));
    }
  }

  /** The button stays where it is even when there is nothing to wait for: it may have the focus. */
  #drawWait(free: boolean): void {
    const waits = this.#id !== undefined && this.#options.waits(this.#id);
    setText(this.#wait, free && !waits ? "Available now" : waits ? "You will be told when free" : "Tell me when free");
    this.#wait.setAttribute("aria-pressed", String(waits));
    this.#wait.ariaDisabled = String(free && !waits);
  }

  #toggle(): void {
    if (this.#id !== undefined && this.#wait.ariaDisabled !== "true") this.#options.onWait(this.#id);
  }

  #changer(): HTMLElement {
    const heading = make("h3", "", "Change in the simulated tenant");
    this.#states = STATES.map(([availability, activity, words]) => {
      const glyph = new Glyph();
      glyph.draw({ ...fluent(sample(availability, activity)), stale: false });
      const b = button("choice", "", () => void this.#change(availability, activity));
      b.append(make("span", "icon", glyph.element), words);
      return { button: b, availability, activity };
    });
    return make("section", "", heading, make("div", "choices", ...this.#states.map((s) => s.button)), this.#note);
  }

  async #change(availability: string, activity: string): Promise<void> {
    const id = this.#id;
    if (id === undefined) return;
    let answer = "Changed in the tenant. It shows here as soon as the gateway has read it.";
    try {
      const response = await fetch(new URL(`sim/users/${id}/presence`, this.#options.gateway), {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ availability, activity }),
      });
      if (!response.ok) answer = `The tenant refused the change (${response.status}).`;
    } catch {
      answer = "The tenant cannot be reached.";
    }
    setText(this.#note, answer);
    this.#options.say(answer);
  }

  #embed(id: string): HTMLElement {
    const html = `<script type="module" src="${new URL("widget.js", this.#options.gateway).href}"></script>\n<presence-badge user-id="${id}"></presence-badge>`;
    const code = make("code", "", html);
    const pre = make("pre", "", code);
    pre.tabIndex = 0;
    pre.setAttribute("role", "region");
    pre.setAttribute("aria-label", "HTML of this badge");
    const copy = button("copy", "Copy HTML", () => {
      void copyText(html, code).then((done) => {
        setText(copy, done ? "Copied" : "Press Ctrl+C to copy");
        setTimeout(() => setText(copy, "Copy HTML"), 2000);
      });
    });
    return make("section", "", make("h3", "", "Put this badge on a page"), pre, copy);
  }
}

function detail({ presence, age, stale }: View): string {
  if (presence === undefined) return "The gateway has no state to show.";
  const confirmed = stale || age === undefined ? "" : `Confirmed within the last ${span(Math.max(age, 5000))}.`;
  if (presence.since === undefined) return confirmed;
  const at = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" }).format(new Date(presence.since.at));
  return `Since ${at}. ${confirmed}`.trim();
}

function sample(availability: string, activity: string) {
  return { id: "", availability, activity, version: "", observedAt: "" };
}

function button(className: string, text: string, onClick: () => void): HTMLButtonElement {
  const b = make("button", className, text);
  b.type = "button";
  b.addEventListener("click", onClick);
  return b;
}

function cross(): SVGSVGElement {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "m4 4 8 8m0-8-8 8");
  svg.append(path);
  return svg;
}

/** Copies text, or selects it where a page may not write to the clipboard. */
async function copyText(text: string, shown: Node): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(shown);
    return false;
  }
}
