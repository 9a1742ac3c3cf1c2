import { steadyClock } from "./clock.ts";
import { seat, type Item, type Seat } from "./seat.ts";
import type { TokenSource } from "./socket.ts";
import { KNOWN } from "./table.ts";
import type { Dial, Kit } from "./tabs.ts";

/** The connection to the gateway. */
export type Line = InstanceType<Kit["Socket"]>;

export interface Relay {
  readonly socket: Line;
  /** By tab. */
  readonly seats: Map<string, Seat>;
  /** Gives a tab a seat; `bring` brings it items, and no others before the seat's `taken`. */
  sit(tab: string, bring: (items: Item[]) => void): Seat;
  each(tell: (seat: Seat) => void): void;
  /** Ends the connection. Tabs are told nothing: whoever leads next will greet them. */
  close(): void;
}

/** How often tabs are told that the gateway is still out of reach, in milliseconds, so that they know their relay to be there. */
const PULSE = 2000;

/**
 * A gateway in miniature, run by one tab for all tabs of its caller: towards them it speaks `presence.v1.json`, towards
 * the real gateway it holds one connection with the union of what they want. It passes on only what the present
 * connection vouches for. Each new connection to the gateway is a new one to the tabs too, with its hello, so that
 * versions rise for them as for it; while there is none they are told how the link stands.
 */
export function relay({ Socket, Table }: Kit, url: string, dial: Dial, token: TokenSource | undefined): Relay {
  const now = steadyClock();
  const seats = new Map<string, Seat>();
  const each = (tell: (seat: Seat) => void) => seats.forEach((seat) => tell(seat));
  const begin = () => each((seat) => seat.begin());
  let lostAt = -KNOWN;
  /** The gateway's hello, and its last status. */
  let greeting: string[];

  const table: InstanceType<Kit["Table"]> = new Table({ send: (message) => socket.send(message), onChanged() {}, onStatus() {} });
  const socket: Line = new Socket({
    url,
    dial,
    now,
    ...(token && { token }),
    onOpen(hello) {
      greeting = [hello];
      begin();
      socket.send({ type: "ping" });
      table.opened(now() - lostAt < KNOWN);
    },
    onMessage(message, frame) {
      if (message.type === "status") greeting[1] = frame;
      table.take(message);
      each((seat) => seat.pass(message, frame));
    },
    onStatus({ state, reason, retrying }) {
      if (socket.ready) return;
      lostAt = now();
      table.subscriptions.closed();
      if (retrying !== false) begin();
      else each((seat) => seat.add(state === "signed-out" ? 4401 : reason === "forbidden" ? 4403 : 4400));
    },
  });
  const pulse = setInterval(() => socket.ready || begin(), PULSE);
  socket.open();

  return {
    socket,
    seats,
    each,
    sit(tab, bring) {
      const own = seat(table, socket, () => (socket.ready ? [...greeting] : [socket.status]), bring);
      seats.set(tab, own);
      return own;
    },
    close() {
      clearInterval(pulse);
      socket.close();
    },
  };
}
