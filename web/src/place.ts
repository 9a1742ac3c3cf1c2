import { callerName } from "./caller.ts";
import { ANEW, lead, type Errand, type Lead, type Note } from "./lead.ts";
import type { TokenSource, Wire } from "./socket.ts";
import type { Channel, Kit, Surroundings } from "./tabs.ts";

/** What all tabs of a caller hear: who leads since when, or who wants a seat. */
interface Call {
  readonly lead?: number;
  readonly join?: string;
}

/** How long a token asked for at the dial is as good as one asked for later, in milliseconds. */
const FRESH = 30_000;

/** How long whoever leads may take to answer one that found it standing still, in milliseconds. */
const ANSWER = 500;

/**
 * A tab's place among those that share a connection, from one dial to its close: to the tab's Socket it is the wire to
 * the gateway. It has a seat with whoever leads, asks the next one for another, and leads itself when its turn comes.
 * `steal` takes the lead from whoever has it and does not answer. `onFailed` is called when whoever leads stood still, or when places cannot
 * be had in this browser.
 */
export function place(
  kit: Kit, around: Surroundings, url: string, token: string | undefined, source: TokenSource | undefined,
  steal: boolean, onFailed: (silent: boolean) => void,
): Wire {
  const { channel, locks, page } = around;
  const id = crypto.randomUUID();
  const over = new AbortController();
  let queue = new AbortController();
  let caller: string;
  /** Begins the names of what belongs to one tab; alone it is that of the lock of whoever leads, and of the channel of all. */
  let name = "";
  let all: Channel | undefined;
  let own: Channel | undefined;
  /** Of whoever leads. Later ones are higher, so that one that does not know yet that it was followed is not listened to. */
  let term = 0;
  let leads: Lead | undefined;

  const wire: Wire = {
    onmessage: null,
    onclose: null,
    onlink: null,
    send(frame) {
      if (frame.startsWith('{"type":"authenticate"')) void authenticate(JSON.parse(frame).token);
      else say({ frame });
    },
    nudge: (asked) => say({ nudge: asked }),
    close(code) {
      if (code === ANEW && own && !leads) onFailed(true);
      leave();
    },
  };

  /**
   * Holds a lock from when it is granted to when the signal says otherwise. Rejects when it cannot be had any more: the
   * signal came first, somebody stole it, or the browser refuses.
   */
  const hold = async (name: string, signal: AbortSignal, granted: () => void, steal = false) => {
    // A browser takes no signal for what is granted at once.
    await locks.request(name, steal ? { steal } : { signal }, async () => {
      if (signal.aborted) return;
      granted();
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
    });
  };

  const say = (note: Partial<Note>) => {
    own?.postMessage({ term, visible: page.visibilityState === "visible", ...note } satisfies Note);
  };

  const join = () => all?.postMessage({ join: id } satisfies Call);

  /** Somebody leads since this term. */
  const follow = (since: number) => {
    if (since === term) return;
    resign();
    term = since;
    wire.onlink?.();
  };

  const resign = () => {
    leads?.close();
    leads = undefined;
  };

  /** Asks for the lead: in turn, or at once. */
  const enqueue = (steal: boolean) => {
    queue.abort();
    queue = new AbortController();
    const { signal } = queue;
    const granted = () => {
      follow(Math.max(Date.now(), term + 1) + Math.random());
      leads = lead(kit, around, url, name, caller, term, token, source);
      leads.join(id);
      all!.postMessage({ lead: term } satisfies Call);
    };
    hold(name, signal, granted, steal).catch((error) => {
      if (signal.aborted) return;
      if (error.name !== "AbortError") return fail();
      // Somebody took it. That they said so may have been lost on a page that stood still, so they are asked.
      enqueue(false);
      join();
    });
  };

  const begin = async () => {
    caller = await callerName(token);
    name = `presence.v1 ${url} ${caller} `;
    setTimeout(() => (token = undefined), FRESH);
    // First the lock by which whoever leads knows that this tab lives.
    await hold(name + id, over.signal, () => {
      all = channel(name);
      all.onmessage = ({ data }: { data: Call }) => {
        if (data.join) leads?.join(data.join);
        else if (data.lead! > term) {
          follow(data.lead!);
          join();
        }
      };
      own = channel(name + id);
      own.onmessage = ({ data }: { data: Errand }) => {
        if (data.term < term) return;
        follow(data.term);
        if (!data.items) return enqueue(true);
        for (const item of data.items) {
          if (typeof item === "string") wire.onmessage?.({ data: item });
          else if (typeof item === "number") end(item);
          else wire.onlink?.(item);
        }
        say({ taken: true });
      };
      page.addEventListener("visibilitychange", () => say({}), { signal: over.signal });
      enqueue(false);
      join();
      // Unless somebody has taken it by now.
      if (steal) setTimeout(() => term === 0 && !over.signal.aborted && enqueue(true), ANSWER);
    });
  };

  /** The token itself goes nowhere: whoever leads has its own, of the same caller. */
  const authenticate = async (token: string) => {
    if ((await callerName(token)) === caller) leads?.renewed(token);
    else end(ANEW);
  };

  const leave = () => {
    over.abort();
    queue.abort();
    resign();
    all?.close();
    own?.close();
    all = own = undefined;
  };

  const end = (code: number) => {
    leave();
    wire.onclose?.({ code });
  };

  const fail = () => {
    if (over.signal.aborted) return;
    onFailed(false);
    end(1006);
  };

  begin().catch(fail);
  return wire;
}
