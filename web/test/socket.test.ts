import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { steadyClock } from "../src/clock.ts";
import { Socket, type LinkStatus } from "../src/socket.ts";
import { FakeGateway } from "./fake-gateway.ts";

let gateway: FakeGateway;
let socket: Socket;
let told: LinkStatus[];
let draw: number;
const states = () => told.map((s) => (s.reason ? `${s.state}:${s.reason}` : s.state));

beforeEach(() => {
  vi.useFakeTimers();
  gateway = new FakeGateway();
  told = [];
  draw = 1;
  socket = new Socket({
    url: "ws://gateway/v1/stream",
    now: steadyClock(),
    random: () => draw,
    dial: gateway.dial,
    onOpen: () => {},
    onMessage: () => {},
    onStatus: (s) => told.push(s),
  });
});
afterEach(() => {
  socket.close();
  vi.useRealTimers();
});

describe("socket", () => {
  it("starts nothing before it is opened, and asks for the subprotocol", () => {
    expect(gateway.lines).toHaveLength(0);
    socket.open();
    socket.open();
    expect(gateway.lines).toHaveLength(1);
    expect(gateway.last.protocol).toBe("presence.v1.json");
  });

  it("is live only when the gateway says so", () => {
    socket.open();
    gateway.last.say({ type: "hello", heartbeatSeconds: 10 });
    expect(socket.status.state).toBe("connecting");
    gateway.last.say({ type: "status", state: "live" });
    gateway.last.say({ type: "status", state: "degraded", reason: "throttled", since: "2026-01-31T09:30:00Z" });
    expect(states()).toEqual(["live", "degraded:throttled"]);
    expect(socket.status.since).toBe(Date.parse("2026-01-31T09:30:00Z"));
  });

  it("comes back with a bound that doubles, drawn for each attempt", () => {
    socket.open();
    const delays: number[] = [];
    for (const d of [1, 0.5, 1, 0.25]) {
      draw = d;
      const before = gateway.lines.length;
      gateway.last.end(1006);
      const start = Date.now();
      vi.advanceTimersToNextTimer();
      expect(gateway.lines).toHaveLength(before + 1);
      delays.push(Date.now() - start);
    }
    expect(delays).toEqual([500, 500, 2000, 1000]);
  });

  it("starts the back-off anew only after the link held", () => {
    const delay = () => {
      const start = Date.now();
      gateway.last.end(1006);
      vi.advanceTimersToNextTimer();
      return Date.now() - start;
    };
    socket.open();
    expect([delay(), delay(), delay()]).toEqual([500, 1000, 2000]);
    gateway.welcome();
    expect(delay()).toBe(4000);
    gateway.welcome();
    vi.advanceTimersByTime(10_000);
    gateway.last.say({ type: "heartbeat", at: new Date().toISOString() });
    expect(delay()).toBe(500);
  });

  it.each([1009, 4400, 4401, 4403, 4408])("does not come back by itself after %i, but does when asked", (code) => {
    socket.open();
    gateway.welcome();
    gateway.last.end(code);
    vi.advanceTimersByTime(600_000);
    socket.nudge();
    expect(gateway.lines).toHaveLength(1);
    expect(socket.status).toMatchObject({ state: code === 4401 || code === 4408 ? "signed-out" : "offline", retrying: false });
    socket.nudge(true);
    expect(gateway.lines).toHaveLength(2);
  });

  it.each([1000, 1001, 1006, 1011, 1012, 4409, 4429, 4999])("comes back after %i", (code) => {
    socket.open();
    gateway.welcome();
    gateway.last.end(code);
    expect(socket.status).toMatchObject({ state: "offline", retrying: true });
    vi.advanceTimersByTime(30_000);
    expect(gateway.lines.length).toBeGreaterThan(1);
  });

  it("waits after a goodbye exactly as long as it says, once", () => {
    socket.open();
    gateway.welcome();
    gateway.last.say({ type: "goodbye", reason: "draining", reconnectAfterMs: 1234 });
    gateway.last.end(1012);
    expect(states().at(-1)).toBe("offline:restarting");
    vi.advanceTimersByTime(1233);
    expect(gateway.lines).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(gateway.lines).toHaveLength(2);
    gateway.last.end(1006);
    vi.advanceTimersByTime(1000);
    expect(gateway.lines).toHaveLength(3);
  });

  it("gives up a connection that was silent for 2.5 heartbeats", () => {
    socket.open();
    const line = gateway.welcome(4);
    vi.advanceTimersByTime(9_000);
    line.say({ type: "heartbeat", at: new Date().toISOString() });
    vi.advanceTimersByTime(9_999);
    expect(socket.status.state).toBe("live");
    vi.advanceTimersByTime(1);
    expect(socket.status).toMatchObject({ state: "offline", reason: "silent", retrying: true });
    expect(line.closed).toBe(4000);
  });

  it("gives up one that never says hello", () => {
    socket.open();
    vi.advanceTimersByTime(10_000);
    expect(socket.status.state).toBe("offline");
    expect(gateway.last.closed ?? gateway.lines[0]!.closed).toBe(4000);
  });

  it("makes the connection anew when it is sent nonsense", () => {
    socket.open();
    gateway.welcome();
    gateway.last.say("{nonsense");
    expect(socket.status).toMatchObject({ state: "offline", reason: "protocol", retrying: true });
    vi.advanceTimersByTime(500);
    expect(gateway.lines).toHaveLength(2);
  });

  it("refuses a gateway that speaks before hello", () => {
    socket.open();
    gateway.last.say({ type: "status", state: "live" });
    expect(states()).toEqual(["offline:protocol"]);
  });

  it("ignores what an abandoned connection still does", () => {
    socket.open();
    const old = gateway.welcome(1);
    vi.advanceTimersByTime(2500 + 500);
    gateway.welcome();
    old.end(4403);
    old.say({ type: "status", state: "degraded", reason: "throttled", since: "2026-01-31T09:30:00Z" });
    expect(socket.status.state).toBe("live");
  });

  it("tries at once when nudged, though not more than once a second", () => {
    socket.open();
    for (let i = 0; i < 4; i++) {
      gateway.last.end(1006);
      vi.advanceTimersToNextTimer();
    }
    const before = gateway.lines.length;
    gateway.last.end(1006);
    socket.nudge();
    expect(gateway.lines).toHaveLength(before);
    vi.advanceTimersByTime(1000);
    socket.nudge();
    expect(gateway.lines).toHaveLength(before + 1);
  });

  it("keeps the beginning of an outage through failed attempts", () => {
    socket.open();
    gateway.welcome();
    gateway.last.end(1006);
    const { since } = socket.status;
    vi.advanceTimersByTime(500);
    gateway.last.end(1006);
    vi.advanceTimersByTime(1000);
    expect(socket.status.since).toBe(since);
  });

  it("reckons the gateway's time from its heartbeats, not from the reader's clock", () => {
    socket.open();
    const line = gateway.welcome();
    expect(socket.gatewayNow()).toBeUndefined();
    line.say({ type: "heartbeat", at: "2001-01-01T00:00:00Z" });
    vi.advanceTimersByTime(7000);
    expect(socket.gatewayNow()).toBe(Date.parse("2001-01-01T00:00:07Z"));
  });

  it("survives an address the browser refuses outright", () => {
    const refused = new Socket({
      url: "ws://x", now: steadyClock(), random: () => 1, onOpen: () => {}, onMessage: () => {}, onStatus: (s) => told.push(s),
      dial: () => { throw new DOMException("mixed content", "SecurityError"); },
    });
    refused.open();
    expect(states()).toEqual(["offline:lost"]);
    refused.close();
  });
});

