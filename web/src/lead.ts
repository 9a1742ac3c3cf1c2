import { callerName } from "./caller.ts";
import { relay as start } from "./relay.ts";
import type { Item } from "./seat.ts";
import type { TokenSource } from "./socket.ts";
import type { Channel, Kit, Surroundings } from "./tabs.ts";

/** What a tab says to the one that leads, on a channel of the two. */
export interface Note {
  readonly term: number;
  readonly visible: boolean;
  readonly frame?: string;
  /** What was brought last was taken in. */
  readonly taken?: boolean;
  readonly nudge?: boolean;
}

/** What the one that leads brings a tab: items, or without any that it should take the lead. */
export interface Errand {
  readonly term: number;
  readonly items?: readonly Item[];
}

/** What a tab does while it leads. */
export interface Lead {
  /** Gives a tab a seat, which it loses with its lock. */
  join(tab: string): void;
  /** A new token of the same caller. */
  renewed(token: string): void;
  close(): void;
}

/** How long a page that leads is hidden before it looks for one in sight to lead: flipping through tabs should not make each of them connect. */
const HIDDEN = 5000;

/** The close code that sends everybody to find their place anew; Socket closes with it what has gone silent. */
export const ANEW = 4000;

/**
 * Runs the relay, and brings tabs what it says. `name` begins the names of what belongs to one tab; `token` is what to
 * sign in with first, `source` gives later ones, all of the same `caller`.
 */
export function lead(
  kit: Kit, { channel, dial, locks, page }: Surroundings, url: string, name: string, caller: string, term: number,
  token: string | undefined, source: TokenSource | undefined,
): Lead {
  const over = new AbortController();
  const { signal } = over;
  const visible = new Map<Channel, boolean>();
  let renewed: ((token: string) => void) | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let leaving = false;

  const relay = start(kit, url, dial, source && (async ({ renew }) => {
    if (renew) {
      // A token that was refused is nobody's to renew here: every tab is told, and comes again with its own.
      if (!relay.socket.ready) return undefined;
      // Before the end of a sign-in each tab looks who it is now, and this one's answer serves all.
      relay.each((seat) => seat.say({ type: "expiring" }));
      return new Promise((resolve) => (renewed = resolve));
    }
    const own = token ?? (await source({ renew }));
    token = undefined;
    if ((await callerName(own)) === caller) return own;
    relay.each((seat) => seat.add(ANEW));
    throw new Error("another caller");
  }));

  /** Lets a tab in sight take the lead from a page that has been hidden for long enough. */
  const offer = () => {
    for (const [tab, seen] of visible) {
      if (!leaving || !seen) continue;
      tab.postMessage({ term } satisfies Errand);
      look(); // it is asked once, and again a while later
    }
  };
  const look = () => {
    clearTimeout(timer);
    leaving = false;
    if (page.visibilityState === "hidden") timer = setTimeout(() => ((leaving = true), offer()), HIDDEN);
  };
  page.addEventListener("visibilitychange", look, { signal });
  look();

  return {
    join(tab) {
      if (relay.seats.has(tab)) return;
      const own = channel(name + tab);
      const seat = relay.sit(tab, (items) => own.postMessage({ term, items } satisfies Errand));
      own.onmessage = ({ data: note }: { data: Note }) => {
        if (note.term !== term) return;
        if (note.frame) seat.take(note.frame);
        if (note.taken) seat.taken();
        if (note.nudge !== undefined) relay.socket.nudge(note.nudge);
        visible.set(own, note.visible);
        offer();
      };
      const leave = () => {
        seat.close();
        relay.seats.delete(tab);
        visible.delete(own);
        own.close();
      };
      signal.addEventListener("abort", leave);
      locks.request(name + tab, { signal }, leave).catch(() => {});
    },
    renewed: (token) => renewed?.(token),
    close() {
      clearTimeout(timer);
      over.abort();
      relay.close();
    },
  };
}
