import { readPlace, VIEWS, writePlace, type Place, type ViewName } from "./address.ts";

/** Where the reader is, kept in the page's address, and the links to the other views. */
export class Navigation {
  #links = new Map<ViewName, HTMLAnchorElement>();
  #onMove: (place: Place) => void;
  #place: Place;

  /** `onMove` is told when the reader goes elsewhere: by a link, by back or forward, by a new address. */
  constructor(nav: HTMLElement, onMove: (place: Place) => void) {
    this.#onMove = onMove;
    this.#place = readPlace(location.hash);
    for (const view of VIEWS) this.#links.set(view, nav.querySelector<HTMLAnchorElement>(`[data-view="${view}"]`)!);
    // Back and forward over entries that differ in the fragment alone tell of it by either event, or by both.
    addEventListener("hashchange", () => this.#moved());
    addEventListener("popstate", () => this.#moved());
    this.#draw();
  }

  get place(): Place {
    return this.#place;
  }

  /** Goes elsewhere by itself; `replace`: without a step that back undoes, as while somebody is typing. */
  go(place: Place, { replace = false } = {}): void {
    const to = writePlace(place);
    this.#place = place;
    if (to !== writePlace(readPlace(location.hash))) history[replace ? "replaceState" : "pushState"](null, "", to);
    this.#draw();
    this.#onMove(place);
  }

  /** Shows or hides the link to a view. */
  offer(view: ViewName, offered: boolean): void {
    this.#links.get(view)!.hidden = !offered;
  }

  #moved(): void {
    const place = readPlace(location.hash);
    if (writePlace(place) === writePlace(this.#place)) return;
    this.#place = place;
    this.#draw();
    this.#onMove(place);
  }

  /** The other views are opened with the same people chosen. */
  #draw(): void {
    for (const [view, link] of this.#links) {
      link.href = view === "operator" ? "#operator" : writePlace({ ...this.#place, view });
      if (view === this.#place.view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}
