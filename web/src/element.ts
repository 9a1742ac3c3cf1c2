import type { Client } from "./client.ts";
import { clientFor } from "./clients.ts";
import { onWords, wordsFor } from "./locale.ts";
import { follow, leave, stir, type Guest } from "./near.ts";
import type { Words } from "./words.ts";

/** How long an element stays live after it went from near the window, in milliseconds: what scrolls past comes back. */
const LINGER = 5000;

// Importing without a browser, as server rendering does, must do nothing.
const Base: typeof HTMLElement = globalThis.HTMLElement ?? (class {} as typeof HTMLElement);

/** Clients whose pages were asked to sign in, and have not been let in since. */
const asking = new WeakSet<Client>();
const warned = new Set<string>();

/**
 * What the elements have in common: they watch while they are near the window, remember while they are not, speak the
 * language of their place, and tell how the way to the gateway stands.
 *
 * Fires `presence-status` (detail: the link's status) when that changes, and `presence-signin` (detail: `{gateway}`, its
 * address) when the gateway lets in only who is signed in: once for a page and gateway, from one of its elements, until
 * somebody was let in. Both bubble and cross shadow boundaries, so that a page listens once, on its document.
 */
export abstract class PresenceElement extends Base implements Guest {
  declare gateway: string;
  /** The client while the element watches. */
  protected client: Client | undefined;
  #stop: (() => void) | undefined;
  #deaf: (() => void) | undefined;
  #near = false;
  /** Something was remembered when time passed last. */
  #held = false;
  #link: string | undefined;
  #day: string | undefined;

  /** Makes what the shadow root holds. Called once. */
  protected abstract build(root: ShadowRoot): void;
  /** Begins to watch; the result ends it. Undefined: there is nobody to watch. */
  protected abstract watch(client: Client): (() => void) | undefined;
  /** Shows what is known: by `client`, or remembered where there is none. */
  protected abstract draw(words: Words): void;
  /** Remembers what `client` knows, which is about to go. */
  protected abstract keep(client: Client): void;
  /** Forgets what is remembered: it is of somebody else. */
  protected abstract forget(): void;
  /** Whether anything is remembered. */
  protected abstract get remembers(): boolean;

  connectedCallback(): void {
    if (this.shadowRoot === null) this.build(this.attachShadow({ mode: "open" }));
    this.#deaf = onWords(() => this.renew(false));
    follow(this);
    // One that was moved within the page goes on at once.
    this.renew(false);
  }

  disconnectedCallback(): void {
    leave(this);
    this.#deaf?.();
    this.#rest();
  }

  attributeChangedCallback(name: string, was: string | null, is: string | null): void {
    if (was !== is && this.isConnected && this.shadowRoot !== null) this.renew(!/^(lang|sort|limit)$/.test(name));
  }

  near(): void {
    if (this.#near) return;
    this.#near = true;
    this.renew(false);
  }

  pass(away: number): boolean {
    if (this.#near && away >= LINGER) {
      this.#near = false;
      this.#rest();
      this.show();
    } else if (this.#held && (this.#near || !this.remembers)) {
      this.show();
    }
    this.#held = this.remembers;
    return this.#held || (this.#near && away > 0);
  }

  /** Watches whoever is to be watched now, at the gateway that is meant now; `other`: that may be somebody else than before. */
  protected renew(other: boolean): void {
    if (this.#near) {
      const client = clientFor(this.gateway);
      if (other || client !== this.client) {
        other ||= this.client !== undefined;
        const before = this.#stop;
        const ends = [this.watch(client), client.onStatus(() => this.#status(client))];
        this.client = client;
        if (other) this.forget();
        this.#stop = () => ends.forEach((end) => end?.());
        // After the new watch began, so that a change from one user to another keeps the connection.
        before?.();
        if (this.remembers) stir(this);
        this.#status(client);
      }
    } else if (other) {
      this.forget();
    }
    this.show();
  }

  /** Shows what is known as of now. */
  protected show(): void {
    this.draw(wordsFor(this));
  }

  protected fire(type: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }

  /** Says once for a page what an attribute takes. */
  protected warn(text: string): void {
    if (!warned.has(text)) console.warn(`${this.localName}: ${text}`, this);
    warned.add(text);
  }

  #rest(): void {
    if (this.client !== undefined) this.keep(this.client);
    this.#stop?.();
    this.#stop = this.client = undefined;
  }

  #status(client: Client): void {
    const { link } = client;
    const said = `${link.state} ${link.reason ?? ""}`;
    if (said !== this.#link) {
      this.#link = said;
      this.fire("presence-status", link);
    }
    if (link.state === "live") asking.delete(client);
    if (link.state === "signed-out" && !asking.has(client)) {
      asking.add(client);
      this.fire("presence-signin", { gateway: client.gateway });
    }
    // What was "since 10:42" yesterday says the day now.
    const day = new Date().toDateString();
    if (day !== (this.#day ??= day)) this.show();
    this.#day = day;
  }
}

/** Gives a class of elements properties that are attributes, empty where there is none. */
export function reflect(element: { prototype: object }, attributes: Readonly<Record<string, string>>): void {
  for (const [property, attribute] of Object.entries(attributes)) {
    Object.defineProperty(element.prototype, property, {
      get(this: Element) {
        return this.getAttribute(attribute) ?? "";
      },
      set(this: Element, value: string) {
        this.setAttribute(attribute, value);
      },
    });
  }
}
