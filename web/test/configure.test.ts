import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FakeGateway } from "./fake-gateway.ts";

type Modules = typeof import("../src/configure.ts") & typeof import("../src/clients.ts");
let m: Modules;
let gateway: FakeGateway;
const settle = () => vi.advanceTimersByTimeAsync(0);
const ID = "00000000-0000-0000-0000-000000000001";
const A = "https://a.example/";
const B = "https://b.example/";
const said = () => vi.mocked(console.error).mock.calls.map(([text]) => text);

beforeEach(async () => {
  vi.useFakeTimers();
  vi.resetModules(); // what a page configures lasts as long as the page
  vi.spyOn(console, "error").mockImplementation(() => {});
  gateway = new FakeGateway();
  vi.stubGlobal("WebSocket", class {
    constructor(url: string, protocol: string) {
      return gateway.dial(url, protocol);
    }
  });
  m = { ...(await import("../src/configure.ts")), ...(await import("../src/clients.ts")) };
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Connects to a gateway, and returns what it was given to sign in with. */
async function presented(name?: string): Promise<(string | undefined)[]> {
  const before = gateway.lines.length;
  m.clientFor(name).watch(ID, () => {});
  await settle();
  return gateway.lines.slice(before).map((line) => {
    line.say({ type: "hello", heartbeatSeconds: 10 });
    line.say({ type: "status", state: "live" });
    return line.of("authenticate")[0]?.token;
  });
}

describe("the gateway", () => {
  it("is the one that served the script until the page settles another, once", () => {
    m.servedBy(B + "x/");
    expect(m.clientFor().gateway).toBe(B + "x/");
    m.configure({ locale: "de" });
    expect(m.configured.gateway).toBe(B + "x/");
    m.configure({ gateway: "https://a.example" });
    expect(m.clientFor().gateway).toBe(A);
    m.configure({ gateway: B });
    expect(m.clientFor().gateway).toBe(A);
    m.servedBy(B);
    expect(m.clientFor().gateway).toBe(A);
  });

  it("is one however it is written", () => {
    const client = m.clientFor(A);
    for (const name of ["https://a.example", "HTTPS://A.example:443//", A + "?x#y"]) expect(m.clientFor(name)).toBe(client);
    expect(m.clientFor(A + "base")).not.toBe(client);
  });

  it("that is missing is said once, though not to whoever configures a little later", async () => {
    const client = m.clientFor();
    client.watch(ID, () => {});
    expect(client.link).toMatchObject({ state: "offline", reason: "no_gateway", retrying: false });
    client.nudge(true);
    expect(gateway.lines).toHaveLength(0);
    m.clientFor("").watch(ID, () => {});
    await vi.advanceTimersByTimeAsync(60_000);
    expect(said()).toEqual([expect.stringContaining("call configure(")]);
  });

  it("may be configured after it is first asked for", async () => {
    m.clientFor().watch(ID, () => {});
    m.configure({ gateway: A });
    expect(await presented()).toEqual([undefined]);
    await vi.advanceTimersByTimeAsync(2000);
    expect(said()).toEqual([]);
  });

  it.each(["http://", "ftp://a.example", "javascript:alert(1)"])("that is none is told, and keeps its token to itself: %s", async (name) => {
    m.servedBy(B);
    m.configure({ gateway: name, getToken: async () => "secret" });
    expect(said()).toEqual([expect.stringContaining(name)]);
    expect(await presented()).toEqual([undefined]);
    expect(await presented(name)).toEqual([]);
    expect(m.clientFor(name).link).toMatchObject({ state: "offline", reason: "no_gateway" });
    await vi.advanceTimersByTimeAsync(2000);
    expect(said()).toHaveLength(2);
  });
});

describe("a token", () => {
  it("goes to the gateway it was configured for, and to no other", async () => {
    m.servedBy(B);
    m.configure({ gateway: A, getToken: async () => "for a" });
    expect(await presented(B)).toEqual([undefined]);
    expect(await presented("https://a.example.evil/")).toEqual([undefined]);
    expect(await presented(A + "elsewhere/")).toEqual([undefined]);
    expect(await presented("http://a.example/")).toEqual([undefined]);
    expect(await presented(A)).toEqual(["for a"]);
    m.configure({ gateway: "https://c.example", getToken: async () => "for c" });
    expect(await presented("https://c.example/")).toEqual(["for c"]);
  });

  it("without a gateway is for the one that is meant where none is named", async () => {
    m.servedBy(B);
    m.configure({ getToken: async () => "for b" });
    m.configure({ gateway: A });
    expect(await presented()).toEqual(["for b"]);
    expect(m.clientFor().gateway).toBe(B);
    expect(await presented(A)).toEqual([undefined]);
  });

  it("given before the gateway is for the first that is configured", async () => {
    m.configure({ getToken: async () => "first" });
    m.configure({ gateway: A });
    m.configure({ gateway: B });
    expect(await presented(B)).toEqual([undefined]);
    expect(await presented(A)).toEqual(["first"]);
  });

  it("given later lets in who was signed out", async () => {
    m.configure({ gateway: A });
    const client = m.clientFor();
    client.watch(ID, () => {});
    await settle();
    gateway.last.end(4401);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(client.link.state).toBe("signed-out");
    expect(gateway.lines).toHaveLength(1);
    m.configure({ locale: "fr" });
    await settle();
    expect(gateway.lines).toHaveLength(1);
    m.configure({ gateway: A, getToken: async () => "late" });
    await settle();
    gateway.welcome();
    expect(gateway.last.of("authenticate")).toEqual([{ type: "authenticate", token: "late" }]);
    expect(client.link.state).toBe("live");
    // And taken away, the caller is nobody in particular again.
    m.configure({ gateway: A, getToken: undefined });
    await settle();
    expect(gateway.lines).toHaveLength(3);
    gateway.welcome();
    expect(gateway.last.of("authenticate")).toEqual([]);
  });

  it("source that throws, or has nothing, breaks nothing", async () => {
    m.configure({ gateway: A, getToken: (() => null) as never });
    expect(await presented()).toEqual([undefined]);
    m.configure({ gateway: B, getToken: () => { throw new Error("not ready"); } });
    m.clientFor(B).watch(ID, () => {});
    await settle();
    expect(m.clientFor(B).link).toMatchObject({ state: "offline", reason: "no_token", retrying: true });
  });
});

describe("language and labels", () => {
  it("stay until they are given anew, and those who show them are told", () => {
    const told: (string | undefined)[] = [];
    const deaf = m.onConfigured((of) => told.push(of));
    m.configure({ locale: "ja", labels: { busy: "Occupied" } });
    m.configure({ gateway: A });
    expect(m.configured).toEqual({ gateway: A, locale: "ja", labels: { busy: "Occupied" } });
    m.configure({ locale: undefined });
    expect(m.configured.locale).toBeUndefined();
    deaf();
    m.configure({ labels: undefined });
    expect(told).toEqual([undefined, undefined, undefined]);
  });
});
