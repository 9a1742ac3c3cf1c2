/** One person of the directory. Only the id is certain. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly title: string;
  readonly department: string;
  /** Ids of the groups they are in, of those the caller may see. */
  readonly groups: readonly string[];
}

/** A group that the gateway watches: a team. */
export interface Group {
  readonly id: string;
  readonly name: string;
}

/** The directory as read: people, or why there are none. */
export type Directory =
  | { readonly people: readonly Person[]; readonly groups: readonly Group[] }
  | { readonly people: undefined; readonly reason: "none" | "forbidden" | "away" };

/** Parts of a directory read at most, so that a gateway that never ends one cannot hold the page. */
const PARTS = 1000;

/** Reads who may be seen. A gateway without a directory, or one that refuses it, is an answer, not an error. */
export async function readDirectory(gateway: string, get: typeof fetch = fetch): Promise<Directory> {
  const people: Person[] = [];
  let groups: readonly Group[] = [];
  const first = new URL("v1/directory", gateway);
  let url = first;
  for (let part = 0; part < PARTS; part++) {
    let json: unknown;
    try {
      const response = await get(url, { headers: { accept: "application/json" } });
      if (response.status === 401 || response.status === 403) return { people: undefined, reason: "forbidden" };
      if (!response.ok) return { people: undefined, reason: response.status >= 500 ? "away" : "none" };
      json = await response.json();
    } catch {
      return { people: undefined, reason: "away" };
    }
    const { people: list, groups: teams, next } = (json ?? {}) as { people?: unknown; groups?: unknown; next?: unknown };
    if (part === 0 && Array.isArray(teams)) groups = teams.flatMap(group);
    if (Array.isArray(list)) for (const p of list) people.push(...person(p));
    if (typeof next !== "string" || next === "") break;
    // `next` is an address of the same gateway, or the value that asks for the next part.
    if (/^[/?]|^https?:/.test(next)) url = new URL(next, first);
    else {
      url = new URL(first);
      url.searchParams.set("next", next);
    }
    if (url.origin !== first.origin) break;
  }
  return { people, groups };
}

function person(json: unknown): Person[] {
  const p = (json ?? {}) as Record<string, unknown>;
  if (typeof p.id !== "string") return [];
  const id = p.id.toLowerCase();
  const groups = Array.isArray(p.groups) ? p.groups.filter((g) => typeof g === "string").map((g) => g.toLowerCase()) : [];
  return [{ id, name: text(p.displayName) || nameless(id), title: text(p.jobTitle), department: text(p.department), groups }];
}

function group(json: unknown): Group[] {
  const g = (json ?? {}) as Record<string, unknown>;
  if (typeof g.id !== "string") return [];
  const id = g.id.toLowerCase();
  return [{ id, name: text(g.displayName) || nameless(id) }];
}

/** Someone of whom only the id is known. */
export function bare(id: string): Person {
  return { id, name: nameless(id), title: "", department: "", groups: [] };
}

function nameless(id: string): string {
  return id.slice(0, 8) + "…";
}

function text(v: unknown): string {
  return typeof v === "string" ? v : "";
}
