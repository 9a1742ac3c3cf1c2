import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.ts";
import { FakeGateway, id, state, type Line, type Message } from "./fake-gateway.ts";

let gateway: FakeGateway;
let client: Client;
const settle = () => vi.advanceTimersByTimeAsync(0);
const snapshot = (request: Message, presences: Message[] = [], more: Message = {}) => ({ type: "snapshot", id: request.id, presences, ...more });
const ANNA = "anna@example.com";
const TEAM = "10000000-0000-0000-0000-000000000001";
const OTHER = "10000000-0000-0000-0000-000000000002";

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime("2026-01-31T09:30:00Z");
  gateway = new FakeGateway();
  client = new Client({ gateway: "https://gw.example", dial: gateway.dial, random: () => 1 });
});
afterEach(() => {
  client.suspend();
  vi.useRealTimers();
});

async function open(): Promise<Line> {
  const line = gateway.welcome();
  await settle();
  return line;
}

/** Loses the connection and comes back. */
async function again(line: Line): Promise<Line> {
  line.end(1006);
  await vi.advanceTimersByTimeAsync(500);
  return open();
}

const held = () => [...client.ids()].sort();
const unsubscribed = (line: Line) => line.of("unsubscribe").map(({ users, groups }) => [users, groups]);

describe("an address", () => {
  it("is asked for as it is written in lower case, and shows whom it resolves to", async () => {
    let told = 0;
    client.watch(" Anna@Example.COM", () => told++);
    const line = await open();
    const [request] = line.of("subscribe");
    expect(request).toEqual({ type: "subscribe", id: 1, users: [ANNA] });
    expect(client.view(ANNA)).toEqual({ stale: false });
    line.say(snapshot(request!, [state(1, "1", "Busy")], { resolved: { [ANNA]: id(1) } }));
    expect(told).toBe(1);
    expect(client.view("ANNA@example.com").presence).toMatchObject({ id: id(1), availability: "Busy" });
    line.say({ type: "delta", presences: [state(1, "2", "Away")] });
    expect(told).toBe(2);
    expect(client.view(id(1)).presence?.availability).toBe("Away");
    line.say({ type: "gone", users: [id(1)], reason: "unwatched" });
    expect(told).toBe(3);
    expect(client.view(ANNA)).toEqual({ stale: false, absence: "denied" });
  });

  it("may resolve in a later part than the one with the state", async () => {
    client.watch(ANNA, () => {});
    const line = await open();
    const [request] = line.of("subscribe");
    line.say(snapshot(request!, [state(1, "1", "Busy"), state(2, "1")], { pending: [id(3)], more: true }));
    line.say(snapshot(request!, [], { resolved: { [ANNA]: id(1) } }));
    expect(client.view(ANNA).presence?.availability).toBe("Busy");
  });

  it.each(["invalid", "denied"])("that is %s is told as such, and nothing is unsubscribed by it", async (list) => {
    let told = 0;
    const stop = client.watch(ANNA, () => told++);
    client.watch(id(2), () => {});
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(2, "1")], { [list]: [ANNA] }));
    expect(told).toBe(1);
    expect(client.view(ANNA)).toEqual({ stale: false, absence: "invalid" });
    stop();
    await settle();
    expect(line.of("unsubscribe")).toHaveLength(0);
    expect(client.view(ANNA)).toEqual({ stale: false });
  });

  it("that is refused with the whole request is told as such, without an exception", async () => {
    client.watch(ANNA, () => {});
    const line = await open();
    line.say({ type: "error", id: 1, code: "bad_message", message: "" });
    expect(client.view(ANNA)).toEqual({ stale: false, absence: "invalid" });
    expect(client.status.refused).toBe("bad_message");
  });

  it("and the id of the same person are one subscription, that ends with the last of them", async () => {
    const stops = [client.watch(id(1), () => {}), client.watch(ANNA, () => {}), client.watch("a.meyer@example.com", () => {})];
    client.watch(id(9), () => {});
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")], { resolved: { [ANNA]: id(1), "a.meyer@example.com": id(1) } }));
    for (const stop of stops.slice(0, 2)) {
      stop();
      await settle();
      expect(line.of("unsubscribe")).toHaveLength(0);
      expect(client.view(id(1)).presence).toBeDefined();
    }
    stops[2]!();
    await settle();
    expect(unsubscribed(line)).toEqual([[[id(1)], undefined]]);
    expect(held()).toEqual([]);
  });

  it("holds back who is left until it is known whom it means", async () => {
    const stop = client.watch(id(1), () => {});
    client.watch(id(9), () => {});
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")]));
    client.watch(ANNA, () => {});
    await settle();
    stop();
    await settle();
    expect(line.of("unsubscribe")).toHaveLength(0);
    line.say(snapshot(line.of("subscribe")[1]!, [], { resolved: { [ANNA]: id(1) } }));
    await settle();
    // Anna is that user: the gateway would have stopped watching her.
    expect(line.of("unsubscribe")).toHaveLength(0);
    expect(client.view(ANNA).presence?.version).toBe("1");
  });

  it("that is left while it is asked for is left by id once that is known", async () => {
    const stop = client.watch(ANNA, () => {});
    client.watch(id(9), () => {});
    const line = await open();
    stop();
    await settle();
    expect(line.of("unsubscribe")).toHaveLength(0);
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")], { resolved: { [ANNA]: id(1) } }));
    await settle();
    expect(unsubscribed(line)).toEqual([[[id(1)], undefined]]);
    expect(held()).toEqual([]);
  });

  it("that was left too fast for the gateway is left again", async () => {
    const stop = client.watch(ANNA, () => {});
    client.watch(id(9), () => {});
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")], { resolved: { [ANNA]: id(1) } }));
    stop();
    await settle();
    line.say({ type: "error", id: line.of("unsubscribe")[0]!.id, code: "rate_limited", message: "" });
    await vi.advanceTimersByTimeAsync(1100);
    expect(unsubscribed(line)).toEqual([[[id(1)], undefined], [[id(1)], undefined]]);
  });

  it("is asked for again with the version of whom it meant, and confirmed by being left out", async () => {
    client.watch(ANNA, () => {});
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A")], { resolved: { [ANNA]: id(1) } }));
    line = await again(line);
    const [request] = line.of("subscribe");
    expect(request).toMatchObject({ users: [ANNA, id(1)], known: { [id(1)]: "5.A" } });
    expect(client.view(ANNA).presence?.version).toBe("5.A");
    line.say(snapshot(request!, [], { resolved: { [ANNA]: id(1) } }));
    await settle();
    expect(line.of("unsubscribe")).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(6000);
    expect(client.view(ANNA)).toMatchObject({ stale: false, presence: { version: "5.A" } });
  });

  it("that means somebody else by now drops whom it meant", async () => {
    client.watch(ANNA, () => {});
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A")], { resolved: { [ANNA]: id(1) } }));
    line = await again(line);
    line.say(snapshot(line.of("subscribe")[0]!, [state(2, "1.A", "Busy")], { resolved: { [ANNA]: id(2) } }));
    expect(client.view(ANNA).presence).toMatchObject({ id: id(2), availability: "Busy" });
    expect(held()).toEqual([id(2)]);
    await settle();
    expect(unsubscribed(line)).toEqual([[[id(1)], undefined]]);
  });

  it("still means whom it meant where a gateway that begins anew does not know it yet", async () => {
    const stop = client.watch(ANNA, () => {});
    client.watch(id(9), () => {});
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A")], { resolved: { [ANNA]: id(1) } }));
    line = await again(line);
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "6.A", "Busy")], { invalid: [ANNA] }));
    expect(client.view(ANNA).presence?.availability).toBe("Busy");
    stop();
    await settle();
    expect(unsubscribed(line)).toEqual([[[id(1)], undefined]]);
    expect(held()).toEqual([]);
  });

  it("means nobody any more who may not be seen by it nor by id", async () => {
    client.watch(ANNA, () => {});
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A")], { resolved: { [ANNA]: id(1) } }));
    line = await again(line);
    line.say(snapshot(line.of("subscribe")[0]!, [], { denied: [id(1)], more: true }));
    line.say(snapshot(line.of("subscribe")[0]!, [], { invalid: [ANNA] }));
    expect(client.view(ANNA)).toEqual({ stale: false, absence: "invalid" });
    expect(held()).toEqual([]);
  });

  it("that means somebody else by now confirms nobody whom something else wants", async () => {
    client.watch(ANNA, () => {});
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A")], { resolved: { [ANNA]: id(1) } }));
    client.watchEveryone(() => {});
    await settle();
    line.say(snapshot(line.of("subscribe")[1]!));
    line = await again(line);
    const [mine, everyone] = line.of("subscribe");
    line.say(snapshot(mine!, [state(2, "1")], { resolved: { [ANNA]: id(2) } }));
    line.say(snapshot(everyone!, [], { more: true }));
    await vi.advanceTimersByTimeAsync(6000);
    expect(client.view(id(1)).stale).toBe(true);
    line.say(snapshot(everyone!));
    expect(held()).toEqual([id(2)]);
  });

  it("that nobody was found by is asked for again, ever more seldom", async () => {
    const stop = client.watch(ANNA, () => {});
    client.watch(id(9), () => {});
    const line = await open();
    const asked: number[] = [];
    const start = Date.now();
    for (let n = 0; n < 6; n++) {
      line.say(snapshot(line.of("subscribe")[n]!, [], { invalid: [ANNA] }));
      for (let s = 0; s < 400 && line.of("subscribe").length === n + 1; s++) {
        await vi.advanceTimersByTimeAsync(1000);
        line.say({ type: "heartbeat", at: new Date().toISOString() });
      }
      asked.push((Date.now() - start) / 1000);
    }
    expect(asked).toEqual([5, 25, 105, 405, 705, 1005]);
    line.say(snapshot(line.of("subscribe")[6]!, [state(1, "1")], { resolved: { [ANNA]: id(1) } }));
    stop();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(line.of("subscribe")).toHaveLength(7);
  });

  it("that nobody was found by is asked for again when an outage is over", async () => {
    client.watch(ANNA, () => {});
    const line = await open();
    line.say({ type: "status", state: "degraded", reason: "graph_unavailable", since: new Date().toISOString() });
    line.say(snapshot(line.of("subscribe")[0]!, [], { invalid: [ANNA] }));
    line.say({ type: "status", state: "live" });
    await settle();
    line.say(snapshot(line.of("subscribe")[1]!, [state(1, "1")], { resolved: { [ANNA]: id(1) } }));
    expect(client.view(ANNA).presence?.id).toBe(id(1));
    line.say({ type: "status", state: "degraded", reason: "graph_unavailable", since: new Date().toISOString() });
    line.say({ type: "status", state: "live" });
    await settle();
    expect(line.of("subscribe")).toHaveLength(2);
  });
});

