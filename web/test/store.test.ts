import { describe, expect, it } from "vitest";
import type { Presence } from "../src/protocol.ts";
import { Store } from "../src/store.ts";
import { id, state } from "./fake-gateway.ts";

const p = (n: number, version: string, availability?: string) => state(n, version, availability) as Presence;

describe("store", () => {
  it("replaces a state only under a higher version of the same connection", () => {
    const s = new Store();
    expect(s.put(p(1, "1.B"))).toBe(true);
    expect(s.put(p(1, "1.A", "Busy"))).toBe(false);
    expect(s.put(p(1, "1.B", "Busy"))).toBe(false);
    expect(s.get(id(1))?.availability).toBe("Available");
    expect(s.put(p(1, "1.C", "Busy"))).toBe(true);
  });

  it("takes a new connection's first word, whatever its version, and guards from then on", () => {
    const s = new Store();
    s.put(p(1, "2.Z"));
    s.reconnected();
    expect(s.vouched(id(1))).toBe(false);
    expect(s.put(p(1, "1.A", "Busy"))).toBe(true);
    expect(s.vouched(id(1))).toBe(true);
    expect(s.put(p(1, "0.A", "Away"))).toBe(false);
  });

  it("keeps the last state of someone pending, but vouches for it only when read", () => {
    const s = new Store();
    s.put(p(1, "1"));
    s.reconnected();
    s.pending(id(1));
    expect(s.confirm(id(1))).toBe(false);
    expect(s.get(id(1))).toBeDefined();
    expect(s.vouched(id(1))).toBe(false);
    s.put(p(1, "1"));
    expect(s.vouched(id(1))).toBe(true);
  });

  it("drops, forgets and names everyone once", () => {
    const s = new Store();
    s.put(p(1, "1"));
    s.pending(id(2));
    s.put(p(3, "1"));
    s.drop(id(3), "gone");
    expect([...s.ids()].sort()).toEqual([id(1), id(2), id(3)]);
    expect([s.absence(id(1)), s.absence(id(2)), s.absence(id(3))]).toEqual([undefined, "pending", "gone"]);
    expect(s.put(p(3, "0"))).toBe(true);
    expect(s.absence(id(3))).toBeUndefined();
    s.forget(id(3));
    expect([...s.ids()].sort()).toEqual([id(1), id(2)]);
  });
});
