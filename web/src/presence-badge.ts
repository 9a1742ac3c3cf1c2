import type { Client, View } from "./client.ts";
import { PresenceElement, reflect } from "./element.ts";
import { face, told } from "./face.ts";
import { Glyph, glyphStyles } from "./glyph.ts";
import { speaks } from "./locale.ts";
import { Memory } from "./memory.ts";
import { address, userId, type Presence } from "./protocol.ts";
import { sheet } from "./sheet.ts";
import type { Words } from "./words.ts";

/** Fluent's sizes, in pixels; medium is 16. */
const SIZES = { tiny: 6, "extra-small": 10, small: 12, large: 20, "extra-large": 28 };

const plain = sheet(`
:host{display:inline-block;position:relative;width:var(--presence-size,16px);height:var(--presence-size,16px);vertical-align:middle;contain:size layout style}
${Object.entries(SIZES).map(([size, px]) => `:host([size=${size}]){--presence-size:${px}px}`).join("")}
:host([hidden]){display:none}
[part=badge]{display:block;width:100%;height:100%}
${glyphStyles}`);

/** With a picture in it: that gives the size, and the badge sits at its corner, in a ring, as large as Microsoft's toolkit drew it. */
const cornered = sheet(`
:host{display:inline-grid;width:auto;height:auto;contain:none}
[part=badge]{position:absolute;inset-inline-end:0;bottom:0;width:var(--presence-size,max(28%,10px));height:auto;aspect-ratio:1}
.glyph{box-sizing:content-box;margin:max(-8%,-2px);padding:min(8%,2px);background:var(--presence-background-color,Canvas)}`);

let model: HTMLElement | undefined;

/**
 * `<presence-badge user-id="GUID">`: one person's live presence, by shape, colour and name. Around a picture of the person
 * it sits at the picture's corner; the picture keeps its own text. The name is in the language of the nearest `lang`
 * attribute, else in the configured one, else in the browser's.
 *
 * Attributes: `user-id`; or `person-query`, an e-mail address, where the gateway has a directory; `size`, one of Fluent's
 * names (tiny, extra-small, small, medium, large, extra-large: 6, 10, 12, 16, 20, 28 px); `gateway`, the base address of
 * another gateway than the one configured. All badges for a gateway share one connection; one that is far from the window
 * for 5 s is not watched, and shows its state as last known, until it comes near again.
 *
 * Parts: `badge`, what has the name, and `icon`, its drawing. Custom properties: `--presence-size`, any length;
 * `--presence-icon-color`; `--presence-background-color`, behind the drawing and as its ring on a picture. A page that
 * gives the element a width and a height itself has them before this script came.
 *
 * Fires `presence-change` (detail: the presence, or undefined) when the state known changes, and what PresenceElement
 * fires. Nobody can tell from badges why a state is not known.
 */
export class PresenceBadge extends PresenceElement {
  static readonly observedAttributes = ["user-id", "person-query", "gateway", "lang"];

  declare userId: string;
  declare personQuery: string;
  declare size: string;

  #badge!: HTMLElement;
  #glyph!: Glyph;
  #memory = new Memory();
  #presence: Presence | undefined;
  #label = "";

  /** The last state known, or undefined: not read yet, nobody's, not to be seen, or not confirmed for 15 minutes. */
  get presence(): Presence | undefined {
    return this.#presence;
  }

  protected build(root: ShadowRoot): void {
    if (model === undefined) {
      model = document.createElement("span");
      model.setAttribute("part", "badge");
      model.setAttribute("role", "img");
      model.append(new Glyph().element);
    }
    this.#badge = model.cloneNode(true) as HTMLElement;
    this.#glyph = new Glyph(this.#badge.firstElementChild as SVGSVGElement);
    const slot = document.createElement("slot");
    slot.addEventListener("slotchange", () => {
      const filled = slot.assignedNodes().some((node) => node instanceof Element || node.nodeValue!.trim() !== "");
      root.adoptedStyleSheets = filled ? [plain(), cornered()] : [plain()];
    });
    root.adoptedStyleSheets = [plain()];
    root.append(slot, this.#badge);
  }

  protected watch(client: Client): (() => void) | undefined {
    const name = this.#name();
    return name === undefined ? undefined : client.watch(name, () => this.show());
  }

  protected draw(words: Words): void {
    const view = this.#view();
    const f = face(view, words);
    this.#glyph.draw(f);
    if (f.full !== this.#label) {
      this.#label = f.full;
      this.#badge.setAttribute("aria-label", f.full);
      this.#badge.title = f.full;
      // Only where it is another than the page's: a language of one's own takes browsers long to lay out.
      if (speaks(this, words)) this.#badge.removeAttribute("lang");
      else this.#badge.lang = words.tag;
    }
    const { presence } = told(view);
    if (presence === this.#presence) return;
    this.#presence = presence;
    this.fire("presence-change", presence);
  }

  protected keep(client: Client): void {
    this.#memory.keep(this.#memory.recall(client.view(this.#name() ?? "")));
  }

  protected forget(): void {
    this.#memory.forget();
  }

  protected get remembers(): boolean {
    return this.#memory.view !== undefined;
  }

  #view(): View {
    return this.client ? this.#memory.recall(this.client.view(this.#name() ?? "")) : this.#memory.still;
  }

  /** Who is shown, as the client names them: undefined for nobody, as for whatever is neither an id nor an address. */
  #name(): string | undefined {
    const { userId: id, personQuery: query } = this;
    const name = id ? userId(id) : address(query);
    if (name === undefined && id + query !== "") this.warn(id ? "user-id is no GUID" : "person-query is no e-mail address");
    return name;
  }
}

reflect(PresenceBadge, { userId: "user-id", personQuery: "person-query", size: "size", gateway: "gateway" });