describe("a group", () => {
  let told: string[][];
  const listen = (ids: ReadonlySet<string>) => told.push([...ids].sort());
  beforeEach(() => {
    told = [];
  });

  it("is asked for by its id, whoever watches it, and shows its members", async () => {
    client.watchGroup(TEAM.toUpperCase(), listen);
    client.watchGroup(TEAM, listen);
    client.watch(id(1), () => {});
    const line = await open();
    expect(line.of("subscribe")).toEqual([{ type: "subscribe", id: 1, users: [id(1)], groups: [TEAM] }]);
    expect(client.members(TEAM)).toBeUndefined();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1"), state(2, "1", "Busy")], { pending: [id(3)], more: true }));
    line.say(snapshot(line.of("subscribe")[0]!, [], { members: { [TEAM]: [id(1), id(2)] }, more: true }));
    expect(client.members(TEAM)).toBeUndefined();
    line.say(snapshot(line.of("subscribe")[0]!, [], { members: { [TEAM]: [id(3)] } }));
    expect(client.members(TEAM)).toEqual([id(1), id(2), id(3)]);
    expect(told).toEqual([[id(1), id(2), id(3)], [id(1), id(2), id(3)]]);
    expect(client.view(id(2)).presence?.availability).toBe("Busy");
    expect(client.view(id(3)).absence).toBe("pending");
    line.say({ type: "delta", presences: [state(2, "2", "Away")] });
    expect(told.slice(2)).toEqual([[id(2)], [id(2)]]);
  });

  it("without members has none, and one that is refused says so", async () => {
    client.watchGroup(TEAM, listen);
    client.watchGroup(OTHER, listen);
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [], { members: { [TEAM]: [] }, denied: [OTHER] }));
    expect([client.members(TEAM), client.refuses(TEAM)]).toEqual([[], false]);
    expect([client.members(OTHER), client.refuses(OTHER)]).toEqual([undefined, true]);
    expect(held()).toEqual([]);
    expect(told).toHaveLength(2);
  });

  it("follows who joins and leaves", async () => {
    client.watchGroup(TEAM, listen);
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1"), state(2, "1")], { members: { [TEAM]: [id(1), id(2)] } }));
    told.length = 0;
    line.say({ type: "delta", presences: [], joined: { [TEAM]: [id(3)] }, left: { [TEAM]: [id(1)] } });
    expect(told).toEqual([[id(3)]]);
    expect(client.members(TEAM)).toEqual([id(2), id(3)]);
    expect(held()).toEqual([id(2)]);
    line.say({ type: "gone", users: [id(1)], reason: "unwatched" });
    line.say({ type: "delta", presences: [state(3, "1"), state(1, "2")] });
    expect(held()).toEqual([id(2), id(3)]);
    // A group nobody asked for adds nobody.
    line.say({ type: "delta", presences: [state(4, "1")], joined: { [OTHER]: [id(4)] } });
    expect(held()).toEqual([id(2), id(3)]);
    expect(client.members(OTHER)).toBeUndefined();
  });

  it("loses whom the caller may no longer see", async () => {
    client.watchGroup(TEAM, listen);
    client.watch(id(2), () => {});
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1"), state(2, "1")], { members: { [TEAM]: [id(1), id(2)] } }));
    told.length = 0;
    line.say({ type: "gone", users: [id(1), id(2)], reason: "unwatched" });
    expect(client.members(TEAM)).toEqual([]);
    expect(told).toHaveLength(1);
    expect(client.view(id(1))).toEqual({ stale: false });
    expect(client.view(id(2))).toEqual({ stale: false, absence: "denied" });
  });

  it("keeps who is gone for another reason", async () => {
    client.watchGroup(TEAM, listen);
    const line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")], { members: { [TEAM]: [id(1)] } }));
    line.say({ type: "gone", users: [id(1)], reason: "unknown" });
    expect(client.members(TEAM)).toEqual([id(1)]);
    expect(client.view(id(1)).absence).toBe("gone");
  });

  it.each(["name", "address", "group", "other group", "everyone"])("and other reasons to watch somebody end apart: %s last", async (last) => {
    const stops: Record<string, () => void> = {
      name: client.watch(id(1), () => {}),
      address: client.watch(ANNA, () => {}),
      group: client.watchGroup(TEAM, listen),
      "other group": client.watchGroup(OTHER, listen),
      everyone: client.watchEveryone(() => {}),
    };
    client.watch(id(9), () => {});
    const line = await open();
    const [names, everyone] = line.of("subscribe");
    line.say(snapshot(names!, [state(1, "1")], { resolved: { [ANNA]: id(1) }, members: { [TEAM]: [id(1)], [OTHER]: [id(1)] } }));
    line.say(snapshot(everyone!));
    for (const [reason, stop] of Object.entries(stops)) {
      if (reason === last) continue;
      stop();
      await settle();
    }
    expect(client.view(id(1)).presence?.version).toBe("1");
    line.say({ type: "delta", presences: [state(1, "2")] });
    expect(client.view(id(1)).presence?.version).toBe("2");
    stops[last]!();
    await settle();
    expect(held()).toEqual([]);
    line.say({ type: "delta", presences: [state(1, "3")] });
    expect(held()).toEqual([]);
    const messages = unsubscribed(line).flat(2).filter((m) => m !== undefined);
    expect(messages.sort()).toEqual(["*", id(1), OTHER, TEAM].sort());
  });

  it("is asked for again with the versions of its members, and replaces who they were", async () => {
    client.watchGroup(TEAM, listen);
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A"), state(2, "5.B"), state(3, "5.C")], { members: { [TEAM]: [id(1), id(2), id(3)] } }));
    line = await again(line);
    const [request] = line.of("subscribe");
    expect(request).toMatchObject({ groups: [TEAM], known: { [id(1)]: "5.A", [id(2)]: "5.B", [id(3)]: "5.C" } });
    // Until then, those known last.
    expect(client.members(TEAM)).toEqual([id(1), id(2), id(3)]);
    line.say(snapshot(request!, [state(2, "6.B", "Busy"), state(4, "6.D")], { members: { [TEAM]: [id(1), id(2), id(4)] } }));
    await vi.advanceTimersByTimeAsync(6000);
    expect(client.members(TEAM)).toEqual([id(1), id(2), id(4)]);
    expect(held()).toEqual([id(1), id(2), id(4)]);
    expect([1, 2, 4].map((n) => client.view(id(n)).stale)).toEqual([false, false, false]);
    expect(client.view(id(2)).presence?.availability).toBe("Busy");
  });

  it("whose answer comes after everyone's keeps its members until then", async () => {
    client.watchGroup(TEAM, listen);
    client.watchEveryone(() => {});
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "5.A")], { members: { [TEAM]: [id(1)] } }));
    line.say(snapshot(line.of("subscribe")[1]!));
    line = await again(line);
    const [group, everyone] = line.of("subscribe");
    line.say({ type: "error", id: group!.id, code: "rate_limited", message: "" });
    line.say(snapshot(everyone!));
    expect(held()).toEqual([id(1)]);
    await vi.advanceTimersByTimeAsync(1500);
    line.say(snapshot(line.of("subscribe")[2]!, [], { members: { [TEAM]: [id(1)] } }));
    expect(client.view(id(1)).presence?.version).toBe("5.A");
  });

  it("of ten thousand tells no more versions than a message may hold", async () => {
    const people = Array.from({ length: 10_000 }, (_, n) => n);
    client.watchGroup(TEAM, listen);
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, people.map((n) => state(n, "00000001.A0129311063.01")), { members: { [TEAM]: people.map(id) } }));
    line = await again(line);
    expect(JSON.stringify(line.of("subscribe")[0]).length).toBeLessThan(512 << 10);
  });

  it("that is refused by the next connection drops its members", async () => {
    client.watchGroup(TEAM, listen);
    let line = await open();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")], { members: { [TEAM]: [id(1)] } }));
    line = await again(line);
    line.say(snapshot(line.of("subscribe")[0]!, [], { denied: [TEAM] }));
    expect([client.members(TEAM), client.refuses(TEAM), held()]).toEqual([undefined, true, []]);
  });
});
