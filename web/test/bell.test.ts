import { beforeEach, describe, expect, it } from "vitest";
import { Bell } from "../src/bell.ts";
import type { View } from "../src/client.ts";

/** A client whose views a test sets; it keeps what watches were asked for. */
class Views {
  views = new Map<string, View>();
  listeners = new Map<string, () => void>();
  options: unknown[] = [];
  watch = (user: string, listener: () => void, options?: unknown) => {
    this.listeners.set(user, listener);
    this.options.push(options);
    return () => void this.listeners.delete(user);
  };
  view = (user: string) => this.views.get(user) ?? { stale: false };
  set(user: string, availability: string | undefined, stale = false) {
    const presence = { id: user, availability: availability!, activity: availability!, version: "1", observedAt: "" };
    this.views.set(user, availability === undefined ? { stale: false } : { presence, stale });
    this.listeners.get(user)?.();
  }
}

describe("bell", () => {
  let client: Views;
  let said: string[];
  let kept: Map<string, string>;
  const make = () =>
    new Bell({
      client,
      tab: { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) },
      onFree: (id) => said.push(`free ${id}`),
      onAlready: (id) => said.push(`already ${id}`),
      onChange: () => {},
    });
  beforeEach(() => {
    client = new Views();
    said = [];
    kept = new Map();
  });

  it("tells once when somebody becomes available, and stops watching", () => {
    client.set("a", "Busy");
    const bell = make();
    bell.wait("a");
    client.set("a", "Away");
    expect(said).toEqual([]);
    client.set("a", "Available");
    expect([said, bell.waiting, client.listeners.size]).toEqual([["free a"], [], 0]);
    client.set("a", "Busy");
    client.set("a", "Available");
    expect(said).toHaveLength(1);
  });

  it("does not wait for who is available for certain", () => {
    client.set("a", "Available");
    const bell = make();
    bell.wait("a");
    expect([said, bell.waiting]).toEqual([["already a"], []]);
  });

  it("takes no last known state for news", () => {
    client.set("a", "Busy");
    make().wait("a");
    client.set("a", "Busy", true);
    client.set("a", "Available", true);
    expect(said).toEqual([]);
    client.set("a", "Busy");
    expect(said).toEqual([]);
  });

  it("tells at once who became available while the page was cut off", () => {
    client.set("a", "Busy");
    make().wait("a");
    client.set("a", "Busy", true);
    client.set("a", "Available");
    expect(said).toEqual(["free a"]);
  });

  it("makes no news of a connection: who was last known to be available may have been so all along", () => {
    client.set("a", "Available", true);
    const bell = make();
    bell.wait("a");
    expect([said, bell.waiting]).toEqual([[], ["a"]]);
    client.set("a", "Available");
    expect([said, bell.waiting]).toEqual([["already a"], []]);
  });

  it("makes news of it all the same once they were something else in between", () => {
    client.set("a", "Available", true);
    make().wait("a");
    client.set("a", "Busy");
    client.set("a", "Available");
    expect(said).toEqual(["free a"]);
  });

  it("waits on while nothing is known, in hidden pages too, until it is cancelled", () => {
    const bell = make();
    bell.wait("a");
    client.set("a", undefined);
    expect([bell.waiting, client.options]).toEqual([["a"], [{ background: true }]]);
    bell.cancel("a");
    client.set("a", "Available");
    expect(said).toEqual([]);
  });

  it("goes on after the tab is loaded anew, and keeps whom it waits for but never how they are", () => {
    client.set("a", "Busy");
    make().wait("a");
    expect([...kept.values()]).toEqual(['["a"]']);
    const anew = make();
    anew.restore();
    client.set("a", "Available");
    expect(said).toEqual(["free a"]);
    anew.clear();
    expect([...kept.values()]).toEqual(["[]"]);
  });

  it("waits for nobody any longer once whoever asked is gone", () => {
    client.set("a", "Busy");
    const bell = make();
    bell.wait("a");
    bell.clear();
    client.set("a", "Available");
    expect([said, bell.waiting, client.listeners.size, [...kept.values()]]).toEqual([[], [], 0, ["[]"]]);
  });

  it("begins with nobody where what was kept is none of its own", () => {
    for (const broken of ["{", "7", '[1,{"id":"a"}]']) {
      kept.set("presence-gateway.waiting", broken);
      const bell = make();
      bell.restore();
      expect(bell.waiting).toEqual([]);
    }
  });
});
