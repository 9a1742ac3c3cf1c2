import { isAddress, isGroup } from "./coverage.ts";
import type { Presence, ServerMessage } from "./protocol.ts";
import type { LinkStatus, Socket } from "./socket.ts";
import type { Table } from "./table.ts";

/**
 * What a relay brings to a tab: a frame of `presence.v1.json`; how the link stands, where there is none to the gateway; the
 * code with which all ends.
 */
export type Item = string | LinkStatus | number;

/** What one tab wants, and what is on its way there. It is brought some items, and no others until it has taken those in. */
export interface Seat {
  /** The tab begins anew: there is a connection to the gateway, or none. */
  begin(): void;
  /** Adds to what is brought. */
  add(item: Item): void;
  say(message: object): void;
  /** Passes on what the gateway said, once the table has it. */
  pass(message: ServerMessage, frame: string): void;
  /** The tab has taken in what it was brought. */
  taken(): void;
  /** Takes a frame from the tab. */
  take(frame: string): void;
  close(): void;
}

/** States in one part of a snapshot, and items brought at once: what a tab takes in without a pause. */
const PART = 250;
const ITEMS = 8;
/** Items that wait for a tab that takes in nothing. With more it begins anew when it moves again. */
const WAITING = 200;
/** How long, after a new beginning, what a tab wanted before is still watched, so that what it asks for again is not dropped in between. */
const KEPT = 5000;

/** A seat at a relay's table; `greeting` gives what a tab is told first. */
export function seat({ store, subscriptions }: Table, socket: Socket, greeting: () => Item[], bring: (items: Item[]) => void): Seat {
  const { coverage } = subscriptions;
  /** What the tab subscribes to: ids, addresses, groups, and `*` for everyone. */
  let names = new Set<string>();
  /** What is not answered yet; each tries to, and says whether it could. */
  let asks: (() => boolean)[] = [];
  let items: Item[] = [];
  let busy = false;

  const send = () => {
    if (busy) return;
    busy = true;
    bring(items.splice(0, ITEMS));
  };
  const add = (item: Item) => {
    if (items.push(item) > WAITING) begin();
    else send();
  };
  const say = (message: object) => add(JSON.stringify(message));

  const release = (names: Iterable<string>) => {
    for (const name of names) subscriptions.remove(name);
  };
  const begin = () => {
    const before = names;
    setTimeout(() => release(before), KEPT);
    names = new Set();
    asks = [];
    items = greeting();
    send();
  };

  const wants = (id: string) => ["*", id, ...coverage.names(id)].some((name) => names.has(name));

  /** Answers what can be answered by now. */
  const answer = () => {
    asks = asks.filter((ask) => !ask());
  };

  /** Gives a snapshot of what a subscribe names, as the table stands, once the gateway has answered for all of it. */
  const tell = (id: number, asked: readonly string[], known: Record<string, string>) => {
    if (!asked.every((name) => subscriptions.answered(name))) return false;
    const everyone = asked[0] === "*";
    const ids = new Set<string>();
    const presences: Presence[] = [];
    const absent: Record<string, string[]> = { pending: [], gone: [], denied: [] };
    const resolved: Record<string, string> = {};
    const members: Record<string, string[]> = {};
    for (const name of everyone ? store.ids() : asked) {
      const address = isAddress(name);
      const users = address || isGroup(name) ? coverage.users(name) : [name];
      for (const user of users ?? []) ids.add(address ? (resolved[name] = user) : user);
      if (users === undefined) absent.denied!.push(name.replace("#", ""));
      else if (isGroup(name)) members[name.slice(1)] = [...users];
    }
    for (const user of ids) {
      const state = store.vouched(user) && store.get(user);
      const absence = store.awaits(user) ? "pending" : store.absence(user);
      if (state) {
        if (known[user] !== state.version) presences.push(state);
      } else if (absence) absent[absence]?.push(user);
      else if (!everyone) return false; // left out of an answer for one that is still coming
    }
    while (presences.length > PART) say({ type: "snapshot", id, presences: presences.splice(0, PART), more: true });
    say({ type: "snapshot", id, presences, ...absent, resolved, members });
    return true;
  };

  if (socket.ready) begin();
  else send(); // nothing but that there is somebody

  return {
    begin,
    add,
    say,
    pass(message, frame) {
      const { type } = message;
      if (type === "delta") {
        const { presences, joined, left } = message;
        if (joined.size + left.size > 0 || presences.some((p) => wants(p.id))) add(frame);
        // Who joined may be known here already, by what another tab wants.
        const here = [...joined.values()].flat().flatMap((id) => (store.vouched(id) ? store.get(id)! : []));
        if (here.length > 0) say({ type, presences: here });
      } else if (type === "error") {
        // Whose request it was is not known any more: everybody hears that not all they want may come.
        say({ ...message, id: 0 });
      } else if (type !== "snapshot" && type !== "ack") add(frame);
      answer();
    },
    taken() {
      busy = false;
      if (items.length > 0) send();
    },
    take(frame) {
      if (!socket.ready) return; // it will say so again
      const { type, id, users = [], groups = [], known = {} } = JSON.parse(frame);
      const asked: string[] = users === "*" ? [users] : [...users, ...groups.map((group: string) => "#" + group)];
      if (type === "subscribe") {
        for (const name of asked) {
          if (names.has(name)) {
            // What was nobody's may be somebody's by now.
            if (coverage.denied(name)) subscriptions.search();
          } else {
            names.add(name);
            subscriptions.add(name);
          }
        }
        asks.push(() => tell(id, asked, known));
        answer();
      } else if (type === "unsubscribe") {
        // To a gateway an address is only another way to name its user.
        const all = asked.flatMap((name) => [name, ...[...coverage.names(name)].filter(isAddress)]);
        release(all.filter((name) => names.delete(name)));
        say({ type: "ack", id });
      } else if (type === "ping") {
        const at = socket.gatewayNow();
        if (at) say({ type: "pong", id, at: new Date(at).toISOString() });
      }
    },
    close() {
      busy = true;
      release(names);
    },
  };
}
