import type { Loss } from "./successor.ts";

/** What sort of use was found. */
export type Kind = "element" | "call" | "import" | "property" | "event" | "selector" | "style" | "permission" | "package";

/** One use of the toolkit, at an offset of its file. */
export interface Found {
  readonly kind: Kind;
  readonly offset: number;
  /** The toolkit's name for it: a tag, a function, a custom property. */
  readonly name: string;
  /** The source itself. */
  readonly source: string;
  /** Of elements: whether presence is shown. */
  readonly presence?: boolean | "perhaps";
  readonly becomes?: string;
  readonly lost: readonly Loss[];
  readonly notes: readonly string[];
}

/** What was found in one file, or in one part of it. */
export interface Finds {
  readonly found: Found[];
  /** Other components of the toolkit, by tag or name, which are no business of presence. */
  readonly others: string[];
  /** Words given to `customElementHelper.withDisambiguation`. */
  readonly prefixes: string[];
}

export function nothing(): Finds {
  return { found: [], others: [], prefixes: [] };
}

/** A find that is told in a sentence: what takes its place, and nothing else. */
export function simple(kind: Kind, offset: number, name: string, source: string, says: { becomes?: string; why?: string; note?: string }): Found {
  return {
    kind,
    offset,
    name,
    source,
    ...(says.becomes !== undefined && { becomes: says.becomes }),
    lost: says.why ? [{ what: name, why: says.why }] : [],
    notes: says.note === undefined ? [] : [says.note],
  };
}

/** The right to read presence, which pages held for the toolkit and need no longer. */
export const PERMISSION = /\bpresence\.read(?:\.all)?\b/i;

export function permission(offset: number, name: string, source: string): Found {
  return simple("permission", offset, name, source, {
    why: "the page reads no presence from Graph any more: the gateway does, with its own permission; take this one away from the page's registration once nothing else needs it",
  });
}
