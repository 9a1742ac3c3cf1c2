import { observeWindowOffset, observeWindowRect, Virtualizer, windowScroll, type VirtualizerOptions } from "@tanstack/virtual-core";
import { Card } from "./card.ts";
import { make, setText } from "./dom.ts";
import type { Face } from "./face.ts";
import type { Section } from "./roster.ts";

/** Heights in pixels; the style sheet has the same. */
const HEADING = 56;
const ROW = 76;
const GAP = 8;
const AFTER = 12;
const NARROWEST = 316;
/** Rows drawn beyond the window on either side. */
const BEYOND = 6;

/** The box of a section, which exists as long as the section is shown. */
interface Box {
  readonly element: HTMLElement;
  readonly name: HTMLElement;
  readonly list: HTMLUListElement;
  readonly available: HTMLElement;
  /** What `available` says. */
  said: string;
}

/** A section as it is laid out: `row` is the row of its heading among all rows, `first` the place of its first person. */
interface Block {
  readonly box: Box;
  readonly section: Section;
  readonly row: number;
  readonly first: number;
}

/** Where a card stands: the same person may stand in several sections. */
interface Spot {
  readonly block: Block;
  readonly index: number;
}

export interface PeopleOptions {
  readonly face: (id: string) => Face;
  /** How many of a section are available. */
  readonly available: (key: string) => number;
  /** Whether the reader waits for someone. */
  readonly waits: (id: string) => boolean;
  readonly onOpen: (id: string) => void;
}

/**
 * The list of people by team or department. Only the cards near the window exist, whoever many people there are: a section
 * is an empty box of the right height until it comes near. The card with the focus always exists, and keeps the focus
 * wherever it moves. One card is in the tab order, arrow keys move between all.
 */
export class People {
  #root: HTMLElement;
  #options: PeopleOptions;
  #boxes = new Map<string, Box>();
  #blocks: Block[] = [];
  /** The block of every row, headings included. */
  #rows: Block[] = [];
  #size = 0;
  #cards = new Map<string, Card>();
  #columns = 1;
  /** From one column to the next, in pixels. */
  #width = 0;
  /** The card in the tab order. */
  #active: string | undefined;
  /** The card that is about to have the focus. */
  #next: string | undefined;
  #virtual: Virtualizer<Window, Element>;
  #number = 0;

