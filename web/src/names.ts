import type { tokenFor } from "./configure.ts";

/** Parts of an answer read at most, so that a gateway that never ends one cannot hold the page. */
const PARTS = 100;

/** Who is in a group by the gateway's directory: the group's own name under its id, those of people under theirs. */
export type Names = ReadonlyMap<string, string>;

/** Reads the names of a group's people, signed in as `tokenOf` says; undefined where the gateway does not tell them now. */
export async function readNames(gateway: string, group: string, tokenOf: typeof tokenFor): Promise<Names | undefined> {
  const names = new Map<string, string>();
  const url = new URL("v1/directory", gateway);
  url.searchParams.set("groups", group);
  let renew = false;
  for (let part = 0; part < PARTS; part++) {
    try {
      const token = await tokenOf(gateway, { renew });
      const response = await fetch(url, token ? { headers: { authorization: `Bearer ${token}` } } : {});
      if (response.status === 401 && token && !renew) {
        renew = true;
        continue;
      }
      if (!response.ok) return undefined;
      const { people, groups, next } = await response.json();
      for (const { id, displayName } of [...(groups ?? []), ...(people ?? [])]) if (id && displayName) names.set(id, displayName);
      if (!next) break;
      url.searchParams.set("next", next);
    } catch {
      return undefined;
    }
  }
  return names;
}
