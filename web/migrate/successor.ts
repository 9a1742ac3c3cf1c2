import { LOST, type Component } from "./toolkit.ts";

/** One attribute or property that an element is given, as its source writes it. */
export interface Given {
  readonly name: string;
  /** The whole of it, to be kept where it carries over. */
  readonly written: string;
  /** The value, where it is written out; absent where the name stands alone or the value is computed. */
  readonly value?: string;
  /** The code that computes it, in whole or in part. */
  readonly code?: string;
}

/** A toolkit's element as a source uses it. */
export interface Used {
  readonly component: Component;
  /** How the source is written: markup (of any template language), the toolkit's React components, or tags in JSX. */
  readonly style: "markup" | "react" | "jsx";
  readonly given: readonly Given[];
  readonly templates: readonly string[];
}

export interface Loss {
  readonly what: string;
  readonly why: string;
}

/** What becomes of a use. */
export interface Fate {
  /** Whether it shows presence; "perhaps" where that is computed. */
  readonly presence: boolean | "perhaps";
  /** A line that takes its place; absent where nothing of it is presence. */
  readonly becomes?: string;
  readonly lost: Loss[];
  /** What to make sure of. */
  readonly notes: string[];
}

/** What stands in an attribute's name beside the name, by the habits of lit, Vue, Angular and Svelte. */
const BINDING = /^(?:\.|\?|:|v-bind:|bind:|\[\(|\[attr\.|\[)?(.*?)(?:\.\w+)?(?:\)\]|\])?$/;
const EVENT = /^(?:@|v-on:|on:|\()(.+?)(?:\.\w+)*\)?$/;

/** An attribute's name as HTML has it, whatever binds it. */
function plain(name: string): string {
  const bare = EVENT.exec(name)?.[1] ?? BINDING.exec(name)?.[1] ?? name;
  const kebab = bare.replace(/([a-z0-9])([A-Z])/g, "$1-$2").toLowerCase();
  return kebab === "person-card-interaction" ? "person-card" : kebab;
}

const camel = (name: string) => name.replace(/-(\w)/g, (_, c: string) => c.toUpperCase());
const GUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;
const ADDRESS = /^[^\s@"'<>{}()$%]+@[^\s@"'<>{}()$%]+$/;
/** A value that a template language fills in when the page is made. */
const FILLED = /\{\{|\{%|<\?|<%|\$\{|^@[\w(]|^\{.*\}$/;

/** The parts of an element by their plain names, and the writing of a successor. */
class Writing {
  readonly kept: string[] = [];
  readonly lost: Loss[] = [];
  readonly notes: string[] = [];
  #given = new Map<string, Given>();

  constructor(readonly used: Used) {
    for (const g of used.given) this.#given.set(plain(g.name), g);
  }

  get(name: string): Given | undefined {
    return this.#given.get(name);
  }

  names(): Iterable<string> {
    return this.#given.keys();
  }

  /** Whether a value is known from the source alone. */
  known(g: Given): g is Given & { value: string } {
    return g.code === undefined && g.value !== undefined && !FILLED.test(g.value);
  }

  /** An attribute under another name, with the value it had. */
  renamed(g: Given, name: string): string {
    const own = this.used.style === "react" ? camel(name) : name;
    if (this.used.style !== "markup") return g.code === undefined ? `${own}="${g.value ?? ""}"` : `${own}={${g.code}}`;
    if (plain(g.name) === name) return g.written;
    const at = g.written.indexOf("=");
    const before = /^(?:[.?:]|v-bind:|\[(?:attr\.)?)/.exec(g.name)?.[0] ?? "";
    return before.startsWith("[") || before === "." || before === "?"
      ? `${before.startsWith("[") ? `[attr.${name}]` : name}${g.written.slice(at)}`
      : `${before}${name}${at < 0 ? "" : g.written.slice(at)}`;
  }

  /** A property of something that is computed. */
  member(g: Given, property: string, name: string): string | undefined {
    if (g.code === undefined) return undefined;
    const code = /^[\w$.?[\]]+$/.test(g.code) ? `${g.code}.${property}` : `(${g.code}).${property}`;
    if (this.used.style !== "markup") return `${this.used.style === "react" ? camel(name) : name}={${code}}`;
    if (g.written.includes("${")) return `${name}=\${${code}}`;
    if (g.name.startsWith("[")) return `[attr.${name}]="${code}"`;
    return g.name.startsWith(":") || g.name.startsWith("v-bind:") ? `:${name}="${code}"` : undefined;
  }

  lose(what: string, why: string): void {
    if (why !== "") this.lost.push({ what, why });
  }

  element(tag: string, attributes: readonly (string | undefined)[], inside = ""): string {
    const name = this.used.style === "react" ? tag.replace(/(^|-)(\w)/g, (_, __, c: string) => c.toUpperCase()) : tag;
    const words = [name, ...attributes.filter((a) => a !== undefined), ...this.kept].join(" ");
    return inside === "" && this.used.style !== "markup" ? `<${words} />` : `<${words}>${inside}</${name}>`;
  }
}

const OURS = new Set(["user-id", "person-query", "show-presence", "avatar-size", "view", "person-image", "updated", "group-id", "user-ids", "people-queries", "show-max"]);
const NOTHING = "there is no such component: place a badge in what you put in its stead";

/** What becomes of an element of the toolkit. */
export function successor(used: Used): Fate {
  const w = new Writing(used);
  const presence = shows(w.get("show-presence"));
  const pictured = used.component === "person" && w.get("person-image") === undefined;
  for (const name of w.names()) {
    const g = w.get(name)!;
    if (/^line[1-4]clicked$/.test(name)) w.lose(g.name, "the badge draws no text: listen on your own");
    else if (name in LOST) w.lose(g.written, LOST[name]!);
    else if (!OURS.has(name)) w.kept.push(g.written);
  }
  for (const template of used.templates) w.lose(`template "${template}"`, "templates: write your own markup around the badge, and read its `presence` and presence-change");
  const whole = (becomes: string | undefined): Fate => ({ presence, ...(becomes !== undefined && { becomes }), lost: w.lost, notes: w.notes });

  if (presence === false && (used.component === "person" || used.component === "people")) {
    w.notes.push("it shows no presence, so that no badge takes its place; what it drew is your page's to draw");
    return whole(undefined);
  }
  if (presence === "perhaps") w.notes.push("whether presence is shown is computed: draw the badge, or do not, by the same condition");
  switch (used.component) {
    case "person": {
      const view = w.get("view");
      if (view !== undefined && !(w.known(view) && /^(image|avatar)$/i.test(view.value))) w.lose(view.written, "the badge draws no text: write the name beside it");
      if (pictured && w.get("avatar-type") === undefined) w.lose("the photo", "put your own <img> inside the badge, which then sits at its corner");
      return whole(person(w));
    }
    case "people":
      return whole(people(w));
    default:
      w.lose(`mgt-${used.component}`, NOTHING);
      return whole(undefined);
  }
}

function shows(g: Given | undefined): Fate["presence"] {
  if (g === undefined || g.code === "false") return false;
  return g.code === undefined || g.code === "true" ? true : "perhaps";
}

/** A badge for a `mgt-person`; undefined where nothing says whose. */
function person(w: Writing): string | undefined {
  const updated = w.get("updated");
  if (updated !== undefined) w.notes.push(`${updated.name}: the badge fires presence-change when the state does (detail: the presence)`);
  const image = w.get("person-image");
  const inside = image === undefined ? "" : picture(w, image);
  const who = whose(w);
  // Around a picture the badge is as large as the toolkit's: more than a quarter of it.
  return who && w.element("presence-badge", [who, image === undefined ? size(w.get("avatar-size"), w) : undefined], inside);
}

function picture(w: Writing, image: Given): string {
  const src = w.used.style === "markup" ? (w.renamed(image, "src")) : image.code === undefined ? `src="${image.value ?? ""}"` : `src={${image.code}}`;
  return w.used.style === "markup" ? `<img ${src} alt="">` : `<img ${src} alt="" />`;
}

/** The attribute that says whose presence it is. */
function whose(w: Writing): string | undefined {
  const [id, query, details] = [w.get("user-id"), w.get("person-query"), w.get("person-details")];
  if (id !== undefined) {
    if (!w.known(id)) w.notes.push("user-id must be the person's object id; for an address use person-query");
    else if (id.value === "me") return me(w, id);
    else if (ADDRESS.test(id.value)) return w.renamed(id, "person-query");
    else if (!GUID.test(id.value)) {
      w.lose(id.written, "it is neither an object id nor an address");
      return undefined;
    }
    return w.renamed(id, "user-id");
  }
  if (query !== undefined) {
    if (!w.known(query)) w.notes.push("person-query must be an e-mail address: names are not searched for");
    else if (query.value === "me") return me(w, query);
    else if (!ADDRESS.test(query.value)) {
      w.lose(query.written, "names are not searched for: give the person's object id as user-id, or their address as person-query");
      return undefined;
    }
    return w.renamed(query, "person-query");
  }
  if (details !== undefined) {
    const id = w.member(details, "id", "user-id");
    if (id === undefined) w.notes.push("give the badge the id of these details as user-id");
    return id ?? unsaid(w);
  }
  w.notes.push("nothing here says whose presence it is: set user-id where this element is given its person");
  return unsaid(w);
}

/** For the writer to fill in. */
function unsaid(w: Writing): string {
  return w.used.style === "react" ? 'userId="…"' : 'user-id="…"';
}

function me(w: Writing, g: Given): string {
  w.lose(g.written, "a page says who its reader is: give the object id from the sign-in (oid of the ID token, localAccountId of MSAL) as user-id");
  return unsaid(w);
}

/** Fluent's badge for the toolkit's avatar: tiny beside a small one (24 px), medium, which is what a badge is, beside a large one (56 px). */
function size(g: Given | undefined, w: Writing): string | undefined {
  if (g === undefined) return undefined;
  if (!w.known(g)) {
    w.lose(g.written, "size takes Fluent's names for badges: tiny beside an avatar of 24 px, medium (16 px) beside one of 56 px");
    return undefined;
  }
  return g.value === "small" ? 'size="tiny"' : undefined;
}

/** A list for a `mgt-people`, or a badge for each whom it names. */
function people(w: Writing): string | undefined {
  const [group, ids, queries, most] = [w.get("group-id"), w.get("user-ids"), w.get("people-queries"), w.get("show-max")];
  if (group !== undefined) {
    w.notes.push("the gateway must watch this group (watch.groups) and a rule must allow it");
    return w.element("presence-list", [w.renamed(group, "group-id"), most && w.renamed(most, "limit")]);
  }
  if (most !== undefined) w.lose(most.written, "a badge for each is shown: leave out, or count, the rest yourself");
  const [some, name] = ids !== undefined ? [ids, "user-id"] : [queries, "person-query"];
  if (some === undefined) {
    w.notes.push("nothing here says who they are: make a badge for each, or name a group");
    return undefined;
  }
  if (w.known(some)) {
    const each = some.value.split(",").map((v) => v.trim().replace(/^["']|["']$/g, "")).filter(Boolean);
    const named = each.filter((v) => (name === "user-id" ? GUID : ADDRESS).test(v));
    for (const v of each) if (!named.includes(v)) w.lose(v, "it is neither an object id nor an address");
    return named.length > 0 ? named.map((v) => w.element("presence-badge", [`${w.used.style === "react" ? camel(name) : name}="${v}"`])).join(" ") : undefined;
  }
  w.notes.push("make a badge for each of them");
  if (w.used.style !== "markup" && some.code !== undefined) {
    const own = w.used.style === "react" ? camel(name) : name;
    return `{${some.code}.map((who) => ${w.element("presence-badge", [`key={who} ${own}={who}`])})}`;
  }
  return w.element("presence-badge", [`${name}="…"`]);
}
