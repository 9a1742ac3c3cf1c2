import type { FluentStatus } from "./fluent.ts";

/** The views of the page, in the order of the navigation. */
export const VIEWS = ["people", "wallboard", "operator"] as const;
export type ViewName = (typeof VIEWS)[number];

/** What people stand together by. */
export const GROUPINGS = ["team", "department", "none"] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** In which order people stand: by name, the most reachable first, or those longest in their state first. */
export const SORTS = ["name", "state", "since"] as const;
export type Sort = (typeof SORTS)[number];

/** The statuses in the order of how reachable someone is. */
export const STATUSES: readonly FluentStatus[] = ["available", "busy", "do-not-disturb", "away", "out-of-office", "offline", "unknown"];

/** Which people a view shows, and how they are ordered. */
export interface Choice {
  /** Words that must all occur in name, title or department. */
  readonly text: string;
  /** Statuses shown; none means all. */
  readonly statuses: ReadonlySet<FluentStatus>;
  /** Only people of this team (its id) or department (its name); empty means all. */
  readonly team: string;
  readonly department: string;
  /** Absent: by team where the gateway has teams, else by department. */
  readonly by?: Grouping;
  readonly sort: Sort;
}

/** Everyone, as the page begins. */
export const EVERYONE: Choice = { text: "", statuses: new Set(), team: "", department: "", sort: "name" };

/** Where a reader is: a view and what is chosen in it. */
export interface Place {
  readonly view: ViewName;
  readonly choice: Choice;
}

/**
 * Reads a place from an address's fragment, which browsers keep to themselves: no server learns whom a reader looks for.
 * What it does not know it leaves at what the page begins with, so that an old link still opens.
 */
export function readPlace(fragment: string): Place {
  const [name = "", query = ""] = fragment.replace(/^#/, "").split(/\?(.*)/s);
  const asked = new URLSearchParams(query);
  const by = known(GROUPINGS, asked.get("by"));
  const statuses = (asked.get("states") ?? "").split(",").flatMap((s) => known(STATUSES, s) ?? []);
  return {
    view: known(VIEWS, name) ?? "people",
    choice: {
      text: asked.get("text") ?? "",
      statuses: new Set(statuses),
      team: (asked.get("team") ?? "").toLowerCase(),
      department: asked.get("department") ?? "",
      sort: known(SORTS, asked.get("sort")) ?? "name",
      ...(by && { by }),
    },
  };
}

/** The fragment of a place, with its `#`; the same place always gives the same one. */
export function writePlace({ view, choice }: Place): string {
  const query = new URLSearchParams();
  if (choice.text.trim() !== "") query.set("text", choice.text.trim());
  if (choice.statuses.size > 0) query.set("states", STATUSES.filter((s) => choice.statuses.has(s)).join(","));
  if (choice.team !== "") query.set("team", choice.team);
  if (choice.department !== "") query.set("department", choice.department);
  if (choice.by !== undefined) query.set("by", choice.by);
  if (choice.sort !== "name") query.set("sort", choice.sort);
  const text = query.toString().replaceAll("%2C", ",");
  return `#${view}${text === "" ? "" : `?${text}`}`;
}

function known<T extends string>(all: readonly T[], value: string | null): T | undefined {
  return all.find((one) => one === value);
}
