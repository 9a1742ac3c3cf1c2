/** The page of `GET /`: people by department, live, with an honest word on how live. */
import { clientFor } from "./clients.ts";
import { Counts } from "./counts.ts";
import { bare, readDirectory, type Directory } from "./directory.ts";
import { Door } from "./door.ts";
import { byId, make, setText } from "./dom.ts";
import { face } from "./face.ts";
import { glyphStyles } from "./glyph.ts";
import { Navigation } from "./navigation.ts";
import { Notice } from "./notice.ts";
import type { Operator } from "./operator.ts";
import { Panel } from "./panel.ts";
import { People } from "./people.ts";
import { Roster } from "./roster.ts";
import { readSettings } from "./settings.ts";
import { SignIn } from "./sign-in.ts";

const gateway = new URL("./", location.href).href;
/** Who this page is, once the gateway has said how that is told. */
let signIn: SignIn | undefined;
const client = clientFor(gateway, async (options) => signIn?.token(options));
const roster = new Roster();

const sheet = new CSSStyleSheet();
sheet.replaceSync(glyphStyles);
document.adoptedStyleSheets = [sheet];

// Headings stick below the tools, whatever height those wrap to.
new ResizeObserver(([entry]) => {
  document.documentElement.style.setProperty("--tools", `${entry!.target.getBoundingClientRect().height}px`);
}).observe(byId("tools"));

const search = byId<HTMLInputElement>("search");
const empty = byId("empty");

let directory: Directory | undefined;
let panel: Panel | undefined;
/** Whether everyone is being watched. */
let begun = false;

const notice = new Notice(byId("link"), byId("notice"), () => client.nudge(true));
const counts = new Counts(byId("counts"), () => select());
const people = new People(byId("people"), {
  face: (id) => face(client.view(id)),
  available: (department) => roster.available(department),
  onOpen: (id) => {
    const person = roster.person(id);
    if (person !== undefined) panel?.show(person, client.view(id));
  },
});

/** Ids whose view changed since the page was last drawn. */
const dirty = new Set<string>();
let frame = 0;

client.onStatus(() => {
  drawStatus();
  frame ||= requestAnimationFrame(draw);
});
setInterval(() => document.visibilityState === "visible" && drawStatus(), 1000);

const navigation = new Navigation(byId("views"), () => look());
let operator: Operator | undefined;
/** Whether whoever is here may see the operator's view. */
let operates = false;

const door = new Door(byId("door"), byId<HTMLButtonElement>("account"), () => begin());
void arrive();
drawStatus();

/** Learns how one signs in here, and goes on as far as that allows. */
async function arrive(): Promise<void> {
  const settings = await readSettings(gateway);
  if (settings === undefined) {
    setTimeout(() => void arrive(), REREAD);
    return;
  }
  byId("demo").hidden = !settings.demo;
  setText(byId("foot"), settings.version === "" ? "Presence Gateway" : `Presence Gateway ${settings.version}`);
  panel = new Panel({ gateway, demo: settings.demo, onClose: (id) => people.focus(id) });
  signIn = new SignIn(settings.signIn);
  if (await signIn.arrive()) begin();
}

/** Shows the view that the address names, of those that whoever is here may see. */
function look(): void {
  const { view } = navigation.place;
  const open = signIn?.open === true;
  const operating = open && operates && view === "operator";
  byId("views").hidden = !open || !operates;
  byId("people-view").hidden = operating;
  byId("operator").hidden = !operating;
  if (operating) void showOperator();
  else operator?.hide();
}

async function showOperator(): Promise<void> {
  if (operator === undefined) {
    const { Operator } = await import("./operator.ts");
    operator ??= new Operator(byId("operator"), { gateway, get: signIn!.fetch });
  }
  if (!byId("operator").hidden) operator.show();
}

/** Learns from the gateway whether whoever is here operates it: nothing is asked that it would refuse. */
async function offerOperator(): Promise<void> {
  const settings = signIn!.open ? await readSettings(gateway, signIn!.fetch) : undefined;
  operates = settings?.demo === true || settings?.operator === true;
  navigation.offer("operator", operates);
  look();
}

/** The gateway lets this page in no longer: what was shown goes, and the way in comes. */
function shut(): void {
  door.shut(signIn!);
  directory = undefined;
  roster.replace([]);
  people.renew();
  select();
  look();
}

/** Watches everyone, where somebody is signed in or need not be. */
function begin(): void {
  door.draw(signIn!);
  if (signIn!.open && begun) client.nudge(true); // it may have been refused before
  drawStatus();
  void offerOperator();
  if (!signIn!.open) return;
  void loadDirectory();
  if (begun) return;
  begun = true;
  client.watchEveryone((ids) => {
    for (const id of ids) dirty.add(id);
    // A hidden page draws no frames; the ids wait until it is seen again.
    frame ||= requestAnimationFrame(draw);
  });
}

