import type { Client } from "./client.ts";
import { bare, readDirectory, type Directory } from "./directory.ts";
import { told } from "./face.ts";
import { fluent, type FluentStatus } from "./fluent.ts";
import type { Roster } from "./roster.ts";

export interface AttendanceOptions {
  /** Base address of the gateway. */
  readonly gateway: string;
  readonly client: Client;
  readonly roster: Roster;
  /** Other people are on the page than before, or by other names. */
  readonly onPeople: () => void;
  /**
   * States of these people are to be drawn again; `moved`: some may now stand elsewhere. Called at most once a frame, and
   * not at all while the page is hidden.
   */
  readonly onStates: (ids: ReadonlySet<string>, moved: boolean) => void;
  /** Someone entered a status, from one that was known. */
  readonly onChange: (id: string, status: FluentStatus) => void;
}

/** How long a directory read stands before newcomers or a failure cause another, in milliseconds. */
const REREAD = 3000;

/** Keeps the roster: reads the directory for who there is, and follows everyone for how they are. */
export class Attendance {
  #options: AttendanceOptions;
  #directory: Directory | undefined;
  #get: typeof fetch | undefined;
  #watching = false;
  #readAt = -Infinity;
  #rereading: ReturnType<typeof setTimeout> | undefined;
  /** Ids whose view changed since the page was last drawn. */
  #dirty = new Set<string>();
  #frame = 0;

  constructor(options: AttendanceOptions) {
    this.#options = options;
    options.client.onStatus(() => this.#schedule());
  }

  /** Whether the directory has answered, so that names are as good as they get. */
  get named(): boolean {
    return this.#directory !== undefined;
  }

  /** Whether all that can be known of who there is has been read at least once. */
  get complete(): boolean {
    return this.#options.client.complete && this.#directory !== undefined;
  }

  /** Reads the directory with `get`, now and whenever somebody new appears, and watches everyone. */
  begin(get: typeof fetch): void {
    this.#get = get;
    void this.#read();
    if (this.#watching) return;
    this.#watching = true;
    this.#options.client.watchEveryone((ids) => {
      for (const id of ids) this.#dirty.add(id);
      this.#schedule();
    });
  }

  /** The page may show nobody any longer. */
  end(): void {
    this.#get = undefined;
    this.#directory = undefined;
    clearTimeout(this.#rereading);
    this.#rereading = undefined;
    this.#options.roster.replace([]);
    this.#options.onPeople();
  }

  // A hidden page draws no frames; the ids wait until it is seen again.
  #schedule(): void {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  async #read(): Promise<void> {
    const get = this.#get;
    if (get === undefined) return;
    this.#rereading = undefined;
    this.#readAt = performance.now();
    const read = await readDirectory(this.#options.gateway, get);
    if (this.#get !== get) return;
    // A directory that cannot be read now does not undo one that was.
    if (read.people !== undefined || this.#directory?.people === undefined) this.#directory = read;
    if (read.people === undefined && read.reason === "away") this.#reread();
    this.#enroll();
  }

  #reread(): void {
    this.#rereading ??= setTimeout(() => void this.#read(), Math.max(1000, this.#readAt + REREAD - performance.now()));
  }

  /** Puts on the page who is in the directory, and whoever else the gateway names. */
  #enroll(): void {
    const { client, roster } = this.#options;
    const listed = this.#directory?.people ?? [];
    const known = new Set(listed.map((p) => p.id));
    const others = [...client.ids()].filter((id) => !known.has(id)).map(bare);
    roster.replace([...listed, ...others], this.#directory?.people === undefined ? [] : this.#directory.groups);
    for (const id of client.ids()) this.#note(id);
    this.#dirty.clear();
    this.#options.onPeople();
  }

  #note(id: string): boolean {
    const { client, roster, onChange } = this.#options;
    const view = client.view(id);
    const { status } = fluent(told(view).presence);
    const was = roster.status(id);
    const since = view.presence?.since;
    if (!roster.set(id, status, since && Date.parse(since.at))) return false;
    if (was !== status && was !== "unknown" && status !== "unknown") onChange(id, status);
    return true;
  }

  #draw(): void {
    this.#frame = 0;
    const { client, roster } = this.#options;
    const changed = this.#dirty;
    this.#dirty = new Set();
    let newcomers = false;
    let moved = false;
    for (const id of changed) {
      const view = client.view(id);
      const known = view.presence !== undefined || view.absence !== undefined;
      if (!roster.has(id)) newcomers ||= known;
      else if (!known && !this.#lists(id)) newcomers = true;
      else moved = this.#note(id) || moved;
    }
    if (newcomers && this.#directory !== undefined) {
      // The directory may know the newcomers by now; one that never answered is asked by its own timer.
      if (this.#directory.people !== undefined) this.#reread();
      this.#enroll();
    }
    this.#options.onStates(changed, moved);
  }

  #lists(id: string): boolean {
    return this.#directory?.people?.some((p) => p.id === id) === true;
  }
}
