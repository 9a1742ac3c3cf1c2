import { homeOf } from "./home.ts";
import type { place } from "./place.ts";
import { Socket, type TokenSource, type Wire } from "./socket.ts";
import { Table } from "./table.ts";

/** A way to connect: an address, a subprotocol, and the token that the connection will be signed in with. */
export type Dial = (url: string, protocol: string, token?: string) => Wire;

/** What the pages of an origin share through the browser. */
export interface Surroundings {
  readonly locks: Pick<LockManager, "request">;
  readonly channel: (name: string) => Channel;
  readonly page: Pick<Document, "visibilityState" | "addEventListener">;
  /** A connection of one's own. */
  readonly dial: Dial;
  /** Loads what it takes to have a place among several tabs. */
  load(): Promise<{ place: typeof place }>;
}

export type Channel = Pick<BroadcastChannel, "onmessage" | "postMessage" | "close">;

/** Where the gateway has the rest of sharing, in a script that is loaded from it; undefined in a bundle that holds it. */
declare const TABS: string | undefined;

/** What that rest takes from here, so that a page has each of it once. */
const kit = { Socket, Table };
export type Kit = typeof kit;

const alone: Dial = (url, protocol) => {
  const socket = new WebSocket(url, protocol);
  const close = socket.close.bind(socket);
  // A browser complains on the console of what is closed before it is open.
  return Object.assign(socket as unknown as Wire, {
    close: (code?: number) => (socket.readyState === 0 ? (socket.onopen = () => close(code)) : close(code)),
  });
};

/**
 * One connection to a gateway for all tabs of an origin in which the same caller watches: what a Socket dials instead of
 * the gateway. A tab connects by itself until it meets another one at the same gateway; from then on both have a `place`,
 * whose code a page on its own never loads. Where the browser cannot do it, or it fails, a page keeps a connection to itself.
 */
export function shared(source: TokenSource, around: Surroundings | undefined = surroundings()): Dial {
  if (around === undefined) return alone;
  const { channel, dial, locks } = around;
  let single = false;
  let steal = false;
  return (url, protocol, token) => {
    if (single) return dial(url, protocol);
    const over = new AbortController();
    const { signal } = over;
    const name = `presence.v1 ${url}`;
    const others = channel(name);
    let wire: Wire | undefined;
    let met = false;

    const leave = () => {
      over.abort();
      others.close();
    };
    const outer: Wire = {
      onmessage: null,
      onclose: null,
      onlink: null,
      send: (frame) => wire?.send(frame),
      nudge: (asked) => wire?.nudge?.(asked),
      close(code, reason) {
        leave();
        wire?.close(code, reason);
      },
    };
    const use = (next: Wire) => {
      if (wire !== undefined) {
        wire.onmessage = wire.onclose = null;
        wire.close(1000);
        outer.onlink?.(); // the next hello may take a moment
      }
      wire = next;
      wire.onmessage = (event) => outer.onmessage?.(event);
      wire.onlink = (status) => outer.onlink?.(status);
      wire.onclose = (event) => {
        leave();
        outer.onclose?.(event);
      };
    };
    const stay = () => {
      single = true;
      if (!signal.aborted && wire === undefined) use(dial(url, protocol));
    };
    /** There is another tab. */
    const meet = async () => {
      if (met) return;
      met = true;
      const { place } = await around.load();
      // The token of the dial may be an old one by now.
      const own = wire === undefined ? token : await source({ renew: false });
      if (signal.aborted) return;
      use(place(kit, around, url, own, source, steal, (silent) => {
        if (silent) steal = true;
        else single = true;
      }));
      steal = false;
    };

    others.onmessage = ({ data: asking }) => {
      if (asking) others.postMessage(false);
      meet().catch(stay);
    };
    // Whoever has the lock is the first, and need not wait to hear whether there are others.
    const greet = async (lock: Lock | null) => {
      if (signal.aborted) return;
      others.postMessage(true);
      if (lock === null) return meet();
      if (!met) use(dial(url, protocol));
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    };
    locks.request(name, { ifAvailable: true }, greet).catch(stay);
    return outer;
  };
}

function surroundings(): Surroundings | undefined {
  const locks = globalThis.navigator?.locks;
  if (!locks || !globalThis.BroadcastChannel || !globalThis.document) return undefined;
  const load = () => (typeof TABS === "string" ? import(homeOf(import.meta.url) + TABS) : import("./place.ts")) as Promise<typeof import("./place.ts")>;
  return { locks, load, page: document, dial: alone, channel: (name) => new BroadcastChannel(name) };
}
