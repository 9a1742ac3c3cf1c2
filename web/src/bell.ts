import type { View } from "./client.ts";
import { fluent } from "./fluent.ts";

/** The part of a client that waiting needs. */
export interface Watcher {
  watch(user: string, listener: () => void, options?: { readonly background?: boolean }): () => void;
  view(user: string): View;
}

export interface BellOptions {
  readonly client: Watcher;
  /** Lives as long as the tab. It keeps whom one waits for, never how they are. */
  readonly tab: Pick<Storage, "getItem" | "setItem">;
  /** Someone waited for became available; the wait is over. */
  readonly onFree: (id: string) => void;
  /** It turned out that someone already was available when the wait began; it is over without news. */
  readonly onAlready: (id: string) => void;
  /** Others are waited for than before. */
  readonly onChange: () => void;
}

interface Wait {
  readonly stop: () => void;
  /** The last state known said available when the wait began, but nobody vouched for it. */
  readonly doubtful: boolean;
}

const KEY = "presence-gateway.waiting";

/**
 * "Tell me when free": waits for people to become available, each once. Only a state that the gateway vouches for ends a
 * wait, so neither what is last known nor a connection made anew does; whoever became available while the page was
 * cut off is told of as soon as it is known.
 */
export class Bell {
  #options: BellOptions;
  #waits = new Map<string, Wait>();

  constructor(options: BellOptions) {
    this.#options = options;
  }

  get waiting(): readonly string[] {
    return [...this.#waits.keys()];
  }

  waitsFor(id: string): boolean {
    return this.#waits.has(id);
  }

  /** Begins to wait for someone; one who is available for certain is told of at once as being so already. */
  wait(id: string): void {
    if (this.#waits.has(id)) return;
    const { client, onAlready } = this.#options;
    if (free(client.view(id)) === true) {
      onAlready(id);
      return;
    }
    this.#begin(id);
    this.#changed();
  }

  cancel(id: string): void {
    const wait = this.#waits.get(id);
    if (wait === undefined) return;
    this.#waits.delete(id);
    wait.stop();
    this.#changed();
  }

  /** Waits again for those the tab waited for before it was loaded anew. */
  restore(): void {
    for (const id of this.#kept()) if (!this.#waits.has(id)) this.#begin(id);
    this.#options.onChange();
  }

  /** Waits for nobody any longer: whoever is here next did not ask. */
  clear(): void {
    for (const { stop } of this.#waits.values()) stop();
    this.#waits.clear();
    this.#changed();
  }

  #begin(id: string): void {
    const { client } = this.#options;
    const view = client.view(id);
    // Waiting is what a hidden page is for: it goes on there.
    const stop = client.watch(id, () => this.#judge(id), { background: true });
    this.#waits.set(id, { stop, doubtful: view.stale && available(view) });
  }

  #judge(id: string): void {
    const wait = this.#waits.get(id);
    const now = free(this.#options.client.view(id));
    if (wait === undefined || now === undefined) return;
    if (now) {
      this.cancel(id);
      if (wait.doubtful) this.#options.onAlready(id);
      else this.#options.onFree(id);
    } else if (wait.doubtful) this.#waits.set(id, { ...wait, doubtful: false });
  }

  #changed(): void {
    try {
      this.#options.tab.setItem(KEY, JSON.stringify(this.waiting));
    } catch {
      // A browser that keeps nothing waits as long as the page lasts.
    }
    this.#options.onChange();
  }

  #kept(): readonly string[] {
    try {
      const ids: unknown = JSON.parse(this.#options.tab.getItem(KEY) ?? "[]");
      return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
    } catch {
      return [];
    }
  }
}

function available({ presence }: View): boolean {
  return presence !== undefined && fluent(presence).status === "available";
}

/** Whether someone is available; undefined while nobody vouches for any answer. */
function free(view: View): boolean | undefined {
  return view.presence === undefined || view.stale ? undefined : available(view);
}
