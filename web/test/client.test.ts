import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.ts";
import { FakeGateway, id, state, type Line, type Message } from "./fake-gateway.ts";

let gateway: FakeGateway;
let client: Client;
const settle = () => vi.advanceTimersByTimeAsync(0);
const snapshot = (request: Message, presences: Message[] = [], more: Message = {}) => ({ type: "snapshot", id: request.id, presences, ...more });

beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime("2026-01-31T09:30:00Z");
  gateway = new FakeGateway();
  client = new Client({ gateway: "https://gw.example/base", dial: gateway.dial, random: () => 1 });
});
afterEach(() => {
  client.suspend();
  vi.useRealTimers();
});

/** Watches users, welcomes the client and answers its first request with these states. */
async function live(users: number[], presences: Message[] = []): Promise<Line> {
  for (const n of users) client.watch(id(n), () => {});
  const line = gateway.welcome();
  await settle();
  line.say(snapshot(line.of("subscribe")[0]!, presences));
  return line;
}

describe("another hello on a connection that is live", () => {
  it("makes nothing old before the gateway had time to vouch for it", async () => {
    const line = await live([1], [state(1, "1")]);
    await vi.advanceTimersByTimeAsync(6000);
    line.say({ type: "hello", protocol: "presence.v1.json", connection: "d", heartbeatSeconds: 10, limits: {} });
    await settle();
    expect(client.view(id(1)).stale).toBe(false);
    await vi.advanceTimersByTimeAsync(5000);
    expect(client.view(id(1)).stale).toBe(true);
  });
});

describe("subscriptions", () => {
  it("are told in one message, over one connection, for any number of watches", async () => {
    for (let i = 0; i < 50; i++) client.watch(id(i % 5).toUpperCase(), () => {});
    expect(gateway.lines).toHaveLength(1);
    expect(gateway.last.url).toBe("wss://gw.example/base/v1/stream");
    const line = gateway.welcome();
    await settle();
    expect(line.of("subscribe").map((m) => m.users)).toEqual([[0, 1, 2, 3, 4].map(id)]);
  });

  it("go in chunks of a thousand, paced below the gateway's limit", async () => {
    for (let i = 0; i < 12_500; i++) client.watch(id(i), () => {});
    const line = gateway.welcome();
    await settle();
    expect(line.of("subscribe")).toHaveLength(10);
    await vi.advanceTimersByTimeAsync(300);
    expect(line.of("subscribe").map((m) => m.users.length)).toEqual([...Array(12).fill(1000), 500]);
    expect(new Set(line.of("subscribe").flatMap((m) => m.users)).size).toBe(12_500);
  });

  it("never send more than 20 messages in a second, however a page flickers", async () => {
    const line = await live([1]);
    const sent: number[] = [];
    const start = line.sent.length;
    for (let ms = 0; ms < 3000; ms += 16) {
      const stop = client.watch(id(100 + ms), () => {});
      await vi.advanceTimersByTimeAsync(16);
      stop();
      while (sent.length < line.sent.length - start) sent.push(ms);
    }
    for (const t of sent) expect(sent.filter((u) => u >= t && u < t + 1000).length).toBeLessThanOrEqual(20);
  });

  it("cost nothing for an element that is moved", async () => {
    const stop = client.watch(id(1), () => {});
    const open = gateway.welcome();
    await settle();
    const before = open.sent.length;
    stop();
    client.watch(id(1), () => {});
    await settle();
    expect(open.sent).toHaveLength(before);
  });

  it("end when the last watcher leaves, and then forget", async () => {
    client.watch(id(9), () => {});
    const first = client.watch(id(1), () => {});
    const second = client.watch(id(1), () => {});
    const line = gateway.welcome();
    await settle();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1"), state(9, "1")]));
    first();
    first();
    await settle();
    expect(line.of("unsubscribe")).toHaveLength(0);
    second();
    await settle();
    expect(line.of("unsubscribe").map((m) => m.users)).toEqual([[id(1)]]);
    expect(client.view(id(1)).presence).toBeUndefined();
    line.say({ type: "delta", presences: [state(1, "2")] });
    expect(client.view(id(1)).presence).toBeUndefined();
  });

  it("of everyone tell whose state changed, until they end", async () => {
    const told: string[][] = [];
    const stop = client.watchEveryone((ids) => told.push([...ids]));
    const line = gateway.welcome();
    await settle();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1"), state(2, "1")]));
    line.say({ type: "delta", presences: [state(2, "2")] });
    expect(told).toEqual([[id(1), id(2)], [id(2)]]);
    stop();
    line.say({ type: "delta", presences: [state(2, "3")] });
    expect(told).toHaveLength(2);
  });

  it("say everyone without known, and drop who is left out of everyone's snapshot", async () => {
    client.watchEveryone(() => {});
    let line = gateway.welcome();
    await settle();
    line.say(snapshot(line.of("subscribe")[0]!, [state(1, "1")], { more: true }));
    expect(client.complete).toBe(false);
    line.say(snapshot(line.of("subscribe")[0]!, [state(2, "1")]));
    expect(client.complete).toBe(true);
    line.end(1006);
    await vi.advanceTimersByTimeAsync(500);
    line = gateway.welcome();
    await settle();
    const again = line.of("subscribe")[0]!;
    expect(again).toMatchObject({ users: "*" });
    expect(again.known).toBeUndefined();
    line.say(snapshot(again, [state(2, "1")], { pending: [id(3)] }));
    expect([...client.ids()].sort()).toEqual([id(2), id(3)]);
  });

  it("forget whom nobody watches any more though the connection ends first", async () => {
    const stop = client.watch(id(1), () => {});
    const line = await live([2], [state(1, "1"), state(2, "1")]);
    for (let i = 0; i < 20; i++) client.watch(id(100 + i), () => {}), await settle(); // uses up what may be said at once
    stop();
    await settle();
    expect(line.of("unsubscribe").some((m) => m.users.includes(id(1)))).toBe(false);
    line.end(1006);
    expect([...client.ids()]).toEqual([id(2)]);
  });

  it("are said again when the gateway found them too many at once", async () => {
    client.watch(id(1), () => {});
    const line = gateway.welcome();
    await settle();
    line.say({ type: "error", id: line.of("subscribe")[0]!.id, code: "rate_limited", message: "" });
    await vi.advanceTimersByTimeAsync(900);
    expect(line.of("subscribe")).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(200);
    expect(line.of("subscribe").map((m) => m.users)).toEqual([[id(1)], [id(1)]]);
  });

  it("that are refused are told as a refusal, and not repeated", async () => {
    client.watch(id(1), () => {});
    const line = gateway.welcome();
    await settle();
    line.say({ type: "error", id: line.of("subscribe")[0]!.id, code: "too_many_users", message: "" });
    await vi.advanceTimersByTimeAsync(5000);
    expect(line.of("subscribe")).toHaveLength(1);
    expect(client.status.refused).toBe("too_many_users");
    expect(client.view(id(1))).toEqual({ stale: false, absence: "denied" });
  });
});

