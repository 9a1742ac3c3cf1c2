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
/** Pixels drawn beyond the window on either side. */
const MARGIN = 400;

interface Block {
  readonly section: Section;
  readonly top: number;
  readonly element: HTMLElement;
  readonly list: HTMLUListElement;
  readonly available: HTMLElement;
}

export interface PeopleOptions {
  readonly face: (id: string) => Face;
  readonly available: (department: string) => number;
  readonly onOpen: (id: string) => void;
}

/**
 * The list of people by department. Only the cards near the window exist, whoever many people there are: a section is an
 * empty box of the right height until it comes near. The card with the focus always exists. One card is in the tab order,
 * arrow keys move between all.
 */
export class People {
  #root: HTMLElement;
  #options: PeopleOptions;
  #blocks: Block[] = [];
  #known = new Map<string, Omit<Block, "section" | "top">>();
  #cards = new Map<string, Card>();
  #order: string[] = [];
  #places = new Map<string, { block: Block; index: number }>();
  #columns = 1;
  #active: string | undefined;
  #frame = 0;

  constructor(root: HTMLElement, options: PeopleOptions) {
    this.#root = root;
    this.#options = options;
    addEventListener("scroll", () => this.#schedule(), { passive: true });
    new ResizeObserver(() => this.#layout()).observe(root);
    root.addEventListener("click", (event) => {
      const id = cardOf(event.target);
      if (id !== undefined) options.onOpen(id);
    });
    root.addEventListener("focusin", (event) => {
      const id = cardOf(event.target);
      if (id !== undefined) this.#activate(id);
    });
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Shows these sections in this order. */
  show(sections: readonly Section[]): void {
    this.#order = sections.flatMap((s) => s.people.map((p) => p.id));
    // People may have changed their names: cards are made anew for those shown now.
    this.#blocks = sections.map((section) => ({ ...this.#box(section), section, top: 0 }));
    const departments = new Set(sections.map((s) => s.department));
    for (const [department, { element }] of this.#known) {
      if (departments.has(department)) continue;
      element.remove();
      this.#known.delete(department);
    }
    this.#layout();
  }

  /** Forgets the cards, for people whose names changed. */
  renew(): void {
    for (const card of this.#cards.values()) card.element.remove();
    this.#cards.clear();
  }

  /** Draws the cards of these people again, where they exist. */
  update(ids: Iterable<string>): void {
    for (const id of ids) {
      const card = this.#cards.get(id);
      if (card !== undefined) card.draw(this.#options.face(id));
    }
  }

  /** Brings the numbers in the headings up to date. */
  count(): void {
    for (const { section, available } of this.#blocks) {
      setText(available, `${this.#options.available(section.department)} of ${section.total} available`);
    }
  }

  /** Moves the focus to someone's card, as far as they are shown. */
  focus(id: string | undefined): void {
    const place = id === undefined ? undefined : this.#places.get(id);
    if (id === undefined || place === undefined) return;
    this.#activate(id);
    const y = this.#offset() + place.block.top + HEADING + Math.floor(place.index / this.#columns) * ROW;
    const head = document.querySelector(".tools")!.getBoundingClientRect().height + HEADING + GAP;
    if (y - head < scrollY) scrollTo({ top: y - head, behavior: "instant" });
    else if (y + ROW > scrollY + innerHeight) scrollTo({ top: y + ROW + GAP - innerHeight, behavior: "instant" });
    this.#draw();
    this.#cards.get(id)?.button.focus({ preventScroll: true });
  }

  #box(section: Section): Omit<Block, "section" | "top"> {
    let box = this.#known.get(section.department);
    if (box === undefined) {
      const heading = make("h2", "", section.department || "No department");
      heading.id = `department-${Math.random().toString(36).slice(2)}`;
      const available = make("span", "available");
      const list = make("ul");
      const element = make("section", "", make("div", "heading", heading, available), list);
      element.setAttribute("aria-labelledby", heading.id);
      list.setAttribute("role", "list");
      box = { element, list, available };
      this.#known.set(section.department, box);
    }
    return box;
  }

  #layout(): void {
    const width = this.#root.clientWidth;
    this.#columns = Math.max(1, Math.floor((width + GAP) / (NARROWEST + GAP)));
    const card = (width - GAP * (this.#columns - 1)) / this.#columns;
    this.#root.style.setProperty("--card", `${card}px`);
    this.#places.clear();
    let top = 0;
    this.#blocks = this.#blocks.map((old, i) => {
      const block = { ...old, top };
      const rows = Math.ceil(block.section.people.length / this.#columns);
      block.list.style.height = `${rows * ROW}px`;
      block.section.people.forEach((p, index) => this.#places.set(p.id, { block, index }));
      if (this.#root.children[i] !== block.element) this.#root.insertBefore(block.element, this.#root.children[i] ?? null);
      top += HEADING + rows * ROW + AFTER;
      return block;
    });
    this.count();
    this.#draw();
  }

  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #offset(): number {
    return this.#root.getBoundingClientRect().top + scrollY;
  }

  #draw(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const from = scrollY - this.#offset() - MARGIN;
    const to = from + innerHeight + 2 * MARGIN;
    const focused = cardOf(document.activeElement);
    const needed = new Set<string>();
    const width = (this.#root.clientWidth + GAP) / this.#columns;
    for (const block of this.#blocks) {
      const { people } = block.section;
      const start = block.top + HEADING;
      const rows = Math.ceil(people.length / this.#columns);
      const first = clamp(Math.floor((from - start) / ROW), rows) * this.#columns;
      const last = Math.min(people.length, clamp(Math.ceil((to - start) / ROW), rows) * this.#columns);
      const kept = focused !== undefined && this.#places.get(focused)?.block === block ? this.#places.get(focused)!.index : -1;
      let at: ChildNode | null = block.list.firstChild;
      const place = (index: number) => {
        const person = people[index]!;
        needed.add(person.id);
        let card = this.#cards.get(person.id);
        if (card === undefined) {
          card = new Card(person);
          card.button.tabIndex = person.id === this.#active ? 0 : -1;
          card.draw(this.#options.face(person.id));
          this.#cards.set(person.id, card);
        }
        const { element } = card;
        element.style.transform = `translate(${(index % this.#columns) * width}px,${Math.floor(index / this.#columns) * ROW}px)`;
        element.setAttribute("aria-setsize", String(people.length));
        element.setAttribute("aria-posinset", String(index + 1));
        // Kept in order for those who read or walk the page in order, moving no node that is in its place.
        while (at !== null && at !== element && !this.#ahead(at, block, index)) at = at.nextSibling;
        if (at === element) at = at.nextSibling;
        else block.list.insertBefore(element, at);
      };
      if (kept >= 0 && kept < first) place(kept);
      for (let i = first; i < last; i++) place(i);
      if (kept >= last) place(kept);
    }
    for (const [id, card] of this.#cards) {
      if (needed.has(id)) continue;
      card.element.remove();
      this.#cards.delete(id);
    }
    if (this.#active === undefined || !needed.has(this.#active)) {
      const next = this.#order.find((id) => needed.has(id));
      if (next !== undefined) this.#activate(next);
    }
  }

  /** Whether a node in a list belongs after this index of its block. */
  #ahead(node: ChildNode, block: Block, index: number): boolean {
    const id = cardOf((node as Element).firstElementChild);
    const place = id === undefined ? undefined : this.#places.get(id);
    return place !== undefined && place.block.section.department === block.section.department && place.index > index;
  }

  #activate(id: string): void {
    const was = this.#active === undefined ? undefined : this.#cards.get(this.#active);
    if (was !== undefined) was.button.tabIndex = -1;
    this.#active = id;
    const is = this.#cards.get(id);
    if (is !== undefined) is.button.tabIndex = 0;
  }

  #key(event: KeyboardEvent): void {
    const id = cardOf(event.target);
    if (id === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.#order.indexOf(id);
    const target = this.#target(event.key, at);
    if (target === undefined) return;
    event.preventDefault();
    this.focus(this.#order[Math.min(Math.max(target, 0), this.#order.length - 1)]);
  }

  /** Where a key leads from here, in the order shown; rows end with their department. */
  #target(key: string, at: number): number | undefined {
    const { block, index } = this.#places.get(this.#order[at] ?? "") ?? {};
    if (block === undefined || index === undefined) return undefined;
    const column = index % this.#columns;
    const size = block.section.people.length;
    switch (key) {
      case "ArrowRight":
        return at + 1;
      case "ArrowLeft":
        return at - 1;
      case "Home":
        return 0;
      case "End":
        return this.#order.length - 1;
      case "ArrowDown": {
        if (Math.floor(index / this.#columns) < Math.floor((size - 1) / this.#columns)) return at - index + Math.min(index + this.#columns, size - 1);
        const next = at - index + size;
        const below = this.#places.get(this.#order[next] ?? "")?.block.section.people.length ?? 1;
        return next + Math.min(column, below - 1);
      }
      case "ArrowUp": {
        if (index >= this.#columns) return at - this.#columns;
        const above = this.#places.get(this.#order[at - index - 1] ?? "");
        if (above === undefined) return at;
        const start = above.index - (above.index % this.#columns);
        return at - index - 1 - above.index + Math.min(start + column, above.index);
      }
    }
    return undefined;
  }
}

function cardOf(target: EventTarget | null): string | undefined {
  return target instanceof Element ? target.closest<HTMLElement>(".card")?.dataset.id : undefined;
}

function clamp(row: number, rows: number): number {
  return Math.min(Math.max(row, 0), rows);
}
