import { steadyClock } from "./clock.ts";
import { arrival, depart, discover, redeem, Refused, type Endpoints, type Journey, type Login, type Tokens } from "./pkce.ts";
import { storage, type Kept } from "./storage.ts";

/** How a page may sign in, from `GET /v1/settings`. */
export interface Ways {
  /** Nobody has to. */
  readonly anonymous: boolean;
  /** An API key will do, as for a screen on a wall. */
  readonly apiKey: boolean;
  readonly login?: Login;
}

/** What of the browser a sign-in touches. */
export interface Surroundings {
  /** Lives as long as the tab. */
  readonly tab: Kept;
  /** Lives as long as the browser. */
  readonly browser: Kept;
  readonly href: string;
  /** Leaves the page. */
  go(url: string): void;
  /** Changes the page's address without leaving it. */
  rename(href: string): void;
  readonly fetch: typeof fetch;
  readonly now: () => number;
}

const JOURNEY = "presence-gateway.journey";
const WAS_IN = "presence-gateway.signed-in";
const TRIED = "presence-gateway.tried";
const KEY = "presence-gateway.key";

/** A token that ends within this time is renewed before it is used, in milliseconds; one of a short life in its last quarter. */
const EARLY = 60_000;
/** How long after a silent attempt none is made again by itself: a provider that sends readers back at once must not make a loop. */
const ONCE = 60_000;

/**
 * Who this page is to the gateway. People sign in at their provider by a redirect; their tokens stay in memory, and a
 * reload asks the provider again, silently while its own session lasts. An API key, given once, is kept by the browser.
 */
export class SignIn {
  readonly ways: Ways;
  #here: Surroundings;
  #tokens: Tokens | undefined;
  /** When the access token should be renewed, by `now`. */
  #stale = 0;
  #known: Endpoints | undefined;
  #renewing: Promise<string | undefined> | undefined;
  #problem = "";

  constructor(ways: Ways, here: Surroundings = browser()) {
    this.ways = ways;
    this.#here = here;
  }

  /** Whether the gateway can be asked: somebody is signed in, or nobody has to be. */
  get open(): boolean {
    return this.ways.anonymous || this.signedIn;
  }

  get signedIn(): boolean {
    return this.#key !== undefined || this.#tokens !== undefined;
  }

  /** What went wrong at the last attempt, in OAuth's words; empty if nothing did. */
  get problem(): string {
    return this.#problem;
  }

  /** Whether people can sign in here: a browser lets only pages of https and of its own machine do the arithmetic. */
  get possible(): boolean {
    return this.ways.login !== undefined && globalThis.crypto?.subtle !== undefined;
  }

  get #key(): string | undefined {
    return this.ways.apiKey ? (this.#here.browser.getItem(KEY) ?? undefined) : undefined;
  }

