import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { reason } from "../src/empty.ts";
import { Release } from "../src/release.ts";
import { SavedViews } from "../src/saved.ts";
import { Throttle } from "../src/throttle.ts";
import { sentence } from "../src/voice.ts";

describe("saved views", () => {
  const storage = (map = new Map<string, string>()) => ({ getItem: (key: string) => map.get(key) ?? null, setItem: (key: string, value: string) => void map.set(key, value), map });

  it("are kept by name, the last of a name alone", () => {
    const saved = new SavedViews(storage());
    expect([saved.save("Sales", "#people?department=Sales"), saved.save("Free", "#people?states=available"), saved.save("Sales", "#wallboard")]).toEqual([true, true, true]);
    expect(saved.all).toEqual([{ name: "Free", place: "#people?states=available" }, { name: "Sales", place: "#wallboard" }]);
    saved.remove("Free");
    expect(saved.all.map((s) => s.name)).toEqual(["Sales"]);
  });

  it("leave out what is none: a link may lead nowhere but into this page", () => {
    const kept = storage(new Map([["presence-gateway.views", JSON.stringify([{ name: "x", place: "javascript:alert(1)" }, { name: "", place: "#people" }, null, { name: "ok", place: "#people" }])]]));
    expect(new SavedViews(kept).all).toEqual([{ name: "ok", place: "#people" }]);
    kept.map.set("presence-gateway.views", "{");
    expect(new SavedViews(kept).all).toEqual([]);
  });

  it("say when the browser keeps nothing", () => {
    const full = { getItem: () => null, setItem: () => { throw new Error("full"); } };
    expect(new SavedViews(full).save("a", "#people")).toBe(false);
  });
});

describe("release", () => {
  const after = async (version: string | undefined, ...states: string[]) => {
    const release = new Release("1.0", async () => version);
    const told = [];
    for (const state of states) told.push(await release.changed(state));
    return told;
  };

  it("is asked for after a reconnect alone, and only another one counts", async () => {
    expect(await after("1.1", "connecting", "live", "degraded", "live")).toEqual([false, false, false, false]);
    expect(await after("1.1", "live", "offline", "connecting", "live", "live")).toEqual([false, false, false, true, false]);
    for (const same of ["1.0", "", undefined]) expect(await after(same, "offline", "live")).toEqual([false, false]);
  });
});

describe("what is said aloud", () => {
  it("counts people, not changes", () => {
    expect(sentence(new Map([["available", 3], ["away", 1]]))).toBe("3 people became available, 1 away.");
    expect(sentence(new Map([["do-not-disturb", 1]]))).toBe("1 person became do not disturb.");
    expect(sentence(new Map([["busy", 0]]))).toBe("");
  });
});

describe("an empty page", () => {
  const live = { state: "live", since: 0 } as const;
  const empty = { status: live, people: 0, complete: true, demo: false };

  it.each([
    ["nobody matches", { ...empty, people: 3 }, "No one matches", ""],
    ["no people", empty, "Nobody to show yet", "watch.users"],
    ["no permission", { ...empty, status: { ...live, refused: "forbidden" } }, "Not for you to see", "gateway.policy"],
    ["no sign-in", { ...empty, status: { state: "signed-out", since: 0 } as const }, "Only for people the gateway knows", "gateway.auth.login"],
    ["a foreign origin", { ...empty, status: { state: "offline", reason: "forbidden", since: 0 } as const }, "The gateway refuses this page", "gateway.origins"],
    ["no gateway", { ...empty, status: { state: "offline", reason: "lost", since: 0 } as const }, "The gateway is away", ""],
    ["no answer yet", { ...empty, complete: false }, "Getting everyone together…", ""],
  ])("says why and what helps: %s", (_, state, title, key) => {
    const [said, ...texts] = reason(state);
    expect(said).toBe(title);
    expect(texts.join(" ")).toContain(key);
  });
});

describe("throttle", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("runs soon, then at a pace that can be read, and not at all unasked", () => {
    let runs = 0;
    const throttle = new Throttle(() => void runs++);
    for (let ms = 0; ms < 5000; ms += 20) {
      throttle.soon();
      vi.advanceTimersByTime(20);
    }
    expect(runs).toBe(5);
    vi.advanceTimersByTime(1000);
    expect(runs).toBe(6);
    vi.advanceTimersByTime(10_000);
    expect(runs).toBe(6);
  });

  it("leaves most of the time to others, however long a run takes", () => {
    let runs = 0;
    const throttle = new Throttle(() => {
      runs++;
      vi.setSystemTime(Date.now() + 500);
      vi.advanceTimersByTime(500);
    });
    for (let ms = 0; ms < 20_000; ms += 100) {
      throttle.soon();
      vi.advanceTimersByTime(100);
    }
    expect(runs).toBeLessThanOrEqual(5);
  });
});
