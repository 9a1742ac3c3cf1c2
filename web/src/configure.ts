import type { TokenSource } from "./socket.ts";

/** What a page may settle for everything that shows presences on it, at any time and in several calls. */
export interface Configuration {
  /**
   * Base address of a gateway. The first call that names one, or gives a `getToken`, settles which gateway is meant
   * wherever none is named; before it that is the gateway that served `/widget.js`, if the page has it from there.
   */
  readonly gateway?: string | URL;
  /**
   * What to sign in with at `gateway`, or where that is left out at the gateway that is meant where none is named; at no
   * other. One call for each gateway to sign in at. `undefined` takes away what was given before.
   */
  readonly getToken?: TokenSource | undefined;
  /** The language of labels, as a BCP 47 tag; the page's own without it. */
  readonly locale?: string | undefined;
  /** Words of the page's own, instead of those that come with a language. */
  readonly labels?: Labels | undefined;
}

/** Words by what they stand for. */
export type Labels = Readonly<Record<string, string>>;

/** What stands configured. */
export interface Configured {
  /** The gateway that is meant where none is named, as `baseOf` gives it; undefined while there is none. */
  gateway: string | undefined;
  locale: string | undefined;
  labels: Labels | undefined;
}

export const configured: Configured = { gateway: undefined, locale: undefined, labels: undefined };

/** Token sources by gateway; of the gateway meant where none is named, before there is one, under the empty name. */
const sources = new Map<string, TokenSource | undefined>();
const listeners = new Set<(gateway: string | undefined) => void>();
let settled = false;

/** Settles what is named and leaves the rest as it was. An address that is none is an error on the console. */
export function configure(configuration: Configuration): void {
  const { gateway } = configuration;
  const named = gateway && baseOf(gateway);
  if (gateway !== undefined && !named) return missing(gateway); // nor may a token meant for it go elsewhere
  const signsIn = "getToken" in configuration;
  if (!settled && (named || (signsIn && configured.gateway))) {
    settled = true;
    configured.gateway = named || configured.gateway;
  }
  if (signsIn) sources.set(named || configured.gateway || "", configuration.getToken);
  if ("locale" in configuration) configured.locale = configuration.locale;
  if ("labels" in configuration) configured.labels = configuration.labels;
  for (const listener of [...listeners]) listener(signsIn ? named || configured.gateway : undefined);
}

/** Told after each `configure`, with the gateway at which it changed what to sign in with. The result ends it. */
export function onConfigured(listener: (gateway: string | undefined) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** The gateway that served this script, which is meant where none is named until the page settles it. */
export function servedBy(gateway: string): void {
  if (!settled) configured.gateway = baseOf(gateway);
}

/** What the page gave to sign in with at a gateway, given as `baseOf` gives it; the source asked is the one given last. */
export async function tokenFor(gateway: string, options: { readonly renew: boolean }): Promise<string | undefined> {
  const unnamed = gateway === configured.gateway ? sources.get("") : undefined;
  const source = sources.has(gateway) ? sources.get(gateway) : unnamed;
  return (await source?.(options)) || undefined;
}

/** The base address of a gateway in its one form, with a slash at its end; undefined for what is none. */
export function baseOf(gateway: string | URL): string | undefined {
  try {
    const url = new URL(gateway, globalThis.location?.href);
    return /^https?:/.test(url.href) ? url.origin + url.pathname.replace(/\/*$/, "/") : undefined;
  } catch {
    return undefined;
  }
}

/** Says on the console that there is no gateway, or that what was named as one is none. */
export function missing(gateway: string | URL = "nothing"): void {
  console.error(`presence gateway: ${String(gateway)} is no address of a gateway: call configure({ gateway: "https://..." })`);
}