describe("steadyClock", () => {
  it("advances with sleep, and never goes back with the wall clock", () => {
    const now = steadyClock();
    const start = now();
    vi.setSystemTime(Date.now() + 3_600_000);
    const slept = now();
    expect(slept - start).toBe(3_600_000);
    vi.setSystemTime(Date.now() - 7_200_000);
    expect(now()).toBe(slept);
    vi.advanceTimersByTime(50);
    expect(now() - slept).toBe(50);
  });
});

describe("signing in", () => {
  let asked: boolean[];
  let tokens: (string | undefined | Error)[];
  let opened: number;

  beforeEach(() => {
    asked = [];
    tokens = [];
    opened = 0;
    socket = new Socket({
      url: "ws://gateway/v1/stream",
      now: steadyClock(),
      random: () => 1,
      dial: gateway.dial,
      token: async ({ renew }) => {
        asked.push(renew);
        const token = tokens.shift();
        if (token instanceof Error) throw token;
        return token;
      },
      onOpen: () => opened++,
      onMessage: () => {},
      onStatus: (s) => told.push(s),
    });
  });

  it("comes before everything else, with a token fetched before the connection", async () => {
    tokens.push("t1");
    socket.open();
    expect(gateway.lines).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(0);
    gateway.last.say({ type: "hello", heartbeatSeconds: 10 });
    expect(gateway.last.sent).toEqual([{ type: "authenticate", token: "t1" }]);
    expect(opened).toBe(1);
  });

  it("is left out where there is no token", async () => {
    tokens.push(undefined);
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    gateway.welcome();
    expect(gateway.last.sent).toEqual([]);
    expect(socket.status.state).toBe("live");
  });

  it("is tried once more with a new token when the gateway refuses one, and then no more", async () => {
    tokens.push("old", "new");
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    gateway.last.end(4401);
    expect(socket.status).toMatchObject({ state: "offline", reason: "no_token", retrying: true });
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual([false, true]);
    gateway.last.say({ type: "hello", heartbeatSeconds: 10 });
    expect(gateway.last.sent).toEqual([{ type: "authenticate", token: "new" }]);
    gateway.last.end(4401);
    expect(socket.status).toMatchObject({ state: "signed-out", retrying: false });
    await vi.advanceTimersByTimeAsync(120_000);
    expect(gateway.lines).toHaveLength(2);
  });

  it("begins anew with whatever there is when a person asks", async () => {
    tokens.push("old", "new", "another");
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    gateway.last.end(4401);
    await vi.advanceTimersByTimeAsync(1000);
    gateway.last.end(4401);
    socket.nudge(true);
    expect(socket.status.state).toBe("connecting");
    await vi.advanceTimersByTimeAsync(0);
    expect(asked).toEqual([false, true, false]);
    expect(gateway.lines).toHaveLength(3);
  });

  it("may be refused again once it was accepted in between", async () => {
    tokens.push("a", "b", "c");
    socket.open();
    for (let i = 0; i < 2; i++) {
      await vi.advanceTimersByTimeAsync(2000);
      gateway.welcome();
      gateway.last.end(4401);
    }
    await vi.advanceTimersByTimeAsync(2000);
    expect(asked).toEqual([false, true, true]);
    expect(gateway.lines).toHaveLength(3);
  });

  it("ends where there is no other token", async () => {
    tokens.push("old", undefined);
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    gateway.last.end(4401);
    await vi.advanceTimersByTimeAsync(1000);
    expect(gateway.lines).toHaveLength(1);
    expect(socket.status).toMatchObject({ state: "signed-out", retrying: false });
  });

  it("is renewed on the connection that stands, and not on the next", async () => {
    tokens.push("t1", "t2", "t3");
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    const line = gateway.welcome();
    line.say({ type: "expiring", inSeconds: 300 });
    await vi.advanceTimersByTimeAsync(0);
    expect(line.sent).toEqual([{ type: "authenticate", token: "t1" }, { type: "authenticate", token: "t2" }]);
    line.say({ type: "expiring", inSeconds: 300 });
    line.end(1006);
    await vi.advanceTimersByTimeAsync(0);
    expect(line.sent).toHaveLength(2);
  });

  it("waits with back-off while no token can be had", async () => {
    tokens.push(new Error("away"), "t1");
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    expect(socket.status).toMatchObject({ state: "offline", reason: "no_token", retrying: true });
    expect(gateway.lines).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1000);
    expect(gateway.lines).toHaveLength(1);
  });

  it("that was too slow is tried again", async () => {
    tokens.push("t1", "t1", "t1");
    socket.open();
    for (let i = 0; i < 3; i++) {
      await vi.advanceTimersByTimeAsync(2000);
      gateway.last.end(4408);
      expect(socket.status).toMatchObject({ state: "offline", reason: "no_token", retrying: true });
    }
    expect(asked).toEqual([false, false, false]);
  });

  it("is seen to be wanted at the gateway's first word of it, and once what there is was asked for anew", async () => {
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    const line = gateway.last;
    line.say({ type: "hello", heartbeatSeconds: 10 });
    line.say({ type: "error", id: 1, code: "unauthenticated" });
    expect(line.closed).toBe(1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(asked).toEqual([false, true]);
    expect(gateway.lines).toHaveLength(1);
    expect(socket.status).toMatchObject({ state: "signed-out", retrying: false });
  });

  it("is left to the gateway to judge where there is a token", async () => {
    tokens.push("t1");
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    gateway.last.say({ type: "hello", heartbeatSeconds: 10 });
    gateway.last.say({ type: "error", id: 1, code: "unauthenticated" });
    expect(gateway.last.closed).toBeUndefined();
  });

  it("as somebody else makes the connection anew when a person asks, and as the same does not", async () => {
    const settle = () => vi.advanceTimersByTimeAsync(0);
    tokens.push(undefined);
    socket.open();
    await settle();
    const anonymous = gateway.welcome();
    tokens.push(undefined);
    socket.nudge(true);
    await settle();
    expect(gateway.lines).toHaveLength(1);
    tokens.push("t1", "t1");
    socket.nudge(true);
    await settle();
    expect(anonymous.closed).toBe(1000);
    const signedIn = gateway.welcome();
    expect(signedIn.sent).toEqual([{ type: "authenticate", token: "t1" }]);
    tokens.push("t2");
    signedIn.say({ type: "expiring", inSeconds: 1 });
    await settle();
    expect(signedIn.sent).toHaveLength(2);
    const before = asked.length;
    socket.nudge();
    await settle();
    expect(asked).toHaveLength(before);
    tokens.push("t2");
    socket.nudge(true);
    await settle();
    expect(gateway.lines).toHaveLength(2);
    tokens.push("t3", "t3");
    socket.nudge(true);
    await settle();
    expect(gateway.lines).toHaveLength(3);
  });

  it("as somebody else does not disturb what came in between", async () => {
    let late = (_: string) => {};
    tokens.push("t1");
    socket.open();
    await vi.advanceTimersByTimeAsync(0);
    gateway.welcome();
    tokens.push(new Promise<string>((resolve) => (late = resolve)) as never);
    socket.nudge(true);
    tokens.push("t2");
    gateway.last.end(1006);
    await vi.advanceTimersByTimeAsync(1000);
    const next = gateway.welcome();
    late("t3");
    await vi.advanceTimersByTimeAsync(0);
    expect(next.closed).toBeUndefined();
    expect(gateway.lines).toHaveLength(2);
  });

  it("does not use a token that comes after the socket was closed", async () => {
    tokens.push("t1");
    socket.open();
    socket.close();
    await vi.advanceTimersByTimeAsync(0);
    expect(gateway.lines).toHaveLength(0);
  });
});
