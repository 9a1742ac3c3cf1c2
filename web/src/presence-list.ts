import type { Client } from "./client.ts";
import { tokenFor } from "./configure.ts";
import { PresenceElement, reflect } from "./element.ts";
import { face } from "./face.ts";
import { Glyph, glyphStyles } from "./glyph.ts";
import { homeOf } from "./home.ts";
import type { ListView } from "./list-view.ts";
import { Memory } from "./memory.ts";
import { userId } from "./protocol.ts";
import { sheet } from "./sheet.ts";
import type { Words } from "./words.ts";

/** Where the gateway has the rest of a list, in a script that is loaded from it; undefined in a bundle that holds it. */
declare const LIST: string | undefined;

/** What that rest takes from here, so that a page has each of it once. */
const kit = { Glyph, glyphStyles, face, Memory, sheet, tokenFor };
export type Kit = typeof kit;

/**
 * `<presence-list group-id="GUID">`: the people of a group that the gateway watches, each with badge, name and what they
 * are doing, live, as they come and go. Names are the directory's; where the gateway has none, ids stand shortened.
 *
 * Attributes: `group-id`; `sort`, `name` (without it) or `state`; `limit`, how many are shown of at most 500, the rest
 * being counted; `gateway`, as a badge has it. One that is far from the window is not watched, as a badge is not.
 *
 * Parts: `list`, `person`, `badge`, `icon`, `name`, `word`, `more`, `message`. Slots: `nobody` and `signed-out`, instead of
 * the sentence that says that there is nobody to show, or nobody signed in. Custom properties are those of a badge.
 * Fires what PresenceElement fires. A page without a list does not load what only lists need.
 */
export class PresenceList extends PresenceElement {
  static readonly observedAttributes = ["group-id", "gateway", "lang", "sort", "limit"];

  declare groupId: string;

  #view: ListView | undefined;

  protected build(root: ShadowRoot): void {
    void this.#build(root);
  }

  async #build(root: ShadowRoot): Promise<void> {
    const { ListView } = (await (typeof LIST === "string" ? import(homeOf(import.meta.url) + LIST) : import("./list-view.ts"))) as typeof import("./list-view.ts");
    this.#view = new ListView(root, this, kit);
    if (this.isConnected) this.renew(true);
  }

  protected watch(client: Client): (() => void) | undefined {
    const group = userId(this.groupId);
    if (group === undefined && this.groupId !== "") this.warn("group-id is no GUID");
    return this.#view?.watch(client, group ?? "", () => this.show());
  }

  protected draw(words: Words): void {
    this.#view?.draw(words, this.client);
  }

  protected keep(client: Client): void {
    this.#view?.keep(client);
  }

  protected forget(): void {
    this.#view?.forget();
  }

  protected get remembers(): boolean {
    return this.#view?.remembers === true;
  }
}

reflect(PresenceList, { groupId: "group-id", gateway: "gateway" });
