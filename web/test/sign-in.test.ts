import { createHash } from "node:crypto";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { SignIn, type Surroundings, type Ways } from "../src/sign-in.ts";

const page = "https://gw.example/base/";
const endpoints = { authorization_endpoint: "https://login.example/authorize", token_endpoint: "https://login.example/token" };
const login = { authority: "https://login.example/t", clientId: "c1", scope: "api://gw/Presence.Subscribe" };
const ways: Ways = { anonymous: false, apiKey: true, login };

class Kept {
  readonly items = new Map<string, string>();
  getItem = (k: string) => this.items.get(k) ?? null;
  setItem = (k: string, v: string) => void this.items.set(k, v);
  removeItem = (k: string) => void this.items.delete(k);
}

let tab: Kept;
let browser: Kept;
let gone: string[];
let renamed: string[];
let now: number;
let posted: URLSearchParams[];
/** What the token endpoint answers, in turn. */
let answers: (Response | Error)[];
/** The provider does not answer. */
let away: boolean;

const tokens = (access: string, more: object = {}) => Response.json({ access_token: access, expires_in: 3600, refresh_token: `r-${access}`, ...more });

function at(href: string, w: Ways = ways): SignIn {
  const here: Surroundings = {
    tab,
    browser,
    href,
    go: (url) => void gone.push(url),
    rename: (h) => void renamed.push(h),
    fetch: async (url, init) => {
      if (init?.method !== "POST") {
        expect(url).toBe("https://login.example/t/.well-known/openid-configuration");
        return away ? new Response("", { status: 503 }) : Response.json(endpoints);
      }
      expect(url).toBe(endpoints.token_endpoint);
      posted.push(init!.body as URLSearchParams);
      const answer = answers.shift()!;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    now: () => now,
  };
  return new SignIn(w, here);
}

/** Goes to the provider and comes back with what it says. */
async function journey(from = page, says = "code=abc"): Promise<SignIn> {
  await at(from).begin();
  const state = new URL(gone.at(-1)!).searchParams.get("state")!;
  const back = at(`${page}#${says}&state=${encodeURIComponent(state)}`);
  expect(await back.arrive()).toBe(true);
  return back;
}

beforeEach(() => {
  tab = new Kept();
  browser = new Kept();
  gone = [];
  renamed = [];
  posted = [];
  answers = [];
  now = 0;
  away = false;
});

describe("signing in at the provider", () => {
  it("asks with a challenge whose verifier stays here, and answers in the fragment", async () => {
    answers.push(tokens("t1"));
    await journey(page + "?team=a#x");
    const asked = new URL(gone[0]!);
    expect(asked.origin + asked.pathname).toBe(endpoints.authorization_endpoint);
    const q = asked.searchParams;
    expect(Object.fromEntries(["client_id", "response_type", "response_mode", "redirect_uri", "code_challenge_method"].map((k) => [k, q.get(k)]))).toEqual({
      client_id: "c1", response_type: "code", response_mode: "fragment", redirect_uri: page, code_challenge_method: "S256",
    });
    expect(q.get("scope")!.split(" ")).toContain(login.scope);
    const [grant] = posted;
    expect(grant!.get("code")).toBe("abc");
    expect(grant!.get("redirect_uri")).toBe(page);
    const verifier = grant!.get("code_verifier")!;
    expect(verifier.length).toBeGreaterThanOrEqual(43);
    expect(createHash("sha256").update(verifier).digest("base64url")).toBe(q.get("code_challenge"));
    expect(gone[0]).not.toContain(verifier);
  });

  it("is in afterwards, at the address the reader had", async () => {
    answers.push(tokens("t1"));
    const s = await journey(page + "?team=a#x");
    expect(s.signedIn).toBe(true);
    expect(await s.token({ renew: false })).toBe("t1");
    expect(renamed).toEqual([page + "?team=a#x"]);
  });

  it("keeps tokens in memory only", async () => {
    answers.push(tokens("secret-token"));
    await journey();
    expect(JSON.stringify([[...tab.items], [...browser.items]])).not.toContain("secret-token");
  });

  it("does not use an answer to a question it did not ask", async () => {
    await at(page).begin();
    const s = at(`${page}?code=stolen&state=forged`);
    await s.arrive();
    expect(posted).toHaveLength(0);
    expect(s.open).toBe(false);
    expect(s.problem).toBe("unexpected answer");
    expect(renamed).toEqual([page]);
  });

  it("uses an answer once", async () => {
    answers.push(tokens("t1"));
    await journey();
    const again = at(`${page}#code=abc&state=${new URL(gone[0]!).searchParams.get("state")}`);
    await again.arrive();
    expect(posted).toHaveLength(1);
    expect(again.signedIn).toBe(false);
  });

  it("says what the provider refused", async () => {
    const s = await journey(page, "error=access_denied");
    expect([s.open, s.problem]).toEqual([false, "access_denied"]);
    answers.push(Response.json({ error: "invalid_grant" }, { status: 400 }));
    expect((await journey()).problem).toBe("invalid_grant");
    answers.push(new TypeError("offline"));
    expect((await journey()).problem).toBe("no answer");
  });
});

describe("a provider that is away", () => {
  it("is named as the problem, and the reader stays", async () => {
    away = true;
    const s = at(page);
    expect(await s.begin()).toBe(false);
    expect([gone, s.problem]).toEqual([[], "no answer"]);
    away = false;
    expect(await s.begin()).toBe(true);
  });
});

describe("a tab that was signed in", () => {
  it("asks silently after a reload, and asks the reader only when told to", async () => {
    answers.push(tokens("t1"));
    await journey();
    const reloaded = at(page);
    expect(await reloaded.arrive()).toBe(false);
    expect(new URL(gone.at(-1)!).searchParams.get("prompt")).toBe("none");
    const back = at(`${page}#error=login_required&state=${new URL(gone.at(-1)!).searchParams.get("state")}`);
    await back.arrive();
    expect([back.open, back.problem]).toEqual([false, ""]);
    const later = at(page);
    expect(await later.arrive()).toBe(true);
    expect(gone).toHaveLength(2);
  });

  it("does not go round in circles", async () => {
    tab.setItem("presence-gateway.signed-in", "1");
    expect(await at(page).arrive()).toBe(false);
    expect(await at(page).arrive()).toBe(true);
    expect(gone).toHaveLength(1);
  });
});

describe("the token", () => {
  it("is renewed ahead of its end, once for all who ask", async () => {
    answers.push(tokens("t1"), tokens("t2"));
    const s = await journey();
    now = 3600_000 - 59_000;
    expect(await Promise.all([s.token({ renew: false }), s.token({ renew: false })])).toEqual(["t2", "t2"]);
    expect(posted.map((p) => p.get("grant_type"))).toEqual(["authorization_code", "refresh_token"]);
    expect(posted[1]!.get("refresh_token")).toBe("r-t1");
    // Entra wants to be told for what, again.
    expect(posted[1]!.get("scope")!.split(" ")).toContain(login.scope);
  });

  it("is renewed on demand, and keeps the refresh token that stays", async () => {
    answers.push(tokens("t1"), tokens("t2", { refresh_token: undefined }), tokens("t3"));
    const s = await journey();
    expect(await s.token({ renew: true })).toBe("t2");
    expect(await s.token({ renew: true })).toBe("t3");
    expect(posted[2]!.get("refresh_token")).toBe("r-t1");
  });

  it("rejects while the provider does not answer, and stays signed in", async () => {
    answers.push(tokens("t1"), new Response("", { status: 503 }));
    const s = await journey();
    await expect(s.token({ renew: true })).rejects.toThrow("503");
    expect(await s.token({ renew: false })).toBe("t1");
  });

  it("goes to the provider silently when the refresh token has ended", async () => {
    answers.push(tokens("t1"), Response.json({ error: "invalid_grant" }, { status: 400 }));
    const s = await journey();
    void s.token({ renew: true });
    await vi.waitFor(() => expect(gone).toHaveLength(2));
    expect(new URL(gone[1]!).searchParams.get("prompt")).toBe("none");
  });
});

describe("an API key", () => {
  it("is kept by the browser, and by it alone until signed out", async () => {
    const s = at(page);
    expect(s.open).toBe(false);
    s.useKey(" key-1 ");
    expect(await at(page).token({ renew: false })).toBe("key-1");
    expect(await at(page).token({ renew: true })).toBeUndefined();
    s.leave();
    expect(at(page).signedIn).toBe(false);
  });

  it("is not used where the gateway takes none", async () => {
    at(page).useKey("key-1");
    expect(at(page, { anonymous: true, apiKey: false }).signedIn).toBe(false);
  });
});