describe("resuming", () => {
  it("tells the versions held, and takes what is left out of the snapshot as confirmed", async () => {
    const line = await live([1, 2, 3], [state(1, "5.A"), state(2, "5.B", "Busy")]);
    line.end(1006);
    await vi.advanceTimersByTimeAsync(500);
    const next = gateway.welcome();
    await settle();
    const request = next.of("subscribe")[0]!;
    expect(request.known).toEqual({ [id(1)]: "5.A", [id(2)]: "5.B" });
    next.say(snapshot(request, [state(2, "1.A", "Away")], { pending: [id(3)] }));
    await vi.advanceTimersByTimeAsync(6000);
    next.say({ type: "heartbeat", at: new Date().toISOString() });
    expect(client.view(id(1))).toMatchObject({ stale: false, presence: { version: "5.A" } });
    // The gateway's word replaces what is held, though its versions began anew.
    expect(client.view(id(2))).toMatchObject({ stale: false, presence: { version: "1.A", availability: "Away" } });
    expect(client.view(id(3))).toEqual({ stale: false, absence: "pending" });
  });

  it.each([
    ["a while apart", 239_000, {}],
    ["too long apart", 241_000, undefined],
  ])("tells no version that may stand for other fields by now: %s", async (_, apart, known) => {
    const line = await live([1], [state(1, "5.A")]);
    client.suspend();
    expect(line.closed).toBe(1000);
    await vi.advanceTimersByTimeAsync(apart);
    client.resume();
    const next = gateway.welcome();
    await settle();
    expect(next.of("subscribe")[0]!.known).toEqual(known && { [id(1)]: "5.A" });
  });

  it("tells no version to a gateway that may see somebody else coming", async () => {
    const line = await live([1], [state(1, "5.A")]);
    line.end(4403);
    client.nudge(true);
    const next = gateway.welcome();
    await settle();
    expect(next.of("subscribe")[0]!.known).toBeUndefined();
    next.say(snapshot(next.of("subscribe")[0]!, [{ ...state(1, "5.A"), statusMessage: { message: { content: "back at 3" } } }]));
    expect(client.view(id(1)).presence?.statusMessage?.message?.content).toBe("back at 3");
    next.end(1006);
    await vi.advanceTimersByTimeAsync(1000);
    gateway.welcome();
    await settle();
    expect(gateway.last.of("subscribe")[0]!.known).toEqual({ [id(1)]: "5.A" });
  });

  it("leaves a state stale that the new connection calls pending", async () => {
    const line = await live([1], [state(1, "5.A")]);
    line.end(1006);
    await vi.advanceTimersByTimeAsync(500);
    const next = gateway.welcome();
    await settle();
    next.say(snapshot(next.of("subscribe")[0]!, [], { pending: [id(1)] }));
    expect(client.view(id(1)).stale).toBe(false);
    await vi.advanceTimersByTimeAsync(5000);
    expect(client.view(id(1)).stale).toBe(true);
    next.say({ type: "delta", presences: [state(1, "1.A", "Busy")] });
    expect(client.view(id(1))).toMatchObject({ stale: false, presence: { availability: "Busy" } });
  });

  it("drops who is denied or gone by now", async () => {
    const line = await live([1, 2], [state(1, "1"), state(2, "1")]);
    line.end(1006);
    await vi.advanceTimersByTimeAsync(500);
    const next = gateway.welcome();
    await settle();
    next.say(snapshot(next.of("subscribe")[0]!, [], { denied: [id(1)], gone: [id(2)] }));
    expect(client.view(id(1))).toEqual({ stale: false, absence: "denied" });
    expect(client.view(id(2))).toEqual({ stale: false, absence: "gone" });
  });

  it("sleeps and wakes with the page", async () => {
    const line = await live([1], [state(1, "1")]);
    client.suspend();
    expect(line.closed).toBe(1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.lines).toHaveLength(1);
    expect(client.view(id(1)).stale).toBe(true);
    client.resume();
    const next = gateway.welcome();
    expect(client.view(id(1)).stale).toBe(true);
    await settle();
    next.say(snapshot(next.of("subscribe")[0]!));
    expect(client.view(id(1)).stale).toBe(false);
  });

  it("disconnects a second after the last watch ended", async () => {
    const stop = client.watch(id(1), () => {});
    const line = gateway.welcome();
    stop();
    await vi.advanceTimersByTimeAsync(999);
    expect(line.closed).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(line.closed).toBe(1000);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(gateway.lines).toHaveLength(1);
  });
});