  /**
   * To be awaited once, as the page begins: completes a sign-in that sent the reader here, or begins one silently where
   * the tab was signed in before. Resolves to false when the page is being left.
   */
  async arrive(): Promise<boolean> {
    const answer = arrival(this.#here.href);
    const journey = this.#takeJourney();
    if (answer !== undefined && journey !== undefined && answer.state === journey.state) {
      this.#here.rename(journey.from);
      await this.#complete(answer, journey);
      return true;
    }
    if (answer !== undefined) {
      // Not an answer to this tab's question: forged, or of a journey long ended. It is not used.
      this.#here.rename(this.#page);
      this.#problem = "unexpected answer";
      return true;
    }
    if (this.#key === undefined && this.#here.tab.getItem(WAS_IN) !== null) return !(await this.#silently());
    return true;
  }

  /** Sends the reader to the provider. Resolves to false, with the problem told, where that does not answer. */
  async begin(silent = false): Promise<boolean> {
    const { login } = this.ways;
    if (login === undefined) return false;
    try {
      const { url, journey } = await depart(login, await this.#endpoints(), { redirect: this.#page, from: this.#here.href, silent });
      this.#here.tab.setItem(JOURNEY, JSON.stringify(journey));
      this.#here.go(url);
      return true;
    } catch {
      this.#problem = "no answer";
      return false;
    }
  }

  /** Keeps an API key in this browser. */
  useKey(key: string): void {
    this.#problem = "";
    this.#here.browser.setItem(KEY, key.trim());
  }

  /** The gateway refused what this page signed in with. */
  reject(): void {
    this.leave();
    this.#problem = "refused";
  }

  /** Forgets everything; the page should be loaded anew. */
  leave(): void {
    this.#tokens = undefined;
    this.#here.browser.removeItem(KEY);
    this.#here.tab.removeItem(WAS_IN);
    this.#here.tab.removeItem(TRIED);
  }

  /** The token source of the page's client. */
  readonly token = async ({ renew }: { renew: boolean }): Promise<string | undefined> => {
    const key = this.#key;
    if (key !== undefined) return renew ? undefined : key; // there is no other one
    if (this.#tokens === undefined) return undefined;
    if (!renew && this.#here.now() < this.#stale) return this.#tokens.access;
    this.#renewing ??= this.#renew().finally(() => (this.#renewing = undefined));
    return this.#renewing;
  };

  /** `fetch` for the gateway's own calls, signed in. */
  readonly fetch: typeof fetch = async (input, init = {}) => {
    const token = await this.token({ renew: false }).catch(() => undefined);
    if (token === undefined) return fetch(input, init);
    const headers = new Headers(init.headers);
    headers.set("authorization", `Bearer ${token}`);
    return fetch(input, { ...init, headers });
  };

  async #complete(answer: { code?: string; error?: string }, journey: Journey): Promise<void> {
    if (answer.code === undefined) {
      this.#refused(answer.error ?? "");
      return;
    }
    try {
      this.#take(await this.#redeem({
        grant_type: "authorization_code",
        code: answer.code,
        redirect_uri: this.#page,
        code_verifier: journey.verifier,
      }));
    } catch (error) {
      this.#refused(error instanceof Refused ? error.code : "no answer");
    }
  }

  async #redeem(grant: Record<string, string>): Promise<Tokens> {
    return redeem(this.ways.login!, await this.#endpoints(), { grant, post: this.#here.fetch });
  }

  async #endpoints(): Promise<Endpoints> {
    return (this.#known ??= await discover(this.ways.login!, this.#here.fetch));
  }

  #take(tokens: Tokens): void {
    this.#tokens = tokens;
    this.#stale = this.#here.now() + tokens.life - Math.min(EARLY, tokens.life / 4);
    this.#problem = "";
    this.#here.tab.setItem(WAS_IN, "1");
    this.#here.tab.removeItem(TRIED);
  }

  #refused(code: string): void {
    this.#tokens = undefined;
    this.#here.tab.removeItem(WAS_IN);
    // What a silent attempt is told where a person has to be asked is no problem, only the end of silence.
    this.#problem = /^(login|interaction|consent|account_selection)_required$/.test(code) ? "" : code;
  }

  /** A new access token; undefined when the provider wants the reader to sign in again. Rejects when it does not answer. */
  async #renew(): Promise<string | undefined> {
    const refresh = this.#tokens?.refresh;
    if (refresh !== undefined) {
      try {
        const tokens = await this.#redeem({ grant_type: "refresh_token", refresh_token: refresh });
        this.#take({ refresh, ...tokens });
        return tokens.access;
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
      }
    }
    // Refresh tokens of pages end after a day; the provider's own session may last longer.
    if (await this.#silently()) return new Promise(() => {}); // the page is being left
    this.#tokens = undefined;
    this.#problem = "ended";
    return undefined;
  }

  async #silently(): Promise<boolean> {
    const tried = Number(this.#here.tab.getItem(TRIED) ?? -Infinity);
    if (!this.possible || Math.abs(Date.now() - tried) < ONCE) return false;
    this.#here.tab.setItem(TRIED, String(Date.now()));
    return this.begin(true);
  }

  #takeJourney(): Journey | undefined {
    const text = this.#here.tab.getItem(JOURNEY);
    this.#here.tab.removeItem(JOURNEY);
    try {
      return text === null ? undefined : (JSON.parse(text) as Journey);
    } catch {
      return undefined;
    }
  }

  /** The page's own address, bare: what the provider knows as the redirect address. */
  get #page(): string {
    const url = new URL(this.#here.href);
    url.search = url.hash = "";
    return url.href;
  }
}

function browser(): Surroundings {
  return {
    tab: storage("sessionStorage"),
    browser: storage("localStorage"),
    get href() {
      return location.href;
    },
    go: (url) => location.assign(url),
    rename: (href) => history.replaceState(null, "", href),
    fetch: (input, init) => fetch(input, init),
    now: steadyClock(),
  };
}