/** How long a directory read stands before newcomers or a failure cause another, in milliseconds. */
const REREAD = 3000;
let readAt = -Infinity;
let rereading: ReturnType<typeof setTimeout> | undefined;

async function loadDirectory(): Promise<void> {
  rereading = undefined;
  readAt = performance.now();
  const read = await readDirectory(gateway, signIn?.fetch);
  if (door.open) return;
  // A directory that cannot be read now does not undo one that was.
  if (read.people !== undefined || directory?.people === undefined) directory = read;
  if (read.people === undefined && read.reason === "away") reload();
  enroll();
}

function reload(): void {
  rereading ??= setTimeout(() => void loadDirectory(), Math.max(1000, readAt + REREAD - performance.now()));
}

/** Puts on the page who is in the directory, and whoever else the gateway names. */
function enroll(): void {
  const listed = directory?.people ?? [];
  const known = new Set(listed.map((p) => p.id));
  const others = [...client.ids()].filter((id) => !known.has(id)).map(bare);
  roster.replace([...listed, ...others]);
  people.renew();
  for (const id of client.ids()) roster.setStatus(id, face(client.view(id)).status);
  dirty.clear();
  select();
}

function draw(): void {
  frame = 0;
  let newcomers = false;
  let moved = false;
  for (const id of dirty) {
    const view = client.view(id);
    const known = view.presence !== undefined || view.absence !== undefined;
    if (!roster.has(id)) newcomers ||= known;
    else if (!known && directory?.people?.some((p) => p.id === id) !== true) moved = newcomers = true;
    else moved = roster.setStatus(id, face(view).status) || moved;
  }
  const changed = [...dirty];
  dirty.clear();
  if (newcomers) {
    // The directory may know the newcomers by now; one that never answered is asked by its own timer.
    if (directory?.people !== undefined) reload();
    if (directory !== undefined) enroll();
  } else if (moved) {
    counts.draw((status) => roster.count(status));
    if (counts.chosen.size > 0) select();
    else people.count();
  }
  people.update(changed);
  if (panel?.open !== undefined) panel.draw(client.view(panel.open));
  drawEmpty();
}

/** Shows whom the search and the chosen statuses leave. */
function select(): void {
  counts.draw((status) => roster.count(status));
  const sections = roster.sections({ text: search.value, statuses: counts.chosen });
  people.show(sections);
  shown = sections.length > 0;
  drawEmpty();
}

let shown = false;

function drawStatus(): void {
  const { status } = client;
  if (status.state === "signed-out" && !door.open) shut();
  byId("link").hidden = door.open;
  byId("notice").hidden = door.open;
  notice.draw(status, roster.size > 0);
  // Numbers made of states only last known must not look current either.
  document.body.classList.toggle("last-known", status.state !== "live" && status.state !== "connecting");
  if (panel?.open !== undefined) panel.draw(client.view(panel.open));
  drawEmpty();
}

/** A list without people says why, and what would help. */
function drawEmpty(): void {
  const [title, text] = shown || door.open ? ["", ""] : reason();
  byId("tools").hidden = roster.size === 0;
  empty.hidden = title === "";
  if (empty.dataset.title === title) return;
  empty.dataset.title = title;
  const clear = make("button", "again", "Show everyone");
  clear.type = "button";
  clear.addEventListener("click", () => {
    search.value = "";
    counts.clear();
    select();
    search.focus();
  });
  empty.replaceChildren(make("h2", "", title), make("p", "", text), ...(roster.size > 0 ? [clear] : []));
}

function reason(): [title: string, text: string] {
  const { state, reason, refused } = client.status;
  if (roster.size > 0) return ["No one matches", "Nobody here fits the search and the states chosen."];
  if (reason === "forbidden" || state === "signed-out" || refused === "forbidden" || refused === "unauthenticated") {
    return ["Not for this page to see", "The gateway’s policy shows presences only to callers it knows. Whoever runs it can allow this page under gateway.policy."];
  }
  if (state === "offline") return ["The gateway is away", "This page shows people as soon as it answers. Nothing has to be reloaded."];
  if (!client.complete || directory === undefined) return ["Getting everyone together…", "Waiting for the gateway’s first answer."];
  return ["Nobody to show", "The gateway watches no one whom this page may see. Whoever runs it names people under watch, and who may see them under gateway.policy."];
}

search.addEventListener("input", () => select());
addEventListener("keydown", (event) => {
  if (event.key === "/" && !(event.target instanceof HTMLInputElement) && panel?.open === undefined) {
    event.preventDefault();
    search.focus();
    search.select();
  } else if (event.key === "Escape" && event.target === search && search.value !== "") {
    search.value = "";
    select();
  }
});
