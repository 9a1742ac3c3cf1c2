import type { ClientStatus } from "./client.ts";
import { make } from "./dom.ts";
import type { Picture } from "./picture.ts";
import type { Roster } from "./roster.ts";
import { Session } from "./session.ts";

/** How often the counts are noted, in milliseconds. */
const EVERY = 2000;

/** Counts since the page was opened: noted all the time, drawn while the reader has them open. */
export class Course {
  readonly element = make("details", "session");
  #session = new Session();
  #place = make("div", "session-body");
  #picture: Picture | undefined;

  /** `now` gives how the link stands; the counts of a link that is not live are not known. */
  constructor(roster: Roster, now: () => ClientStatus) {
    this.element.append(make("summary", "", "Since this page was opened"), this.#place);
    this.element.addEventListener("toggle", () => void this.#open());
    setInterval(() => {
      // A hidden page is told of nobody after a while, so it does not know.
      const known = now().state === "live" && document.visibilityState === "visible" && roster.size > 0;
      if (roster.size === 0 && this.#session.points.length === 0) return;
      this.#session.note(Date.now(), known ? (status) => roster.count(status) : undefined);
      if (this.element.open) this.#draw();
    }, EVERY);
  }

  async #open(): Promise<void> {
    if (!this.element.open) return;
    if (this.#picture === undefined) {
      const loaded = await import("./picture.ts").catch(() => undefined);
      if (loaded === undefined) {
        // The gateway is away, or of another version by now, which has other files.
        this.#place.textContent = "This part of the page cannot be loaded now. Reload the page once the gateway is back.";
        return;
      }
      this.#picture ??= new loaded.Picture(this.#place);
    }
    this.#draw();
  }

  /** A gap that lasts is drawn as far as it has come. */
  #draw(): void {
    const { points } = this.#session;
    const gap = points.length > 0 && points.at(-1)!.counts === undefined;
    this.#picture?.draw(gap ? [...points, { at: Date.now(), counts: undefined }] : points);
  }
}
