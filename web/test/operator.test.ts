import { describe, expect, it } from "vitest";
import { advise, conflation } from "../src/advice.ts";
import { count, duration, percent, rate } from "../src/amount.ts";
import { History } from "../src/history.ts";
import { readStats } from "../src/stats.ts";

const AT = "2026-01-31T09:30:00.000Z";
const later = (seconds: number) => new Date(Date.parse(AT) + 1000 * seconds).toISOString();

/** An answer while all is well, with changes in its parts. */
function answer(change: Record<string, unknown> = {}): Record<string, unknown> {
  const well: Record<string, Record<string, unknown> | string> = {
    at: AT,
    version: "1.0.0",
    process: { name: "gw-1", since: later(-3600) },
    status: { state: "live" },
    budget: { used: 300, limit: 1500, windowSeconds: 30, reserve: 150, onReserve: false, pace: 1, pausedSeconds: 0 },
    reading: {
      from: "another process", process: "gw-2", ageSeconds: 1, since: later(-60), leader: false, watchedUsers: 1000, intervalSeconds: 5, sweepSeconds: 5,
      sweep: { startedAt: later(-2), endsAt: later(3), left: 400, lastSeconds: 5 }, requestsPerSecond: 2, changesPerSecond: 4, requests: { 200: 120, 503: 2 }, changes: 9,
      regressedReads: 0, credentialExpiresSeconds: 3000,
    },
    ages: { held: 998, pending: 1, gone: 1, p50Seconds: 2.4, p99Seconds: 4.9, oldestSeconds: 5.1 },
    serving: { connections: 20, limit: 100, deliveriesPerSecond: 80, conflatedPerSecond: 1, delivered: 5, conflated: 1, readToSendP50Seconds: 0.01, readToSendP99Seconds: 0.05 },
    hub: { kind: "redis", connected: true },
  };
  for (const [part, fields] of Object.entries(change)) {
    well[part] = typeof fields === "object" && fields !== null ? { ...(well[part] as object), ...fields } : (fields as string);
  }
  return well;
}

const advice = (change?: Record<string, unknown>) => advise(readStats(answer(change)));

describe("advice", () => {
  it("is silent while all is well", () => {
    expect(advice()).toEqual([]);
  });

  const degraded = (reason: string, more: object = {}) => ({ status: { state: "degraded", reason, since: later(-20) }, ...more });
  const cases: [name: string, change: Record<string, unknown>, tone: string, says: RegExp[]][] = [
    ["throttled", degraded("throttled", { budget: { pausedUntil: later(14), pausedSeconds: 14 } }), "bad", [/asked for a pause/, /in 14 s/, /Wait/]],
    ["unauthorized", degraded("unauthorized", { reading: { trouble: { since: later(-20), reason: "unauthorized", code: "401" } } }), "bad", [/refuses the credential/, /401/, /presence-gateway check/]],
    ["an expired secret", degraded("unauthorized", { reading: { trouble: { since: later(-20), reason: "unauthorized", code: "error", text: "the secret has expired; make a new one" } } }), "bad", [/the secret has expired/]],
    ["Graph away", degraded("graph_unavailable", { reading: { trouble: { since: later(-9), reason: "graph_unavailable", code: "timeout" } } }), "bad", [/does not answer/, /no answer in time/, /gw-2/]],
    ["Redis away", degraded("hub_unavailable", { hub: { connected: false } }), "bad", [/Redis is away/, /hub\.redis/]],
    ["nobody reads", degraded("no_poller"), "bad", [/No process reads/, /--role/]],
    ["nobody reads, one folder", degraded("no_poller", { hub: { kind: "memory" } }), "bad", [/state_dir/]],
    ["a reason of the future", degraded("moonphase"), "bad", [/Graph does not answer/]],
    ["a short pause", { budget: { pausedUntil: later(3), pausedSeconds: 3 } }, "warn", [/asked for a pause/]],
    ["one failure", { reading: { trouble: { since: AT, reason: "graph_unavailable", code: "503" } } }, "warn", [/last read failed/, /status 503/, /by itself/]],
    ["the reserve", { budget: { onReserve: true } }, "info", [/On the reserve/, /150/, /state_dir/]],
    ["a slower pace", { budget: { pace: 0.64 } }, "info", [/64 %/]],
    ["a stretched interval", { reading: { sweepSeconds: 12 } }, "info", [/12 s, not 5 s/, /graph\.budget\.requests/]],
    ["old states", { ages: { oldestSeconds: 120 } }, "warn", [/2 min ago/, /\/debug\/users/]],
    ["a silent poller", { reading: { ageSeconds: 40 } }, "warn", [/40 s/, /gw-2/]],
    ["a poller unknown", { reading: { from: undefined } }, "warn", [/not known here/]],
    ["a certificate", { reading: { certificateExpiresSeconds: 5 * 86_400 } }, "warn", [/5 days/, /certificate_file/]],
    ["no certificate any longer", { reading: { certificateExpiresSeconds: -5 } }, "bad", [/has expired/]],
    ["a token that ends", { reading: { credentialExpiresSeconds: 60 } }, "warn", [/60 s/, /token_file/]],
    ["nearly full", { serving: { connections: 95 } }, "warn", [/nearly full/, /gateway\.limits\.connections/]],
    ["full", { serving: { connections: 100 } }, "bad", [/is full/, /4429/]],
    ["slow readers", { serving: { conflatedPerSecond: 40, deliveriesPerSecond: 60 } }, "warn", [/40 %/, /slow/]],
    ["slow sending", { serving: { readToSendP99Seconds: 2.5 } }, "warn", [/2\.5 s/]],
    ["ending", { serving: { draining: true } }, "info", [/ending/]],
  ];
  it.each(cases)("of %s says what it means and what to do", (_, change, tone, says) => {
    const [first, ...rest] = advice(change);
    expect(rest).toEqual([]);
    expect(first).toMatchObject({ tone });
    const text = `${first!.title}. ${first!.means} ${first!.remedy}`;
    for (const pattern of says) expect(text).toMatch(pattern);
    expect(first!.remedy).not.toBe("");
    expect(text).not.toMatch(/undefined|NaN|unknown/);
  });

  it("puts the worst first", () => {
    const found = advice({ serving: { draining: true, connections: 100 }, reading: { ageSeconds: 40 } });
    expect(found.map((a) => a.tone)).toEqual(["bad", "warn", "info"]);
  });
});

