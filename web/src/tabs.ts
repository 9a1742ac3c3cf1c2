import { homeOf } from "./home.ts";
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
}

export type Channel = Pick<BroadcastChannel, "onmessage" | "postMessage" | "close">;

/** Where the gateway has the rest of sharing, in a script that is loaded from it; undefined in a bundle that holds it. */
declare const TABS: string | undefined;

/** What that rest takes from here, so that a page has each of it once. */
const kit = { Socket, Table };
export type Kit = typeof kit;

/** How long that rest may take to come, in milliseconds, until a page goes on without. */
const PATIENCE = 3000;

const alone: Dial = (url, protocol) => new WebSocket(url, protocol) as unknown as Wire;

export interface Sharing {
  /** It is known how to connect: what is dialled before is a connection of one's own. */
  readonly ready: Promise<unknown>;
  readonly dial: Dial;
}

/**
 * One connection to a gateway for all tabs of an origin in which the same caller watches: what a Socket dials instead of
 * the gateway. Whoever holds a Web Lock runs the relay; what it says travels by BroadcastChannels, one for each tab, whose
 * life is a lock of its own. Where the browser offers none of this, or it fails, a page has a connection to itself.
 */
export function shared(source: TokenSource, around: Surroundings | undefined = surroundings()): Sharing {
  let dial = around?.dial ?? alone;
  const single = dial;
  let steal = false;
  const load = async () => {
    if (!around) return;
    const { place } = (await (typeof TABS === "string" ? import(homeOf(import.meta.url) + TABS) : import("./place.ts"))) as typeof import("./place.ts");
    dial = (url, _protocol, token) => {
      const taken = place(kit, around, url, token, source, steal, (silent) => {
        if (silent) steal = true;
        else dial = single;
      });
      steal = false;
      return taken;
    };
  };
  const late = new Promise((resolve) => around && setTimeout(resolve, PATIENCE));
  return { ready: Promise.race([load().catch(() => {}), late]), dial: (...asked) => dial(...asked) };
}

function surroundings(): Surroundings | undefined {
  const locks = globalThis.navigator?.locks;
  if (!locks || !globalThis.BroadcastChannel || !globalThis.document) return undefined;
  return { locks, page: document, dial: alone, channel: (name) => new BroadcastChannel(name) };
}
