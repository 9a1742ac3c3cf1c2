import { describe, expect, it } from "vitest";
import type { FluentStatus } from "../src/fluent.ts";
import { extremes, Session } from "../src/session.ts";

const counts = (available: number, busy = 0) => (status: FluentStatus) => (status === "available" ? available : status === "busy" ? busy : 0);

describe("session", () => {
  it("notes counts, and a gap where they are not known, once", () => {
    const session = new Session();
    session.note(0, undefined);
    session.note(1, counts(3, 1));
    session.note(2, undefined);
    session.note(3, undefined);
    session.note(4, counts(4));
    expect(session.points.map((p) => [p.at, p.counts?.slice(0, 2)])).toEqual([[1, [3, 1]], [2, undefined], [4, [4, 0]]]);
  });

  it("takes no more room after a night than after a minute, and spans it all", () => {
    const session = new Session();
    for (let at = 0; at < 100_000; at++) session.note(at, counts(at));
    expect(session.points.length).toBeLessThanOrEqual(720);
    expect(session.points.length).toBeGreaterThan(300);
    expect(session.points[0]!.at).toBe(0);
    expect(session.points.at(-1)!.at).toBeGreaterThan(99_000);
    const times = session.points.map((p) => p.at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });

  it("never draws a line over a gap, however much it is thinned out", () => {
    const session = new Session();
    for (let at = 0; at < 5000; at++) session.note(at, at >= 2001 && at < 2500 ? undefined : counts(1));
    const within = session.points.filter((p) => p.at >= 2001 && p.at < 2500);
    expect(within.length).toBeGreaterThan(0);
    expect(within.every((p) => p.counts === undefined)).toBe(true);
    const after = session.points.find((p) => p.at >= 2500)!;
    expect(after.counts).toBeDefined();
  });

  it("ends a gap with the first that is known again, however seldom points are kept by then", () => {
    const session = new Session();
    for (let at = 0; at < 5000; at++) session.note(at, counts(1));
    session.note(5000, undefined);
    session.note(5001, counts(1));
    expect(session.points.slice(-2).map((p) => [p.at, p.counts?.[0]])).toEqual([[5000, undefined], [5001, 1]]);
  });

  it("tells the least and most of each status, gaps left out", () => {
    const session = new Session();
    [counts(3, 1), undefined, counts(1, 5), counts(2, 2)].forEach((c, at) => session.note(at, c));
    expect(extremes(session.points).slice(0, 2)).toEqual([
      { status: "available", least: 1, most: 3, last: 2 },
      { status: "busy", least: 1, most: 5, last: 2 },
    ]);
  });
});
