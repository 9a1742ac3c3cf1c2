/** What Microsoft Graph Toolkit 2, 3 and 4 offered, by its published packages up to 4.6.0, as far as presence goes. */

/** The components that draw people, by the ends of their tags. */
export const COMPONENTS = ["person", "people", "person-card", "people-picker", "login"] as const;
export type Component = (typeof COMPONENTS)[number];

/** The same by their names in `@microsoft/mgt-react`. */
export const REACT: Readonly<Record<string, Component>> = {
  Person: "person",
  People: "people",
  PersonCard: "person-card",
  PeoplePicker: "people-picker",
  Login: "login",
};

/** Their classes, in `@microsoft/mgt-components`. */
export const CLASSES: Readonly<Record<string, Component>> = {
  MgtPerson: "person",
  MgtPeople: "people",
  MgtPersonCard: "person-card",
};

const TAG = /^mgt-(?:([a-z0-9][a-z0-9-]*?)-)?(person-card|people-picker|person|people|login)$/;

/** A tag of the toolkit, and the word that `customElementHelper.withDisambiguation` put into it. */
export function componentOf(tag: string): { component: Component; prefix?: string } | undefined {
  const found = TAG.exec(tag.toLowerCase());
  if (found === null) return undefined;
  return { component: found[2] as Component, ...(found[1] !== undefined && { prefix: found[1] }) };
}

/** Whether a module is the toolkit's: `@microsoft/mgt`, `@microsoft/mgt-react`, `@microsoft/mgt-spfx` and so on, or within. */
export function isToolkit(module: string): boolean {
  return /^@microsoft\/mgt(-[a-z0-9-]+)?(\/.*)?$/.test(module);
}

/** Whether a module gives React components of the toolkit. */
export function isReact(module: string): boolean {
  return /^@microsoft\/mgt-react(\/.*)?$/.test(module);
}

/** What reads presence by itself, and what takes its place. `PresenceService` never left the toolkit's pre-releases. */
export const READERS: Readonly<Record<string, string>> = {
  getUserPresence: "watch the person with a Client of the npm package, or read GET /v1/presences/{id}",
  getUsersPresenceByPeople: "watch the people with a Client of the npm package, or read POST /v1/presences/query",
  PresenceService: "watch each person with a Client of the npm package, which pushes; register and unregister become watch and the function it returns",
  PresenceAwareComponent: "a listener given to Client.watch; presenceId is its first argument, onPresenceChange its second",
};

/** Properties that only the toolkit's people have, whatever they hang on. */
export const PROPERTIES: ReadonlySet<string> = new Set([
  "personQuery", "personPresence", "personDetails", "personImage", "personCardInteraction", "showPresence", "fetchImage", "disableImageFetch",
  "fallbackDetails", "avatarType", "verticalLayout", "line1Property", "line2Property", "line3Property", "line4Property", "peopleQueries",
]);

export const EVENTS: ReadonlySet<string> = new Set(["line1clicked", "line2clicked", "line3clicked", "line4clicked"]);

const LINES = [1, 2, 3, 4].flatMap((n) => ["font-size", "font-weight", "text-color", "text-transform", "text-line-height"].map((p) => `--person-line${n}-${p}`));
const PAGE_TEXT = "the badge draws no text: style your own";
const PAGE_AVATAR = "the badge draws no picture: style the avatar that you put inside it";

/** CSS custom properties, and what becomes of each. */
export const STYLES: ReadonlyMap<string, { readonly same: boolean; readonly why: string }> = new Map([
  ["--presence-background-color", { same: true, why: "" }],
  ["--presence-icon-color", { same: true, why: "" }],
  ...[...LINES, "--person-details-spacing", "--person-details-left-spacing", "--person-details-bottom-spacing", "--person-details-wrapper-width"].map(
    (name) => [name, { same: false, why: PAGE_TEXT }] as const,
  ),
  ...["--person-avatar-size", "--person-avatar-border", "--person-avatar-border-radius", "--person-avatar-top-spacing", "--person-initials-text-color", "--person-initials-background-color"].map(
    (name) => [name, { same: false, why: PAGE_AVATAR }] as const,
  ),
  ...["--person-background-color", "--person-background-border-radius", "--person-border-radius"].map(
    (name) => [name, { same: false, why: "the badge has no box of its own: style the element around it" }] as const,
  ),
  ["--person-presence-wrapper-bottom", { same: false, why: "the badge puts itself at the corner of what you put inside it" }],
  ...["--people-list-margin", "--people-list-margin-", "--people-avatar-gap", "--people-person-avatar-size"].map(
    (name) => [name, { same: false, why: "style the parts of presence-list: list, person, name and badge" }] as const,
  ),
  ...["--people-overflow-font-color", "--people-overflow-font-size", "--people-overflow-font-weight"].map(
    (name) => [name, { same: false, why: "presence-list counts the rest in its part `more`: style that" }] as const,
  ),
]);

/** Why an attribute that cannot be carried over cannot, by its name in HTML. */
export const LOST: Readonly<Record<string, string>> = {
  "person-presence": "the gateway gives the state, and the page reads it from the badge (property `presence`, event presence-change); it cannot be set",
  "person-details": "the badge draws no name: write it beside the badge",
  "fallback-details": "the badge draws no name: write it beside the badge",
  "fetch-image": "",
  "disable-image-fetch": "",
  "avatar-type": "initials: put your own avatar inside the badge, which then sits at its corner",
  "person-card": "no card opens: show your own on click or focus of the element around the badge",
  "line1-property": "the badge draws no text: write it beside the badge",
  "line2-property": "the badge draws no text: write it beside the badge",
  "line3-property": "the badge draws no text: write it beside the badge",
  "line4-property": "the badge draws no text: write it beside the badge",
  "vertical-layout": "the badge draws no text: lay yours out with your own styles",
  usage: "",
  people: "give each person's id to a badge of their own",
  resource: "no Graph query: name a group, or give each id to a badge of its own",
  version: "",
  scopes: "",
  "template-context": "templates: write your own markup around the badge",
  "template-rendered": "templates: write your own markup around the badge",
};