  constructor(root: HTMLElement, options: PeopleOptions) {
    this.#root = root;
    this.#options = options;
    this.#virtual = new Virtualizer(this.#settings());
    this.#virtual._willUpdate();
    new ResizeObserver(() => this.#layout()).observe(root);
    root.addEventListener("click", (event) => {
      const card = cardOf(event.target);
      if (card?.dataset.id !== undefined) options.onOpen(card.dataset.id);
    });
    root.addEventListener("focusin", (event) => {
      const key = keyOf(event.target);
      if (key !== undefined) this.#activate(key);
    });
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** The person whose card has the focus, if any. */
  get focused(): string | undefined {
    return this.#root.contains(document.activeElement) ? cardOf(document.activeElement)?.dataset.id : undefined;
  }

  /** Shows these sections in this order. */
  show(sections: readonly Section[]): void {
    let row = 0;
    let first = 0;
    this.#blocks = sections.map((section) => {
      const block = { box: this.#box(section), section, row, first };
      row += 1; // rows of people follow from the width
      first += section.people.length;
      return block;
    });
    this.#size = first;
    const keys = new Set(sections.map((s) => s.key));
    for (const [key, { element }] of this.#boxes) {
      if (keys.has(key)) continue;
      element.remove();
      this.#boxes.delete(key);
    }
    this.#layout();
  }

  /** Draws the cards of these people again, where they exist. */
  update(ids: ReadonlySet<string>): void {
    for (const card of this.#cards.values()) if (ids.has(card.id)) card.draw(this.#options.face(card.id));
  }

  /** Marks whom the reader waits for. */
  mark(): void {
    for (const card of this.#cards.values()) card.wait(this.#options.waits(card.id));
  }

  /** Brings the numbers in the headings up to date. */
  count(): void {
    for (const { section, box } of this.#blocks) {
      const text = `${this.#options.available(section.key)} of ${section.total} available`;
      if (text !== box.said) setText(box.available, (box.said = text));
    }
  }

  /** Moves the focus to someone's card, to the one that had it last if they have several. */
  focus(id: string | undefined): void {
    if (id === undefined) return;
    const last = this.#active === undefined ? undefined : this.#spot(this.#active);
    if (last?.block.section.people[last.index]?.id === id) return this.#focus(last);
    for (const block of this.#blocks) {
      const index = block.section.people.findIndex((p) => p.id === id);
      if (index >= 0) return this.#focus({ block, index });
    }
  }

  #focus(spot: Spot): void {
    const key = keyFor(spot);
    this.#activate(key);
    this.#next = key;
    this.#draw();
    this.#next = undefined;
    this.#cards.get(key)?.button.focus({ preventScroll: true });
    this.#virtual.scrollToIndex(this.#rowOf(spot), { behavior: "instant" });
  }

  #rowOf({ block, index }: Spot): number {
    return block.row + 1 + Math.floor(index / this.#columns);
  }

  #settings(): VirtualizerOptions<Window, Element> {
    const head = document.querySelector(".tools")?.getBoundingClientRect().height ?? 0;
    return {
      count: this.#rows.length,
      estimateSize: (row: number) => this.#height(row),
      scrollMargin: Math.round(this.#root.getBoundingClientRect().top + scrollY),
      scrollPaddingStart: head + HEADING,
      scrollPaddingEnd: GAP,
      overscan: BEYOND,
      initialOffset: () => scrollY,
      getItemKey: (row: number) => row,
      getScrollElement: () => window,
      observeElementRect: observeWindowRect,
      observeElementOffset: observeWindowOffset,
      scrollToFn: windowScroll,
      onChange: () => this.#draw(),
    };
  }

  #height(row: number): number {
    const block = this.#rows[row]!;
    const last = this.#rows[row + 1] !== block;
    return (row === block.row ? HEADING : ROW) + (last ? AFTER : 0);
  }

  #box(section: Section): Box {
    let box = this.#boxes.get(section.key);
    if (box === undefined) {
      const name = make("h2");
      name.id = `section-${++this.#number}`;
      const available = make("span", "available");
      const list = make("ul");
      const element = make("section", "", make("div", "heading", name, available), list);
      element.setAttribute("aria-labelledby", name.id);
      list.setAttribute("role", "list");
      box = { element, name, list, available, said: "" };
      this.#boxes.set(section.key, box);
    }
    setText(box.name, section.name);
    return box;
  }

  #layout(): void {
    const width = this.#root.clientWidth;
    if (width === 0) return; // not shown now
    this.#columns = Math.max(1, Math.floor((width + GAP) / (NARROWEST + GAP)));
    this.#width = (width + GAP) / this.#columns;
    this.#root.style.setProperty("--card", `${this.#width - GAP}px`);
    this.#rows = [];
    this.#blocks = this.#blocks.map((old, i) => {
      const block = { ...old, row: this.#rows.length };
      const rows = Math.ceil(block.section.people.length / this.#columns);
      for (let n = 0; n <= rows; n++) this.#rows.push(block);
      block.box.list.style.height = `${rows * ROW}px`;
      const { element } = block.box;
      if (this.#root.children[i] !== element) this.#root.insertBefore(element, this.#root.children[i] ?? null);
      return block;
    });
    this.count();
    this.#virtual.setOptions(this.#settings());
    this.#virtual.measure();
  }

