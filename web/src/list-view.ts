import type { Client, View } from "./client.ts";
import type { Face } from "./face.ts";
import type { FluentStatus } from "./fluent.ts";
import { readNames, type Names } from "./names.ts";
import type { Kit, PresenceList } from "./presence-list.ts";
import type { Words } from "./words.ts";

/** People drawn at most; more are counted. A longer list is for a page that draws only what is seen, as the dashboard does. */
const MOST = 500;
/** How long names read stand before newcomers cause another reading, in milliseconds. */
const REREAD = 5000;
/** The statuses in the order of how reachable someone is. */
const RANKS: readonly FluentStatus[] = ["available", "busy", "do-not-disturb", "away", "out-of-office", "offline", "unknown"];

let styles: (() => CSSStyleSheet) | undefined;
const css = `
:host{display:block}
:host([hidden]),[hidden]{display:none}
ul,p{margin:0;padding:0;list-style:none}
li{display:flex;align-items:center;gap:.6em;padding:.25em 0}
[part=badge]{flex:none;width:var(--presence-size,16px);height:var(--presence-size,16px)}
[part=name]{overflow-wrap:anywhere}
[part=word]{margin-inline-start:auto;text-align:end}
`;

/** One person of a list. */
class Row {
  readonly element = make("li", "person");
  readonly memory;
  face!: Face;
  name = "";
  #kit: Kit;
  #glyph;
  #name = make("span", "name");
  #word = make("span", "word");

  constructor(kit: Kit) {
    this.#kit = kit;
    this.memory = new kit.Memory();
    this.#glyph = new kit.Glyph();
    const badge = make("span", "badge");
    badge.append(this.#glyph.element);
    this.element.append(badge, this.#name, this.#word);
  }

  draw(name: string, view: View, words: Words): void {
    const f = (this.face = this.#kit.face(view, words));
    this.#glyph.draw(f);
    write(this.#name, (this.name = name));
    write(this.#word, f.stale ? words.lastKnown(f.word, view.age) : f.word);
    if (this.element.title !== f.full) this.element.title = f.full;
  }
}

/** What a `<presence-list>` shows, and what it knows of its group. */
export class ListView {
  #element: PresenceList;
  #kit: Kit;
  #list = make("ul", "list");
  #more = make("p", "more");
  #message = make("p", "message");
  #slot = document.createElement("slot");
  #rows = new Map<string, Row>();
  #group = "";
  #members: readonly string[] | undefined;
  #names: Names | undefined;
  /** Of whom names were read. */
  #asked = new Set<string>();
  #readAt = -Infinity;
  #frame = 0;
  #draw = () => {};

  constructor(root: ShadowRoot, element: PresenceList, kit: Kit) {
    this.#element = element;
    this.#kit = kit;
    this.#list.setAttribute("role", "list"); // which a list without marks is not to every browser
    this.#message.append(this.#slot);
    styles ??= kit.sheet(css + kit.glyphStyles);
    root.adoptedStyleSheets = [styles()];
    root.append(this.#list, this.#more, this.#message);
  }

  /** Watches a group, named by its id, or nobody under an empty name, and calls to be drawn when something may look different. The result ends it. */
  watch(client: Client, group: string, draw: () => void): () => void {
    this.#group = group;
    this.#draw = draw;
    // A page that is not seen draws no frames; what changes meanwhile waits for it.
    const changed = () => (this.#frame ||= requestAnimationFrame(draw));
    const ends = [client.watchGroup(group, changed), client.onStatus(changed)];
    return () => ends.forEach((end) => end());
  }

  /** Shows what the client knows, or what is remembered where there is none. */
  draw(words: Words, client: Client | undefined): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const out = client?.link.state === "signed-out";
    if (client !== undefined) this.#members = out || client.refuses(this.#group) ? [] : (client.members(this.#group) ?? this.#members);
    const members = new Set(this.#members);
    if (client !== undefined && [...members].some((id) => !this.#asked.has(id))) void this.#read(client);
    for (const id of this.#rows.keys()) if (!members.has(id)) this.#rows.delete(id);
    for (const id of members) {
      let row = this.#rows.get(id);
      if (row === undefined) this.#rows.set(id, (row = new Row(this.#kit)));
      const view = client ? row.memory.recall(client.view(id)) : row.memory.still;
      row.draw(this.#names?.get(id) ?? `${id.slice(0, 8)}…`, view, words);
    }
    this.#arrange(words);
    this.#list.hidden = members.size === 0;
    this.#message.hidden = this.#members === undefined || members.size > 0;
    this.#slot.name = out ? "signed-out" : "nobody";
    write(this.#slot, words.phrase(out ? "signedout" : "nobody"));
    this.#list.ariaLabel = this.#names?.get(this.#group) ?? null;
  }

  keep(client: Client): void {
    for (const [id, { memory }] of this.#rows) memory.keep(memory.recall(client.view(id)));
  }

  forget(): void {
    this.#rows.clear();
    this.#asked.clear();
    this.#members = this.#names = undefined;
    this.#readAt = -Infinity;
  }

  get remembers(): boolean {
    return [...this.#rows.values()].some(({ memory }) => memory.view !== undefined);
  }

  /** Puts the rows in order, moving none that is in its place, and counts those too many. */
  #arrange(words: Words): void {
    const byName = new Intl.Collator(words.tag).compare;
    const byState = this.#element.getAttribute("sort") === "state";
    const rank = (row: Row) => (byState ? RANKS.indexOf(row.face.status) : 0);
    const rows = [...this.#rows.values()].sort((a, b) => rank(a) - rank(b) || byName(a.name, b.name));
    const limit = parseInt(this.#element.getAttribute("limit") ?? "");
    const shown = rows.slice(0, limit >= 0 ? Math.min(limit, MOST) : MOST);
    shown.forEach(({ element }, i) => {
      const there = this.#list.children[i];
      if (there !== element) this.#list.insertBefore(element, there ?? null);
    });
    while (this.#list.children.length > shown.length) this.#list.lastElementChild!.remove();
    const rest = rows.length - shown.length;
    this.#more.hidden = rest === 0;
    write(this.#more, `+${rest}`);
  }

  async #read(client: Client): Promise<void> {
    const now = performance.now();
    if (now - this.#readAt < REREAD) return;
    this.#readAt = now;
    const [group, asked] = [this.#group, this.#members!];
    const names = await readNames(client.gateway, group, this.#kit.tokenFor);
    if (names === undefined || group !== this.#group) return; // asked again when something changes, at the next heartbeat at the latest
    this.#names = names;
    this.#asked = new Set(asked);
    this.#draw();
  }
}

function make(tag: string, part: string): HTMLElement {
  const element = document.createElement(tag);
  element.setAttribute("part", part);
  return element;
}

function write(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
