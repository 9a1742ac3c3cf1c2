import { setMaxListeners } from "node:events";
import { place } from "../src/place.ts";
import type { Wire } from "../src/socket.ts";
import type { Surroundings } from "../src/tabs.ts";

type Grant = (lock: object | null) => Promise<void> | void;

interface Asked {
  readonly page: Page;
  readonly grant: Grant;
  readonly settle: { resolve: () => void; reject: (error: unknown) => void };
}

interface Lock {
  held: Asked | undefined;
  queue: Asked[];
}

/** What several pages of one origin share: Web Locks and BroadcastChannels as the standards have them, and a way to end or freeze a page. */
export class FakeBrowser {
  readonly pages: Page[] = [];
  readonly channels = new Set<Channel>();
  /** Everything said on a channel, as JSON. */
  readonly said: string[] = [];
  #locks = new Map<string, Lock>();

  /** `delay` gives the milliseconds that a message takes; `dial` opens a connection of a page. */
  constructor(readonly delay: () => number, readonly dial: (page: Page, url: string, protocol: string) => Wire) {}

  page(): Page {
    const page = new Page(this);
    this.pages.push(page);
    return page;
  }

  /** The names in use, of locks and channels. */
  get names(): string[] {
    return [...this.#locks.keys(), ...[...this.channels].map((c) => c.name)];
  }

  request(page: Page, name: string, options: { signal?: AbortSignal; steal?: boolean; ifAvailable?: boolean }, grant: Grant): Promise<void> {
    const { signal, steal, ifAvailable } = options;
    if (signal !== undefined && steal) return Promise.reject(new DOMException("signal with steal", "NotSupportedError"));
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (page.dead) return new Promise(() => {});
    if (ifAvailable && this.#locks.has(name)) return Promise.resolve(grant(null));
    const lock = this.#locks.get(name) ?? { held: undefined, queue: [] };
    this.#locks.set(name, lock);
    return new Promise((resolve, reject) => {
      const asked: Asked = { page, grant, settle: { resolve, reject } };
      if (signal !== undefined) setMaxListeners(0, signal);
      signal?.addEventListener("abort", () => {
        const at = lock.queue.indexOf(asked);
        if (at < 0) return;
        lock.queue.splice(at, 1);
        reject(signal.reason);
      });
      if (steal) {
        const robbed = lock.held;
        lock.held = undefined;
        robbed?.page.deliver(() => robbed.settle.reject(new DOMException("stolen", "AbortError")));
        lock.queue.unshift(asked);
      } else lock.queue.push(asked);
      this.#next(name, lock);
    });
  }

  #next(name: string, lock: Lock): void {
    if (lock.held !== undefined) return;
    const asked = lock.queue.shift();
    if (asked === undefined) {
      this.#locks.delete(name);
      return;
    }
    lock.held = asked;
    setTimeout(() => asked.page.deliver(() => {
      if (lock.held !== asked) return;
      Promise.resolve(asked.grant({})).then(asked.settle.resolve, asked.settle.reject).finally(() => asked.page.post(() => {
        if (lock.held !== asked) return;
        lock.held = undefined;
        this.#next(name, lock);
      }));
    }), this.delay());
  }

  /** A page ended without a word. */
  release(page: Page): void {
    for (const channel of [...this.channels]) if (channel.page === page) channel.close();
    for (const [name, lock] of [...this.#locks]) {
      lock.queue = lock.queue.filter((asked) => asked.page !== page);
      if (lock.held?.page === page) lock.held = undefined;
      this.#next(name, lock);
    }
  }
}

class Channel {
  onmessage: ((event: MessageEvent) => void) | null = null;
  #inbox: unknown[] = [];

  constructor(readonly page: Page, readonly name: string) {
    page.browser.channels.add(this);
  }

  postMessage(message: unknown): void {
    if (this.page.dead) return;
    if (!this.page.browser.channels.has(this)) throw new DOMException("the channel is closed", "InvalidStateError");
    const copy = structuredClone(message);
    this.page.browser.said.push(JSON.stringify(copy));
    this.page.post(() => {
      for (const other of this.page.browser.channels) if (other !== this && other.name === this.name) other.#arrive(structuredClone(copy));
    });
  }

  #arrive(message: unknown): void {
    if (this.page.deaf) return;
    this.#inbox.push(message);
    setTimeout(() => {
      const data = this.#inbox.shift();
      this.page.deliver(() => this.page.browser.channels.has(this) && this.onmessage?.({ data } as MessageEvent));
    }, this.page.browser.delay());
  }

  close(): void {
    this.page.browser.channels.delete(this);
  }
}

/** One page. What it does once it is dead reaches nobody; what it and the world do while it is frozen waits. */
export class Page implements Surroundings {
  visibilityState: DocumentVisibilityState = "visible";
  dead = false;
  /** What is said on channels is lost, as it is for a page of Chromium that a debugger halts. */
  deaf = false;
  readonly lines: { end(): void }[] = [];
  #waiting: (() => void)[] | undefined;
  #listeners = new Set<() => void>();

  constructor(readonly browser: FakeBrowser) {}

  get page(): Surroundings["page"] {
    return this;
  }
  addEventListener = (_: string, listener: any, { signal }: any) => {
    this.#listeners.add(listener);
    signal.addEventListener("abort", () => this.#listeners.delete(listener));
  };
  readonly locks = {
    request: (name: string, options: object, grant: Grant) => this.browser.request(this, name, options, grant),
  } as Surroundings["locks"];
  readonly channel = (name: string) => new Channel(this, name);
  readonly dial = (url: string, protocol: string) => this.browser.dial(this, url, protocol);

  async load() {
    return { place };
  }

  get frozen(): boolean {
    return this.#waiting !== undefined;
  }

  deliver(task: () => void): void {
    if (this.dead) return;
    if (this.#waiting !== undefined) this.#waiting.push(task);
    else task();
  }

  /** Sends something out into the world. */
  post(task: () => void): void {
    this.deliver(task);
  }

  show(visible: boolean): void {
    this.visibilityState = visible ? "visible" : "hidden";
    for (const listener of [...this.#listeners]) listener();
  }

  freeze(): void {
    this.#waiting ??= [];
  }

  thaw(): void {
    const tasks = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const task of tasks) this.deliver(task);
  }

  kill(): void {
    this.dead = true;
    for (const line of this.lines) line.end();
    this.browser.release(this);
  }
}
