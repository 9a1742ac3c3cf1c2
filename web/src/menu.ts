import { make } from "./dom.ts";

/** A button, and what it opens below itself. The browser closes it on Escape or a press elsewhere, and minds the focus. */
export class Menu {
  readonly button: HTMLButtonElement;
  readonly content: HTMLElement;

  /** `onOpen` draws the content just before it is seen. */
  constructor(id: string, label: string, onOpen: () => void) {
    this.button = make("button", "pill", label);
    this.button.type = "button";
    this.content = make("div", "menu");
    this.content.id = id;
    this.content.popover = "auto";
    this.content.setAttribute("role", "dialog");
    this.content.setAttribute("aria-label", label);
    this.button.popoverTargetElement = this.content;
    this.button.setAttribute("aria-haspopup", "dialog");
    this.content.addEventListener("beforetoggle", (event) => {
      if ((event as ToggleEvent).newState === "open") onOpen();
    });
    this.content.addEventListener("toggle", (event) => {
      if ((event as ToggleEvent).newState === "open") this.#settle();
    });
  }

  close(): void {
    this.content.hidePopover();
  }

  /** Below the button, within the window. */
  #settle(): void {
    const { left, bottom } = this.button.getBoundingClientRect();
    const { offsetWidth, style } = this.content;
    style.left = `${Math.max(8, Math.min(left, document.documentElement.clientWidth - offsetWidth - 8))}px`;
    style.top = `${bottom + 6}px`;
    style.maxHeight = `${Math.max(160, innerHeight - bottom - 20)}px`;
  }
}
