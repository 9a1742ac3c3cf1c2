import { createHash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Client } from "../src/client.ts";
import { shared } from "../src/tabs.ts";
import type { TokenSource, Wire } from "../src/socket.ts";
import { FakeBrowser, Page } from "./fake-browser.ts";
import { id } from "./fake-gateway.ts";
import { SmallGateway } from "./small-gateway.ts";

const GROUP = "99999999-0000-0000-0000-000000000001";

let gateway: SmallGateway;
let browser: FakeBrowser;
let still: Page;
let clients: Client[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date", "performance"] });
  vi.setSystemTime("2026-01-31T09:30:00Z");
  // The runtime hashes on threads of its own, which the test's clock does not wait for.
  vi.spyOn(crypto.subtle, "digest").mockImplementation(async (_, data) => Uint8Array.from(createHash("sha256").update(data as Uint8Array).digest()).buffer);
  gateway = new SmallGateway(20);
  browser = new FakeBrowser(() => 1, (page) => gateway.dial(page));
  clients = [];
  // A page that stands still keeps all others from taking themselves for the only one.
  still = browser.page();
  void still.locks.request("presence.v1 wss://gw.example/v1/stream", {}, () => new Promise(() => {}));
});
afterEach(() => {
  gateway.stop();
  for (const client of clients) client.suspend();
  vi.clearAllTimers();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);

interface Tab {
  readonly page: Page;
  readonly client: Client;
  /** Versions in the order they came, by user, since the last hello. */
  readonly rising: Map<string, string>;
}

function open(token?: TokenSource, dial?: (url: string, protocol: string, token?: string) => Wire): Tab {
  const page = browser.page();
  const dialled = dial ?? shared(token ?? (async () => undefined), page);
  const rising = new Map<string, string>();
  const client = new Client({
    gateway: "https://gw.example",
    ...(token && { getToken: token }),
    dial: (url, protocol, token) => {
      const wire = dialled(url, protocol, token);
      rising.clear();
      return watched(wire, rising);
    },
  });
  clients.push(client);
  return { page, client, rising };
}

/** A tab that watches the first user; one that was opened before it leads. */
async function watching(): Promise<Tab> {
  const t = open();
  t.client.watch(id(1), () => {});
  await pass(100);
  return t;
}

/** Fails when a version goes back. */
function watched(wire: Wire, rising: Map<string, string>): Wire {
  return new Proxy(wire, {
    set(target, key, value) {
      if (key !== "onmessage" || value === null) return Reflect.set(target, key, value);
      target.onmessage = (event) => {
        const message = JSON.parse(event.data as string);
        if (message.type === "hello") rising.clear();
        for (const p of message.presences ?? []) {
          expect(p.version >= (rising.get(p.id) ?? ""), `${p.id}: ${rising.get(p.id)} then ${p.version}`).toBe(true);
          rising.set(p.id, p.version);
        }
        for (const user of [message.users ?? [], ...Object.values(message.left ?? {})].flat() as string[]) rising.delete(user);
        value(event);
      };
      return true;
    },
    get(target, key) {
      const value = Reflect.get(target, key);
      if (key === "send") {
        return (frame: string) => {
          const message = JSON.parse(frame);
          if (message.type === "unsubscribe") rising.clear(); // unsubscribing forgets
          target.send(frame);
        };
      }
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

const activity = (tab: Tab, n: number) => tab.client.view(id(n)).presence?.activity;
const truth = (n: number) => gateway.states.get(id(n))!.activity;
const union = () => new Set([...gateway.connections].flatMap((c) => [...c.names]));

describe("tabs of one caller", () => {
  it("share one connection, which watches what any of them wants", async () => {
    const [a, b, c] = [open(), open(), open()];
    a.client.watch(id(1), () => {});
    a.client.watch(id(2), () => {});
    b.client.watch(id(2), () => {});
    const stop = b.client.watch(id(3), () => {});
    c.client.watch(id(3), () => {});
    await pass(1000);
    expect(gateway.made).toBe(1);
    expect(union()).toEqual(new Set([1, 2, 3].map(id)));
    expect([activity(a, 1), activity(a, 2), activity(b, 2), activity(b, 3), activity(c, 3)]).toEqual([truth(1), truth(2), truth(2), truth(3), truth(3)]);
    expect([a, b, c].map((t) => t.client.link.state)).toEqual(["live", "live", "live"]);
    gateway.change(3);
    await pass(100);
    expect([activity(b, 3), activity(c, 3), activity(a, 3)]).toEqual([truth(3), truth(3), undefined]);
    stop();
    await pass(100);
    expect(union()).toEqual(new Set([1, 2, 3].map(id)));
    c.client.suspend();
    await pass(100);
    expect(union()).toEqual(new Set([1, 2].map(id)));
  });

  it("watch everyone, groups and addresses through it, and what is not to be seen", async () => {
    gateway.groups.set(GROUP, new Set([4, 5, 6].map(id)));
    gateway.addresses.set("anna@x", id(7));
    gateway.hidden.add(id(8));
    gateway.pending.add(id(9));
    const [a, b, c, d] = [open(), open(), open(), open()];
    a.client.watchEveryone(() => {});
    for (const t of [b, c]) {
      t.client.watchGroup(GROUP, () => {});
      t.client.watch("anna@x", () => {});
      t.client.watch("nobody@x", () => {});
      t.client.watchGroup(id(77), () => {});
      t.client.watch(id(8), () => {});
      t.client.watch(id(9), () => {});
    }
    await pass(1000);
    expect(gateway.made).toBe(1);
    expect([...a.client.ids()].filter((user) => a.client.view(user).presence)).toHaveLength(18);
    expect(a.client.complete).toBe(true);
    for (const t of [b, c]) {
      expect(new Set(t.client.members(GROUP))).toEqual(new Set([4, 5, 6].map(id)));
      expect([4, 5, 6].map((n) => activity(t, n))).toEqual([4, 5, 6].map(truth));
      expect(t.client.view("anna@x").presence?.activity).toBe(truth(7));
      expect(t.client.view("nobody@x").absence).toBe("invalid");
      expect(t.client.refuses(id(77))).toBe(true);
      expect(t.client.view(id(8)).absence).toBe("denied");
      expect(t.client.view(id(9)).absence).toBe("pending");
      expect(activity(t, 1)).toBeUndefined();
    }
    gateway.move(GROUP, 4);
    gateway.move(GROUP, 10);
    gateway.change(9);
    await pass(100);
    d.client.watchGroup(GROUP, () => {}); // what is there is known here already
    await pass(100);
    for (const t of [b, c, d]) expect(new Set(t.client.members(GROUP))).toEqual(new Set([5, 6, 10].map(id)));
    for (const t of [b, c]) {
      expect([activity(t, 4), activity(t, 10), activity(t, 9)]).toEqual([undefined, truth(10), truth(9)]);
    }
    expect(activity(a, 4)).toBe(truth(4));
    gateway.each((n) => n.say({ type: "gone", users: [id(9)], reason: "unknown" }));
    await pass(100);
    expect(b.client.view(id(9)).absence).toBe("gone");
    expect([...d.client.ids()]).not.toContain(id(9)); // nobody asked there
  });

  it("leave by id what they came to by address", async () => {
    gateway.addresses.set("anna@x", id(7));
    const [a, b] = [open(), open()];
    a.client.watch(id(1), () => {});
    const stop = b.client.watch("anna@x", () => {});
    await pass(200);
    expect(union()).toEqual(new Set([1, 7].map(id)));
    stop();
    await pass(200);
    expect(union()).toEqual(new Set([id(1)]));
  });

  it("are told of nobody as new whom the gateway has yet to read again", async () => {
    const [a, b] = [open(), open()];
    for (const t of [a, b]) t.client.watch(id(1), () => {});
    await pass(500);
    gateway.pending.add(id(1));
    gateway.drop(1006);
    await pass(7000);
    for (const t of [a, b]) expect([t.client.link.state, t.client.view(id(1)).stale]).toEqual(["live", true]);
  });

  it("nor of somebody who joins a group meanwhile", async () => {
    gateway.groups.set(GROUP, new Set([id(4)]));
    const [a, b] = [open(), open()];
    a.client.watch(id(1), () => {});
    b.client.watchGroup(GROUP, () => {});
    await pass(500);
    gateway.pending.add(id(1));
    gateway.drop(1006);
    await pass(7000);
    gateway.move(GROUP, 1);
    await pass(100);
    expect([b.client.members(GROUP), activity(b, 4), activity(b, 1)]).toEqual([[4, 1].map(id), truth(4), undefined]);
  });

  it("are served what is held at once, with nothing asked of the gateway", async () => {
    const [a, b] = [open(), open()];
    a.client.watch(id(1), () => {});
    await pass(500);
    const before = gateway.heard.length;
    b.client.watch(id(1), () => {});
    await pass(500);
    expect(activity(b, 1)).toBe(truth(1));
    expect(gateway.heard.slice(before)).toEqual([]);
  });

  it("learn at once that the gateway is degraded, lost, and back", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.99); // no attempt comes before what is looked at
    const [a, b] = [open(), open()];
    for (const t of [a, b]) t.client.watch(id(1), () => {});
    await pass(500);
    gateway.setStatus({ state: "degraded", reason: "throttled", since: new Date().toISOString() });
    await pass(50);
    for (const t of [a, b]) expect(t.client.link).toMatchObject({ state: "degraded", reason: "throttled" });
    gateway.setStatus({ state: "live" });
    await pass(50);
    for (const t of [a, b]) expect(t.client.link.state).toBe("live");
    gateway.up = false;
    gateway.drop(1012);
    await pass(50);
    for (const t of [a, b]) expect(t.client.link).toMatchObject({ state: "offline", reason: "restarting", retrying: true });
    gateway.change(1);
    const late = open();
    late.client.watch(id(2), () => {});
    await pass(3000);
    expect(late.client.link).toMatchObject({ state: "offline", reason: "lost", retrying: true });
    await pass(37_000);
    for (const t of [a, b, late]) {
      expect(t.client.link).toMatchObject({ state: "offline", reason: "lost", retrying: true });
      if (t !== late) expect(t.client.view(id(1)).stale).toBe(true);
    }
    gateway.up = true;
    b.client.nudge();
    await pass(500);
    for (const t of [a, b]) expect([activity(t, 1), t.client.link.state, t.client.view(id(1)).stale]).toEqual([truth(1), "live", false]);
    expect(gateway.made).toBe(2);
  });

  it("know for as long as the gateway is away that somebody tries for them", async () => {
    const dial = vi.fn(shared(async () => undefined, browser.page()));
    const [a, b] = [open(), open(undefined, dial)];
    for (const t of [a, b]) t.client.watch(id(1), () => {});
    await pass(500);
    gateway.up = false;
    gateway.drop(1006);
    await pass(90_000);
    expect(dial).toHaveBeenCalledTimes(1);
  });

  it("know how old what they hold may be", async () => {
    const [a, b] = [open(), open()];
    for (const t of [a, b]) t.client.watch(id(1), () => {});
    await pass(15_000);
    for (const t of [a, b]) expect(t.client.view(id(1)).age).toBeLessThan(10_001);
    await pass(10_000);
    for (const t of [a, b]) expect(t.client.view(id(1)).age).toBeLessThan(10_001);
  });
});

describe("a tab that ends", () => {
  it("without a word takes its wants with it", async () => {
    const [a, b] = [open(), open()];
    a.client.watch(id(1), () => {});
    await pass(200);
    b.client.watch(id(2), () => {});
    await pass(200);
    expect(union()).toEqual(new Set([1, 2].map(id)));
    b.page.kill();
    await pass(200);
    expect(union()).toEqual(new Set([id(1)]));
  });

  it("while it leads leaves the others as they were, and they go on over a new connection", async () => {
    const tabs = [open(), open(), open()];
    const statuses: string[] = [];
    const stale: boolean[] = [];
    for (const t of tabs) {
      for (const n of [1, 2]) t.client.watch(id(n), () => t !== tabs[0] && stale.push(t.client.view(id(n)).stale));
      await pass(50);
    }
    await pass(200);
    tabs[1]!.client.onStatus(() => statuses.push(tabs[1]!.client.link.state));
    setInterval(() => stale.push(tabs[1]!.client.view(id(2)).stale), 1);
    for (let i = 0; i < 5; i++) gateway.change(1);
    tabs[0]!.page.kill();
    gateway.change(2);
    await pass(6000);
    gateway.change(1);
    await pass(200);
    for (const t of tabs.slice(1)) expect([activity(t, 1), activity(t, 2)]).toEqual([truth(1), truth(2)]);
    expect(new Set(statuses)).not.toContain("offline");
    expect(new Set(stale)).toEqual(new Set([false]));
    expect(gateway.made).toBe(2);
    expect(gateway.connections.size).toBe(1);
  });

  it("or goes to sleep while it leads hands over at once", async () => {
    const [a, b] = [await watching(), await watching()];
    a.client.suspend();
    await pass(100);
    expect(gateway.connections.size).toBe(1);
    gateway.change(1);
    await pass(50);
    expect(activity(b, 1)).toBe(truth(1));
    a.client.resume();
    await pass(100);
    expect(activity(a, 1)).toBe(truth(1));
    expect(gateway.made).toBe(2);
    a.client.suspend();
    b.client.suspend();
    still.kill();
    await pass(100);
    expect([browser.names, gateway.connections.size]).toEqual([[], 0]);
  });
});

describe("a tab that stands still", () => {
  it("is followed within two and a half heartbeats where it leads", async () => {
    const [a, b, c] = [await watching(), await watching(), await watching()];
    a.page.freeze();
    gateway.change(1);
    await pass(24_000);
    expect(b.client.link.state).toBe("live");
    await pass(2500);
    for (const t of [b, c]) expect([activity(t, 1), t.client.link.state]).toEqual([truth(1), "live"]);
    a.page.thaw();
    await pass(2000);
    gateway.change(1);
    await pass(200);
    for (const t of [a, b, c]) expect([activity(t, 1), t.client.link.state]).toEqual([truth(1), "live"]);
    expect(gateway.connections.size).toBe(1);
  });

  it("leads no longer when it was followed without hearing of it", async () => {
    const [a, b] = [await watching(), await watching()];
    b.page.deaf = true;
    await pass(24_000);
    b.page.deaf = false;
    a.page.freeze();
    a.page.deaf = true; // neither that it is asked for a seat, nor that another leads
    await pass(4000);
    a.page.deaf = false;
    a.page.thaw();
    await pass(2000);
    gateway.change(1);
    await pass(200);
    for (const t of [a, b]) expect([activity(t, 1), t.client.link.state]).toEqual([truth(1), "live"]);
    expect(gateway.connections.size).toBe(1);
  });

  it("or hears nothing for long takes nothing from one that leads and answers", async () => {
    const [, b] = [await watching(), await watching()];
    b.page.deaf = true;
    await pass(24_000);
    b.page.deaf = false;
    await pass(5000);
    gateway.change(1);
    await pass(100);
    expect([activity(b, 1), b.client.link.state, gateway.made]).toEqual([truth(1), "live", 1]);
  });

  it("gets one parcel and no more, and the newest states when it moves", async () => {
    const [, b] = [await watching(), await watching()];
    const parcels = vi.spyOn(b.page, "deliver");
    b.page.freeze();
    for (let i = 0; i < 50; i++) {
      gateway.change(1);
      await pass(100);
    }
    expect(parcels.mock.calls.length).toBeLessThanOrEqual(1);
    b.page.thaw();
    await pass(50);
    expect(activity(b, 1)).toBe(truth(1));
  });
});

describe("a tab that stands still for long", () => {
  it("costs no more than what it watches, and begins anew when it moves", async () => {
    const [a, b] = [open(), open()];
    a.client.watch(id(1), () => {});
    await pass(100);
    b.client.watch(id(2), () => {});
    await pass(100);
    b.page.freeze();
    for (let i = 0; i < 300; i++) {
      gateway.change(2);
      await pass(5);
    }
    await pass(6000);
    expect(union()).toEqual(new Set([id(1)])); // it is told of nothing more, so nothing more is asked for it
    const before = browser.said.length;
    b.page.thaw();
    await pass(200);
    expect(browser.said.length - before).toBeLessThan(20);
    expect([activity(b, 2), b.client.view(id(2)).stale]).toEqual([truth(2), false]);
    expect(union()).toEqual(new Set([id(1), id(2)]));
  });
});

describe("a connection that is made anew", () => {
  it("is told what is held, for all tabs", async () => {
    const [a, b] = [open(), open()];
    a.client.watch(id(1), () => {});
    b.client.watch(id(2), () => {});
    await pass(500);
    gateway.drop(1006);
    gateway.heard.length = 0;
    await pass(2000);
    const known = Object.assign({}, ...gateway.heard.map((m) => m.known));
    expect(known).toEqual({ [id(1)]: gateway.states.get(id(1))!.version, [id(2)]: gateway.states.get(id(2))!.version });
    expect(gateway.heard.filter((m) => m.type === "unsubscribe")).toEqual([]);
    for (const [t, n] of [[a, 1], [b, 2]] as const) expect([activity(t, n), t.client.view(id(n)).stale]).toEqual([truth(n), false]);
    await pass(10_000);
    expect(union()).toEqual(new Set([id(1), id(2)]));
  });
});

describe("a hidden page", () => {
  it("hands the lead to one in sight, after a while", async () => {
    const [a, b] = [await watching(), await watching()];
    b.page.show(false);
    a.page.show(false);
    await pass(6000);
    expect(gateway.made).toBe(1); // nobody is in sight
    b.page.show(true);
    await pass(200);
    expect([gateway.made, gateway.connections.size]).toEqual([2, 1]);
    a.page.kill(); // it did not lead
    gateway.change(1);
    await pass(50);
    expect([activity(b, 1), gateway.made]).toEqual([truth(1), 2]);
  });

  it("keeps it while somebody only flips through tabs", async () => {
    const [a] = [await watching(), await watching()];
    for (let i = 0; i < 5; i++) {
      a.page.show(false);
      await pass(3000);
      a.page.show(true);
      await pass(1000);
    }
    expect(gateway.made).toBe(1);
  });
});

describe("callers", () => {
  let signatures = 0;
  const jwt = (claims: object) => `h.${btoa(JSON.stringify({ iss: "https://login", aud: "gw", ...claims }))}.s${++signatures}`;

  it("never share with another", async () => {
    const [anna, ben] = [jwt({ oid: "anna" }), jwt({ oid: "ben" })];
    gateway.tokens = new Map([[anna, "anna"], [ben, "ben"], ["key", "screen"]]);
    for (const t of [open(async () => anna), open(async () => ben), open(async () => "key")]) t.client.watch(id(1), () => {});
    await pass(1000);
    expect([...gateway.connections].map((c) => c.caller).sort()).toEqual(["anna", "ben", "screen"]);
    for (const text of [...browser.names, ...browser.said]) for (const secret of [anna, ben, '"key"', "key "]) expect(text).not.toContain(secret);
  });

  it("share over several tokens of the same subject, but not of other rights", async () => {
    const [one, two, more] = [jwt({ oid: "anna", exp: 1 }), jwt({ oid: "anna", exp: 2 }), jwt({ oid: "anna", roles: ["Operator"] })];
    gateway.tokens = new Map([one, two, more].map((token) => [token, "anna"]));
    for (const t of [open(async () => one), open(async () => two), open(async () => more)]) t.client.watch(id(1), () => {});
    await pass(1000);
    expect(gateway.connections.size).toBe(2);
  });

  it("that are not let in are told so in every tab, and each brings its own new token", async () => {
    const [old, fresh] = [jwt({ oid: "anna" }), jwt({ oid: "anna" })];
    gateway.tokens = new Map([[old, "anna"]]);
    const renewals: boolean[] = [];
    const source = () => async ({ renew }: { renew: boolean }) => {
      if (renew) renewals.push(renew);
      return renew ? fresh : old;
    };
    const tabs = [open(source()), open(source())];
    for (const t of tabs) t.client.watch(id(1), () => {});
    await pass(1000);
    expect(tabs.map((t) => t.client.link.state)).toEqual(["live", "live"]);
    gateway.tokens = new Map([[fresh, "anna"]]);
    gateway.drop(4401);
    await pass(3000);
    expect(tabs.map((t) => t.client.link.state)).toEqual(["live", "live"]);
    expect(renewals).toEqual([true, true]);
    gateway.tokens = new Map();
    gateway.drop(4401);
    await pass(3000);
    expect(tabs.map((t) => t.client.link)).toMatchObject([{ state: "signed-out", retrying: false }, { state: "signed-out", retrying: false }]);
    still.kill();
    expect(browser.names).toEqual([]);
  });

  it("that are forbidden stay out in every tab", async () => {
    const tabs = [open(), open()];
    for (const t of tabs) t.client.watch(id(1), () => {});
    await pass(500);
    gateway.drop(4403);
    await pass(3000);
    expect(tabs.map((t) => t.client.link)).toMatchObject([{ state: "offline", reason: "forbidden" }, { state: "offline", reason: "forbidden" }]);
    expect(gateway.made).toBe(1);
  });

  it("renew on the connection that stands, and whoever turns out to be another leaves it", async () => {
    const [anna, next, ben] = [jwt({ oid: "anna" }), jwt({ oid: "anna" }), jwt({ oid: "ben" })];
    gateway.tokens = new Map([[anna, "anna"], [next, "anna"], [ben, "ben"]]);
    const [a, b] = [open(async ({ renew }) => (renew ? next : anna)), open(async ({ renew }) => (renew ? next : anna))];
    let who = anna;
    const c = open(async () => who);
    for (const t of [a, b, c]) {
      t.client.watch(id(1), () => {});
      await pass(200);
    }
    expect(gateway.made).toBe(1);
    who = ben;
    gateway.each((n) => n.say({ type: "expiring", inSeconds: 60 }));
    await pass(2000);
    expect([...gateway.connections].map((n) => [n.caller, n.sent.filter((m) => m.type === "authenticate").map((m) => m.token)])).toEqual([
      ["anna", [anna, next]],
      ["ben", [ben]],
    ]);
    expect([a, b, c].map((t) => t.client.link.state)).toEqual(["live", "live", "live"]);
  });
});

describe("a tab on its own", () => {
  beforeEach(() => {
    still.kill();
    vi.spyOn(Page.prototype, "load");
  });

  it("connects by itself and loads nothing more", async () => {
    const a = open();
    a.client.watch(id(1), () => {});
    await pass(20_000);
    expect(activity(a, 1)).toBe(truth(1));
    expect(Page.prototype.load).not.toHaveBeenCalled();
    a.client.suspend();
    await pass(100);
    expect([browser.names, gateway.connections.size]).toEqual([[], 0]);
  });

  it("shares from when another one opens, and its states stand meanwhile", async () => {
    const a = open();
    a.client.watch(id(1), () => {});
    await pass(500);
    const said: string[] = [];
    a.client.onStatus(() => said.push(a.client.link.state));
    const b = open();
    b.client.watch(id(2), () => {});
    await pass(500);
    expect([activity(a, 1), activity(b, 2)]).toEqual([truth(1), truth(2)]);
    expect([union(), gateway.connections.size, gateway.made]).toEqual([new Set([1, 2].map(id)), 1, 2]);
    expect(said.filter((state) => state !== "live")).toEqual([]);
    await pass(10_000);
    expect(a.client.view(id(1)).stale).toBe(false);
    gateway.change(1);
    await pass(100);
    expect(activity(a, 1)).toBe(truth(1));
  });

  it("is met by those who share, too", async () => {
    const [a, b, c] = [open(), open(), open()];
    for (const t of [a, b, c]) t.client.watch(id(1), () => {});
    await pass(1000);
    a.page.kill(); // which may have been the first
    await pass(1000);
    const d = open();
    d.client.watch(id(2), () => {});
    await pass(1000);
    expect([activity(b, 1), activity(c, 1), activity(d, 2), gateway.connections.size]).toEqual([truth(1), truth(1), truth(2), 1]);
  });

  it("keeps its connection where the rest cannot be loaded", async () => {
    vi.mocked(Page.prototype.load).mockRejectedValue(new TypeError("not found"));
    const [a, b] = [open(), open()];
    for (const t of [a, b]) t.client.watch(id(1), () => {});
    await pass(1000);
    expect([activity(a, 1), activity(b, 1), gateway.connections.size, gateway.made]).toEqual([truth(1), truth(1), 2, 2]);
  });
});

describe("a caller who becomes another", () => {
  it("does not lead the one it was", async () => {
    gateway.tokens = new Map([["anna's", "anna"], ["ben's", "ben"]]);
    let who = "anna's";
    const [a, b] = [open(async () => who), open(async () => "anna's")];
    for (const t of [a, b]) {
      t.client.watch(id(1), () => {});
      await pass(200);
    }
    await pass(31_000);
    who = "ben's";
    gateway.drop(1006);
    await pass(3000);
    expect([...gateway.connections].map((c) => c.caller).sort()).toEqual(["anna", "ben"]);
    for (const t of [a, b]) expect(t.client.link.state).toBe("live");
    expect(gateway.made).toBe(3);
  });
});

describe("without what sharing needs", () => {
  it("a page that cannot lead has a connection of its own", async () => {
    const page = browser.page();
    const request = (name: string, options: object, grant: () => void) =>
      name.endsWith(" ") ? Promise.reject(new DOMException("not here", "SecurityError")) : page.locks.request(name, options as LockOptions, grant);
    const around = { locks: { request } as unknown as LockManager, channel: page.channel, page: page.page, dial: page.dial, load: page.load };
    const t = open(undefined, shared(async () => undefined, around));
    t.client.watch(id(1), () => {});
    await pass(1500);
    expect(activity(t, 1)).toBe(truth(1));
  });

  it("a page has a connection of its own", async () => {
    const locks = { request: () => Promise.reject(new DOMException("not here", "SecurityError")) };
    for (let i = 0; i < 2; i++) {
      const page = browser.page();
      const around = { locks: locks as unknown as LockManager, channel: page.channel, page: page.page, dial: page.dial, load: page.load };
      const t = open(undefined, shared(async () => undefined, around));
      t.client.watch(id(1), () => {});
      await pass(500);
      expect(activity(t, 1)).toBe(truth(1));
    }
    expect(gateway.connections.size).toBe(2);
  });
});

describe("any order of events", () => {
  const seeds = process.env.SEED ? [Number(process.env.SEED)] : Array.from({ length: Number(process.env.SEEDS ?? 60) }, (_, i) => i + 1);

  it.each(seeds)("leaves every living tab with exactly what it wants, over one connection (seed %i)", async (seed) => {
    const random = generator(seed);
    vi.spyOn(Math, "random").mockImplementation(generator(seed + 1_000_000));
    const pick = (n: number) => Math.floor(random() * n);
    browser = new FakeBrowser(() => pick(8), (page) => gateway.dial(page));
    gateway.groups.set(GROUP, new Set([1, 2, 3].map(id)));
    gateway.addresses.set("anna@x", id(4));
    interface Wants extends Tab {
      readonly stops: Map<string, () => void>;
    }
    let tabs: Wants[] = [];
    const want = (t: Wants, name: string) => {
      const stop = t.stops.get(name);
      if (stop !== undefined) {
        stop();
        t.stops.delete(name);
      } else if (name === "*") t.stops.set(name, t.client.watchEveryone(() => {}));
      else if (name === GROUP) t.stops.set(name, t.client.watchGroup(name, () => {}));
      else t.stops.set(name, t.client.watch(name, () => {}));
    };
    const name = () => ["*", GROUP, "anna@x", ...Array.from({ length: 12 }, (_, n) => id(n))][pick(15)]!;
    const some = () => tabs[pick(tabs.length)];
    for (let step = 0; step < 120; step++) {
      const t = some();
      switch (pick(14)) {
        case 0:
        case 1:
          if (tabs.length < 6) {
            const born = { ...open(), stops: new Map() };
            tabs.push(born);
            want(born, name());
          }
          break;
        case 2:
          if (t !== undefined) {
            t.page.kill();
            tabs = tabs.filter((other) => other !== t);
          }
          break;
        case 3:
          if (pick(3) === 0) t?.page.freeze();
          break;
        case 4:
          for (const other of tabs) other.page.thaw();
          break;
        case 5:
          t?.page.show(t.page.visibilityState === "hidden");
          break;
        case 6:
          if (pick(2) === 0) gateway.drop([1006, 1012, 4429][pick(3)]);
          else if (pick(2) === 0) gateway.forget();
          break;
        case 7:
          if (pick(2) === 0) t?.client.suspend();
          else t?.client.resume();
          break;
        case 8:
          gateway.move(GROUP, pick(12));
          break;
        case 9:
        case 10:
          if (t !== undefined) want(t, name());
          break;
        default:
          for (let n = pick(6); n > 0; n--) gateway.change(pick(12));
      }
      await pass(random() < 0.2 ? pick(9000) : pick(60));
    }
    for (const t of tabs) {
      t.page.thaw();
      t.client.resume();
    }
    await pass(65_000);
    for (let n = 0; n < 12; n++) if (random() < 0.5) gateway.change(n);
    await pass(2000);
    const wanted = new Set(tabs.flatMap((t) => [...t.stops.keys()]).map((n) => (n === GROUP ? "#" + n : n === "anna@x" ? id(4) : n)));
    expect(gateway.connections.size).toBe(wanted.size === 0 ? 0 : 1);
    expect(union()).toEqual(wanted);
    for (const t of tabs) {
      if (t.stops.size > 0) expect(t.client.link.state).toBe("live");
      const users = new Set([...t.stops.keys()].flatMap((n) => (n === "*" ? [...gateway.states.keys()] : n === GROUP ? [...gateway.groups.get(n)!] : n === "anna@x" ? [id(4)] : [n])));
      expect(new Set(t.client.ids())).toEqual(users);
      for (const user of users) expect([user, [...t.stops.keys()], tabs.indexOf(t), t.client.view(user)]).toMatchObject([user, [...t.stops.keys()], tabs.indexOf(t), { presence: gateway.states.get(user), stale: false }]);
      if (t.stops.has(GROUP)) expect(new Set(t.client.members(GROUP))).toEqual(gateway.groups.get(GROUP));
    }
  });
});

/** The same numbers for the same seed (mulberry32). */
function generator(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
