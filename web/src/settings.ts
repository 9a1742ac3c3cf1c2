import type { Login } from "./pkce.ts";
import type { Ways } from "./sign-in.ts";

/** What the gateway says of itself and of its pages, from `GET /v1/settings`. */
export interface Settings {
  readonly demo: boolean;
  readonly version: string;
  readonly signIn: Ways;
  /** Whoever asked may see the operator's view. */
  readonly operator: boolean;
}

/** Reads the settings; undefined where the gateway does not answer. What it leaves out is not offered. */
export async function readSettings(gateway: string, get: typeof fetch = fetch): Promise<Settings | undefined> {
  let json: Fields;
  try {
    const response = await get(new URL("v1/settings", gateway), { headers: { accept: "application/json" } });
    if (!response.ok) return undefined;
    json = fields(await response.json());
  } catch {
    return undefined;
  }
  const signIn = fields(json.signIn);
  const found = login(fields(signIn.login));
  return {
    demo: json.demo === true,
    version: text(json.version),
    operator: json.operator === true,
    signIn: { anonymous: signIn.anonymous === true, apiKey: signIn.apiKey === true, ...(found && { login: found }) },
  };
}

type Fields = Record<string, unknown>;

function fields(v: unknown): Fields {
  return typeof v === "object" && v !== null ? (v as Fields) : {};
}

function text(v: unknown): string {
  return typeof v === "string" ? v : "";
}

function login(f: Fields): Login | undefined {
  const login = {
    authority: text(f.authority),
    clientId: text(f.clientId),
    scope: text(f.scope),
  };
  return Object.values(login).every((v) => v !== "") ? login : undefined;
}