describe("figures", () => {
  it("that nobody told are not known, rather than 0", () => {
    const stats = readStats({ at: AT, reading: {}, ages: { held: 0, p50Seconds: 0, p99Seconds: 0, oldestSeconds: 0 }, serving: { connections: 3 } });
    expect(stats.budget).toBeUndefined();
    expect(stats.reading).toMatchObject({ here: undefined, watchedUsers: undefined, sweep: undefined, trouble: undefined });
    expect(stats.ages).toMatchObject({ held: 0, p50: undefined, oldest: undefined });
    expect(conflation(stats)).toBeUndefined();
    expect(stats.serving.connections).toBe(3);
  });

  it("of another shape are none", () => {
    for (const json of [null, "x", [], {}, { at: 5 }]) expect(() => readStats(json)).toThrow(TypeError);
    const odd = readStats({ at: AT, budget: { used: "many", limit: 5 }, reading: { watchedUsers: null, requests: { 200: "x" } }, ages: 7 });
    expect(odd.budget).toBeUndefined();
    expect(odd.reading.requests.size).toBe(0);
  });

  it("read as people say them", () => {
    expect([0.0004, 0.025, 0.98, 3.21, 42.4, 240, 7300, 172_800].map((s) => duration(s))).toEqual(["1 ms", "25 ms", "1 s", "3.2 s", "42 s", "4 min", "2 h", "2 days"]);
    expect([duration(undefined), count(undefined), rate(undefined), percent(undefined)]).toEqual(Array(4).fill("unknown"));
    expect(duration(0)).toBe("0 s");
    expect([rate(0), rate(0.25), rate(12.34)]).toEqual(["0/s", "0.25/s", "12.3/s"]);
    expect(percent(0.015)).toBe("1.5 %");
  });
});

describe("history", () => {
  it("keeps ten minutes, and joins nothing over what nobody saw", () => {
    const history = new History(["a", "b"]);
    for (let i = 0; i < 400; i++) history.note(2 * i, { a: i, b: undefined });
    expect(history.times).toHaveLength(300);
    expect(history.of("a").at(0)).toBe(100);
    expect(new Set(history.of("b"))).toEqual(new Set([null]));
    history.note(798, { a: 7, b: 7 }); // said before
    expect(history.times.at(-1)).toBe(798);
    expect(history.of("a").at(-1)).toBe(399);
    history.note(900, { a: 1, b: 2 });
    expect(history.of("a").slice(-3)).toEqual([399, null, 1]);
    expect(history.of("b").at(-1)).toBe(2);
  });
});
