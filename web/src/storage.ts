/** The part of a browser's storage that the page uses. */
export type Kept = Pick<Storage, "getItem" | "setItem" | "removeItem">;

/** Storage by its name. A browser may refuse a page its storage; what is kept then lasts as long as the page. */
export function storage(name: "sessionStorage" | "localStorage"): Kept {
  try {
    return globalThis[name];
  } catch {
    const kept = new Map<string, string>();
    return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) };
  }
}
