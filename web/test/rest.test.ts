import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.ts";
import { id } from "./fake-gateway.ts";
import { SmallGateway } from "./small-gateway.ts";

let gateway: SmallGateway;
let client: Client;
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const watched = () => new Set([...gateway.connections].flatMap((c) => [...c.names]));
const held = (n: number) => client.view(id(n));

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime("2026-01-31T09:30:00Z");
  gateway = new SmallGateway(10);
  client = new Client({ gateway: "https://gw.example", dial: () => gateway.dial() });
});
afterEach(() => {
  client.suspend();
  gateway.stop();
  vi.useRealTimers();
});

describe("a page at rest", () => {
  it("has no connection, keeps what it knew as the last known, and asks at once when it is looked at again", async () => {
    const redrawn = vi.fn();
    client.watch(id(1), redrawn);
    client.watchEveryone(() => {});
    await pass(100);
    client.rest(true);
    await pass(6000);
    expect(gateway.connections.size).toBe(0);
    expect(held(1)).toMatchObject({ presence: { activity: gateway.states.get(id(1))!.activity }, stale: true });
    redrawn.mockClear();
    await pass(120_000);
    expect([redrawn.mock.calls.length, gateway.made]).toEqual([0, 1]);
    const before = held(1).presence!.activity;
    gateway.change(1);
    client.rest(false);
    await pass(1); // it is let in, and has not been told yet
    expect(held(1)).toMatchObject({ presence: { activity: before }, stale: true });
    await pass(20);
    expect(held(1)).toMatchObject({ presence: { activity: gateway.states.get(id(1))!.activity }, stale: false });
    expect(gateway.made).toBe(2);
  });

  it("goes on with what is watched in the background, and shows nothing else as new", async () => {
    client.watch(id(1), () => {});
    client.watchEveryone(() => {});
    const told = vi.fn();
    const stop = client.watch(id(2), told, { background: true });
    await pass(100);
    expect(watched()).toEqual(new Set(["*", id(1), id(2)]));
    client.rest(true);
    await pass(10_000);
    expect(watched()).toEqual(new Set([id(2)]));
    told.mockClear();
    gateway.change(1);
    gateway.change(2);
    await pass(10);
    expect(told).toHaveBeenCalledTimes(1);
    expect([held(2).presence!.activity, held(2).stale]).toEqual([gateway.states.get(id(2))!.activity, false]);
    expect([held(1).presence !== undefined, held(1).stale]).toEqual([true, true]);
    const stopNew = client.watch(id(3), () => {});
    await pass(100);
    expect(watched()).toEqual(new Set([id(2)]));
    client.rest(false);
    expect(held(1).stale).toBe(true);
    await pass(100);
    expect(watched()).toEqual(new Set(["*", id(1), id(2), id(3)]));
    for (const n of [1, 2, 3, 4]) expect(held(n)).toMatchObject({ presence: gateway.states.get(id(n)), stale: false });
    stop();
    stopNew();
    await pass(100);
    expect(watched()).toEqual(new Set(["*", id(1)]));
  });

  it("ends its connection with the last watch in the background", async () => {
    client.watch(id(1), () => {});
    const stop = client.watch(id(2), () => {}, { background: true });
    await pass(100);
    client.rest(true);
    await pass(100);
    stop();
    await pass(2000);
    expect(gateway.connections.size).toBe(0);
    expect([held(1).presence !== undefined, held(2).presence]).toEqual([true, undefined]);
    await pass(5000);
    expect(held(1).stale).toBe(true);
    client.rest(false);
    await pass(100);
    expect(watched()).toEqual(new Set([id(1)]));
  });

  it("forgets who is not watched any more", async () => {
    client.watch(id(1), () => {});
    const stop = client.watch(id(3), () => {});
    const everyone = client.watchEveryone(() => {});
    await pass(100);
    client.rest(true);
    await pass(100);
    stop();
    everyone();
    await pass(100);
    expect([...client.ids()]).toEqual([id(1)]);
  });

  it("that was short shows nothing as old", async () => {
    const stale: boolean[] = [];
    client.watch(id(1), () => stale.push(held(1).stale));
    await pass(100);
    client.rest(true);
    await pass(1000);
    client.rest(false);
    await pass(10_000);
    expect(stale).not.toContain(true);
    expect(held(1).stale).toBe(false);
  });
});