  #draw(): void {
    const offset = Math.round(this.#root.getBoundingClientRect().top + scrollY);
    if (Math.abs(offset - this.#virtual.options.scrollMargin) > ROW) this.#virtual.setOptions(this.#settings());
    const rows = this.#virtual.getVirtualIndexes().filter((row) => row < this.#rows.length);
    const held = this.#next ?? keyOf(document.activeElement);
    const spot = held === undefined ? undefined : this.#spot(held);
    if (spot !== undefined && !rows.includes(this.#rowOf(spot))) rows.push(this.#rowOf(spot));
    rows.sort((a, b) => a - b);
    const needed = new Set<string>();
    for (let i = 0; i < rows.length; ) {
      const block = this.#rows[rows[i]!]!;
      const keys: string[] = [];
      for (; i < rows.length && this.#rows[rows[i]!] === block; i++) {
        const from = (rows[i]! - block.row - 1) * this.#columns;
        for (let index = Math.max(0, from); index < Math.min(from + this.#columns, block.section.people.length); index++) {
          keys.push(this.#place(block, index));
        }
      }
      for (const key of keys) needed.add(key);
      arrange(block.box.list, keys.map((key) => this.#cards.get(key)!.element));
    }
    for (const [key, card] of this.#cards) {
      if (needed.has(key)) continue;
      card.element.remove();
      this.#cards.delete(key);
    }
    if (this.#active === undefined || !needed.has(this.#active)) {
      const next = needed.values().next().value;
      if (next !== undefined) this.#activate(next);
    }
  }

  /** Brings a card to its place, making it where there is none; returns its key. */
  #place(block: Block, index: number): string {
    const key = keyFor({ block, index });
    const person = block.section.people[index]!;
    let card = this.#cards.get(key);
    if (card === undefined) {
      card = new Card(person);
      card.button.dataset.key = key;
      card.button.tabIndex = key === this.#active ? 0 : -1;
      card.draw(this.#options.face(person.id));
      this.#cards.set(key, card);
    }
    card.name(person);
    card.wait(this.#options.waits(person.id));
    const { element } = card;
    element.style.transform = `translate(${(index % this.#columns) * this.#width}px,${Math.floor(index / this.#columns) * ROW}px)`;
    element.ariaSetSize = String(block.section.people.length);
    element.ariaPosInSet = String(index + 1);
    return key;
  }

  #spot(key: string): Spot | undefined {
    const [section, id] = key.split("\n");
    const block = this.#blocks.find((b) => b.section.key === section);
    const index = block?.section.people.findIndex((p) => p.id === id) ?? -1;
    return block === undefined || index < 0 ? undefined : { block, index };
  }

  #activate(key: string): void {
    const was = this.#active === undefined ? undefined : this.#cards.get(this.#active);
    if (was !== undefined) was.button.tabIndex = -1;
    this.#active = key;
    const is = this.#cards.get(key);
    if (is !== undefined) is.button.tabIndex = 0;
  }

  #key(event: KeyboardEvent): void {
    const key = keyOf(event.target);
    if (key === undefined || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const spot = this.#spot(key);
    const target = spot === undefined ? undefined : this.#target(event.key, spot);
    if (target === undefined) return;
    event.preventDefault();
    const at = Math.min(Math.max(target, 0), this.#size - 1);
    const block = this.#blocks.findLast((b) => b.first <= at)!;
    this.#focus({ block, index: at - block.first });
  }

  /** Where a key leads from here, in the order shown; rows end with their section. */
  #target(key: string, { block, index }: Spot): number | undefined {
    const at = block.first + index;
    const column = index % this.#columns;
    const size = block.section.people.length;
    const number = this.#blocks.indexOf(block);
    switch (key) {
      case "ArrowRight":
        return at + 1;
      case "ArrowLeft":
        return at - 1;
      case "Home":
        return 0;
      case "End":
        return this.#size - 1;
      case "ArrowDown": {
        if (Math.floor(index / this.#columns) < Math.floor((size - 1) / this.#columns)) return block.first + Math.min(index + this.#columns, size - 1);
        const below = this.#blocks[number + 1];
        return below === undefined ? at : below.first + Math.min(column, below.section.people.length - 1);
      }
      case "ArrowUp": {
        if (index >= this.#columns) return at - this.#columns;
        const above = this.#blocks[number - 1];
        if (above === undefined) return at;
        const last = above.section.people.length - 1;
        return above.first + Math.min(last - (last % this.#columns) + column, last);
      }
    }
    return undefined;
  }
}

/** Makes these the children of a list, in this order, without moving the one that has the focus: moving takes it away. */
function arrange(list: Element, wanted: readonly Element[]): void {
  const focused = wanted.find((e) => e.contains(document.activeElement));
  let at = list.firstElementChild;
  for (const element of wanted) {
    if (element === focused) while (at !== null && at !== element) at = after(list, at);
    if (element === at) at = at.nextElementSibling;
    else list.insertBefore(element, at);
  }
}

/** Moves a child to the end of its list; returns the one that followed it. */
function after(list: Element, child: Element): Element | null {
  const next = child.nextElementSibling;
  list.append(child);
  return next;
}

function keyFor({ block, index }: Spot): string {
  return `${block.section.key}\n${block.section.people[index]!.id}`;
}

function cardOf(target: EventTarget | null): HTMLElement | undefined {
  return (target instanceof Element ? target.closest<HTMLElement>(".card") : undefined) ?? undefined;
}

function keyOf(target: EventTarget | null): string | undefined {
  return cardOf(target)?.dataset.key;
}