describe("honesty", () => {
  it("shows a short loss as current, and a longer one as last known", async () => {
    let calls = 0;
    client.watch(id(1), () => calls++);
    const line = await live([], [state(1, "1")]);
    line.say({ type: "heartbeat", at: new Date().toISOString(), oldest: new Date(Date.now() - 2000).toISOString() });
    const before = calls;
    line.end(1006);
    await vi.advanceTimersByTimeAsync(4999);
    expect(client.view(id(1)).stale).toBe(false);
    expect(calls).toBe(before);
    await vi.advanceTimersByTimeAsync(1);
    expect(client.view(id(1)).stale).toBe(true);
    expect(calls).toBe(before + 1);
  });

  it("shows everything as last known while the gateway is degraded", async () => {
    const line = await live([1], [state(1, "1")]);
    line.say({ type: "status", state: "degraded", reason: "graph_unavailable", since: new Date().toISOString() });
    expect(client.view(id(1)).stale).toBe(true);
    line.say({ type: "status", state: "live" });
    expect(client.view(id(1)).stale).toBe(false);
  });

  it("reckons ages by the gateway's clock, from the later of reading and heartbeat", async () => {
    const line = await live([1], [state(1, "1", "Available", "2001-01-01T00:00:00Z")]);
    expect(client.view(id(1)).age).toBeUndefined();
    line.say({ type: "pong", at: "2001-01-01T00:00:10Z" });
    expect(client.view(id(1)).age).toBe(10_000);
    line.say({ type: "heartbeat", at: "2001-01-01T00:00:20Z", oldest: "2001-01-01T00:00:17Z" });
    await vi.advanceTimersByTimeAsync(1000);
    expect(client.view(id(1)).age).toBe(4000);
    expect(client.status.oldest).toBe(4000);
  });

  it("keeps the age of what only an earlier connection vouched for", async () => {
    const line = await live([1, 2], [state(1, "1", "Available", "2001-01-01T00:00:00Z"), state(2, "1", "Busy", "2001-01-01T00:00:00Z")]);
    line.say({ type: "heartbeat", at: "2001-01-01T08:00:00Z", oldest: "2001-01-01T07:59:58Z" });
    line.end(1006);
    await vi.advanceTimersByTimeAsync(500);
    const next = gateway.welcome();
    await settle();
    next.say({ type: "pong", at: "2001-01-01T08:01:00Z" });
    // Read again hours ago last, confirmed a minute ago: a minute old, before the snapshot as after it.
    expect(client.view(id(1)).age).toBe(62_000);
    next.say(snapshot(next.of("subscribe")[0]!, [], { pending: [id(2)] }));
    expect(client.view(id(1)).age).toBe(62_000);
    next.say({ type: "heartbeat", at: "2001-01-01T08:01:00Z", oldest: "2001-01-01T08:00:59Z" });
    expect([client.view(id(1)).age, client.view(id(2)).age, client.status.oldest]).toEqual([1000, 62_000, 62_000]);
  });

  it("never takes a state that came after a heartbeat for younger than it is", async () => {
    const line = await live([1], [state(1, "1", "Available", "2001-01-01T00:00:00Z")]);
    line.say({ type: "heartbeat", at: "2001-01-01T08:00:00Z", oldest: "2001-01-01T07:59:58Z" });
    client.watch(id(2), () => {});
    await settle();
    line.say(snapshot(line.of("subscribe")[1]!, [state(2, "1", "Available", "2001-01-01T07:00:00Z")]));
    expect(client.view(id(2)).age).toBe(3_600_000);
    expect(client.status.oldest).toBe(3_600_000);
  });

  it("asks for the gateway's time at once, so that ages need not wait for a heartbeat", async () => {
    const line = await live([1]);
    expect(line.sent[0]).toEqual({ type: "ping" });
  });

  it("renews ages while stale with one timer for all", async () => {
    let calls = 0;
    for (let i = 0; i < 100; i++) client.watch(id(i), () => calls++);
    const line = await live([], Array.from({ length: 100 }, (_, i) => state(i, "1")));
    const timers = vi.getTimerCount();
    line.say({ type: "status", state: "degraded", reason: "throttled", since: new Date().toISOString() });
    expect(vi.getTimerCount()).toBeLessThanOrEqual(timers + 1);
    calls = 0;
    line.say({ type: "heartbeat", at: new Date().toISOString() });
    await vi.advanceTimersByTimeAsync(20_000);
    line.say({ type: "heartbeat", at: new Date().toISOString() });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(calls).toBe(100);
  });
});

describe("deltas", () => {
  it("reach only the listeners of those who changed", async () => {
    const heard: string[] = [];
    client.watch(id(1), () => heard.push("one"));
    client.watch(id(2), () => heard.push("two"));
    const line = await live([], [state(1, "1"), state(2, "1")]);
    heard.length = 0;
    line.say({ type: "delta", presences: [state(1, "2", "Busy"), state(2, "1", "Busy"), state(3, "1")] });
    expect(heard).toEqual(["one"]);
    expect(client.view(id(3))).toEqual({ stale: false });
    line.say({ type: "gone", users: [id(2)], reason: "unknown" });
    expect(heard).toEqual(["one", "two"]);
    expect(client.view(id(2))).toEqual({ stale: false, absence: "gone" });
  });

  it("never watch what is neither an id nor an address", () => {
    for (const name of ["anna", "#" + id(1), "a@b@c", "", "anna @example.com"]) client.watch(name, () => {})();
    client.watchGroup("anna@example.com", () => {})();
    expect(gateway.lines).toHaveLength(0);
    expect(client.view("anna")).toEqual({ stale: false, absence: "invalid" });
  });
});
