import { clientFor } from "./clients.ts";
import { face } from "./face.ts";
import { Glyph, glyphStyles } from "./glyph.ts";
import { userId, type Presence } from "./protocol.ts";
import type { LinkStatus } from "./socket.ts";

/** Fluent's sizes, in pixels. */
const SIZES: Record<string, number> = { tiny: 6, "extra-small": 10, small: 12, medium: 16, large: 20, "extra-large": 28 };

const styles = `
:host{display:inline-block;width:16px;height:16px;vertical-align:middle;contain:size layout style}
:host([hidden]){display:none}
${Object.entries(SIZES).map(([size, px]) => `:host([size=${size}]){width:${px}px;height:${px}px}`).join("\n")}
[part=badge]{display:block;width:100%;height:100%}
${glyphStyles}`;

let sheet: CSSStyleSheet | undefined;

function sharedSheet(): CSSStyleSheet {
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
  }
  return sheet;
}

// Importing without a browser, as server rendering does, must do nothing.
const Base: typeof HTMLElement = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/**
 * `<presence-badge user-id="GUID">`: one person's live presence, by shape, colour and name.
 *
 * Attributes: `user-id`; `size`, one of Fluent's names (medium, 16 px, without one); `gateway`, the base address of another
 * gateway than the one that served the script. All badges for a gateway share one connection. Parts: `badge`, `icon`.
 *
 * Fires `presence-change` (detail: the presence or undefined) when the state changes, and `presence-status` (detail: the
 * link's status) when the way to the gateway does. Both bubble and cross shadow boundaries.
 */
export class PresenceBadge extends Base {
  static readonly observedAttributes = ["user-id", "gateway"];

  #badge: HTMLElement | undefined;
  #glyph: Glyph | undefined;
  #stop: (() => void) | undefined;
  #presence: Presence | undefined;
  #label = "";
  #link = "";

  /** The last state known, or undefined. */
  get presence(): Presence | undefined {
    return this.#presence;
  }

  get userId(): string {
    return this.getAttribute("user-id") ?? "";
  }

  set userId(id: string) {
    this.setAttribute("user-id", id);
  }

  connectedCallback(): void {
    if (this.#glyph === undefined) {
      this.#glyph = new Glyph();
      this.#badge = document.createElement("span");
      this.#badge.setAttribute("part", "badge");
      this.#badge.setAttribute("role", "img");
      this.#badge.append(this.#glyph.element);
      const root = this.attachShadow({ mode: "open" });
      root.adoptedStyleSheets = [sharedSheet()];
      root.append(this.#badge);
    }
    this.#watch();
  }

  disconnectedCallback(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  attributeChangedCallback(_name: string, was: string | null, is: string | null): void {
    if (was !== is && this.isConnected && this.#glyph !== undefined) this.#watch();
  }

  #watch(): void {
    const before = this.#stop;
    this.#stop = undefined;
    const id = userId(this.getAttribute("user-id"));
    if (id === undefined) {
      before?.();
      this.#show({ stale: false });
      return;
    }
    const client = clientFor(this.getAttribute("gateway") ?? "");
    const unwatch = client.watch(id, () => this.#show(client.view(id)));
    const deaf = client.onStatus(() => this.#status(client.link));
    this.#stop = () => {
      unwatch();
      deaf();
    };
    // After the new watch began, so that a change from one user to another keeps the connection.
    before?.();
    this.#show(client.view(id));
    this.#status(client.link);
  }

  #show(view: Parameters<typeof face>[0]): void {
    const f = face(view);
    this.#glyph!.draw(f);
    if (f.full !== this.#label) {
      this.#label = f.full;
      this.#badge!.setAttribute("aria-label", f.full);
      this.#badge!.title = f.full;
    }
    if (view.presence === this.#presence) return;
    this.#presence = view.presence;
    this.#fire("presence-change", view.presence);
  }

  #status(status: LinkStatus): void {
    const link = `${status.state} ${status.reason ?? ""}`;
    if (link === this.#link) return;
    this.#link = link;
    this.#fire("presence-status", status);
  }

  #fire(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

/** Defines the element once, whichever script of the page comes first. */
export function define(): void {
  if (globalThis.customElements !== undefined && !customElements.get("presence-badge")) {
    customElements.define("presence-badge", PresenceBadge);
  }
}
