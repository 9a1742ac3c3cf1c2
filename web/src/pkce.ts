/** Authorization code with PKCE (RFC 6749 and 7636), as far as a page does it. */

/** Where and as whom a page signs people in. */
export interface Login {
  /** The provider's address: its OpenID metadata stand below it. */
  readonly authority: string;
  readonly clientId: string;
  /** The gateway's own scope. */
  readonly scope: string;
}

/** Where the provider takes what. */
export interface Endpoints {
  readonly authorization: string;
  readonly token: string;
}

/** What has to survive the redirect, in this tab only. */
export interface Journey {
  readonly state: string;
  readonly verifier: string;
  /** The page's address as it was. */
  readonly from: string;
}

/** An answer of the token endpoint. */
export interface Tokens {
  readonly access: string;
  readonly refresh?: string;
  /** How long the access token is good for, in milliseconds. */
  readonly life: number;
}

/** The provider refused, and why, in OAuth's words. */
export class Refused extends Error {
  override name = "Refused";
  constructor(readonly code: string) {
    super(`sign-in refused: ${code}`);
  }
}

/** How long the provider may take to answer. */
const PATIENCE = 15_000;

/** Reads where the provider takes what (OpenID Connect Discovery, 4). */
export async function discover(login: Login, get: typeof fetch): Promise<Endpoints> {
  const response = await get(`${login.authority}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(PATIENCE), credentials: "omit" });
  if (!response.ok) throw new Error(`metadata: ${response.status}`);
  const { authorization_endpoint: authorization, token_endpoint: token } = (await response.json()) as Record<string, unknown>;
  if (typeof authorization !== "string" || typeof token !== "string") throw new Refused("no endpoints");
  return { authorization, token };
}

/** Begins a journey: whom to send the reader to, and what to remember meanwhile. `silent`: without asking the reader anything. */
export async function depart(
  login: Login,
  endpoints: Endpoints,
  { redirect, from, silent }: { redirect: string; from: string; silent: boolean },
): Promise<{ url: string; journey: Journey }> {
  const verifier = random();
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const journey = { state: random(), verifier, from };
  const url = new URL(endpoints.authorization);
  const query = {
    client_id: login.clientId,
    response_type: "code",
    redirect_uri: redirect,
    // A fragment is sent to no server, so the code is in nobody's log.
    response_mode: "fragment",
    scope: scope(login),
    state: journey.state,
    code_challenge: base64url(new Uint8Array(hash)),
    code_challenge_method: "S256",
    ...(silent && { prompt: "none" }),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return { url: url.href, journey };
}

/** What the provider said by sending the reader back to `href`; undefined for an address that is no such answer. */
export function arrival(href: string): { code?: string; error?: string; state: string } | undefined {
  const url = new URL(href);
  for (const text of [url.hash.slice(1), url.search.slice(1)]) {
    const answer = new URLSearchParams(text);
    const [code, error, state] = [answer.get("code"), answer.get("error"), answer.get("state")];
    if (state !== null && (code !== null || error !== null)) {
      return { state, ...(code !== null && { code }), ...(error !== null && { error }) };
    }
  }
  return undefined;
}

/** Trades a code, or a refresh token, for tokens. Throws Refused when the provider says no, another error when it does not answer. */
export async function redeem(login: Login, endpoints: Endpoints, { grant, post }: { grant: Record<string, string>; post: typeof fetch }): Promise<Tokens> {
  const response = await post(endpoints.token, {
    method: "POST",
    body: new URLSearchParams({ client_id: login.clientId, scope: scope(login), ...grant }),
    signal: AbortSignal.timeout(PATIENCE),
    credentials: "omit",
  });
  const json = ((await response.json().catch(() => null)) ?? {}) as Record<string, unknown>;
  if (!response.ok) {
    if (response.status >= 500 || response.status === 429) throw new Error(`token endpoint: ${response.status}`);
    throw new Refused(typeof json.error === "string" ? json.error : String(response.status));
  }
  if (typeof json.access_token !== "string") throw new Refused("no access token");
  return {
    access: json.access_token,
    life: (Number(json.expires_in) || 3600) * 1000,
    ...(typeof json.refresh_token === "string" && { refresh: json.refresh_token }),
  };
}

function scope(login: Login): string {
  return `${login.scope} openid profile offline_access`;
}

/** 256 bits, in 43 characters that an address may hold. */
function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
