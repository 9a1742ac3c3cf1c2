import { make } from "./dom.ts";
import type { Kept } from "./storage.ts";

/** What a key does. */
export interface Shortcut {
  /** As `KeyboardEvent.key` has it. */
  readonly key: string;
  readonly does: string;
  /** Absent: the key works elsewhere and is only listed. */
  readonly act?: () => void;
}

export interface ShortcutsOptions {
  readonly shortcuts: readonly Shortcut[];
  readonly kept: Kept;
  /** The reader wants changes of people said aloud, or no longer. */
  readonly onSpeak: (wanted: boolean) => void;
}

const KEYS = "presence-gateway.keys";
const SPEAK = "presence-gateway.speak";
const SHOWN: Record<string, string> = { " ": "Space", ArrowUp: "← ↑ ↓ →" };

/**
 * Keys that work anywhere on the page, and the dialog that lists them. Single keys can be switched off there (WCAG 2.1.4):
 * who dictates to the computer types words into it.
 */
export class Shortcuts {
  #options: ShortcutsOptions;
  #dialog = make("dialog", "panel");
  #keys: HTMLInputElement;
  #opener: Element | null = null;

  constructor(options: ShortcutsOptions) {
    this.#options = options;
    const { kept } = options;
    this.#keys = this.#switch("Single keys act anywhere on the page", kept.getItem(KEYS) !== "off", (on) => kept.setItem(KEYS, on ? "on" : "off"));
    const speak = this.#switch("Say changes of people aloud, to a screen reader", kept.getItem(SPEAK) === "on", (on) => {
      kept.setItem(SPEAK, on ? "on" : "off");
      options.onSpeak(on);
    });
    options.onSpeak(speak.checked);
    const heading = make("h2", "", "Keyboard");
    heading.id = "keyboard";
    this.#dialog.setAttribute("aria-labelledby", heading.id);
    const close = make("button", "again", "Close");
    close.type = "button";
    close.addEventListener("click", () => this.#dialog.close());
    const rows = options.shortcuts.flatMap(({ key, does }) => [make("dt", "", make("kbd", "", SHOWN[key] ?? key)), make("dd", "", does)]);
    this.#dialog.append(make("div", "sheet", make("div", "face", heading, close), make("dl", "keys", ...rows), row(this.#keys), row(speak)));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#opener instanceof HTMLElement && this.#opener.focus());
    document.body.append(this.#dialog);
    addEventListener("keydown", (event) => this.#key(event));
  }

  show(): void {
    this.#opener = document.activeElement;
    this.#dialog.showModal();
  }

  #key(event: KeyboardEvent): void {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !this.#keys.checked) return;
    if (event.target instanceof Element && event.target.matches("input:not([type=checkbox]), select, textarea")) return;
    if (document.querySelector("dialog[open], :popover-open") !== null) return;
    const shortcut = this.#options.shortcuts.find((s) => s.key === event.key);
    if (shortcut?.act === undefined) return;
    event.preventDefault();
    shortcut.act();
  }

  #switch(label: string, on: boolean, onChange: (on: boolean) => void): HTMLInputElement {
    const box = make("input");
    box.type = "checkbox";
    box.checked = on;
    box.ariaLabel = label;
    box.addEventListener("change", () => {
      try {
        onChange(box.checked);
      } catch {
        // Not kept by the browser, it holds as long as the page.
      }
    });
    return box;
  }
}

function row(box: HTMLInputElement): HTMLLabelElement {
  return make("label", "switch", box, make("span", "", box.ariaLabel!));
}
