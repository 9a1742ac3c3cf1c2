/** The page of `GET /`: people and how they are, live, with an honest word on how live. */
import type { ViewName } from "./address.ts";
import { Attendance } from "./attendance.ts";
import { Bookmarks } from "./bookmarks.ts";
import { clientFor } from "./clients.ts";
import { configure } from "./configure.ts";
import { Door } from "./door.ts";
import { byId, make, setText } from "./dom.ts";
import { Empty } from "./empty.ts";
import { face } from "./face.ts";
import { glyphStyles } from "./glyph.ts";
import { Course } from "./course.ts";
import { Navigation } from "./navigation.ts";
import { Notice } from "./notice.ts";
import type { Operator } from "./operator.ts";
import { Panel } from "./panel.ts";
import { People } from "./people.ts";
import { Release } from "./release.ts";
import { Roster } from "./roster.ts";
import { SavedViews } from "./saved.ts";
import { readSettings, type Settings } from "./settings.ts";
import { Shortcuts } from "./shortcuts.ts";
import { SignIn } from "./sign-in.ts";
import { storage } from "./storage.ts";
import { Throttle } from "./throttle.ts";
import { Toolbar } from "./toolbar.ts";
import { Voice } from "./voice.ts";
import { Waiting } from "./waiting.ts";
import { Wallboard } from "./wallboard.ts";

const gateway = new URL("./", location.href).href;
/** What the gateway says of itself, and who this page is to it, once it has answered. */
let settings: Settings | undefined;
let signIn: SignIn | undefined;
let panel: Panel | undefined;
let operator: Operator | undefined;
/** Whether whoever is here may see the operator's view. */
let operates = false;
let release: Release | undefined;

configure({ gateway, getToken: async (options) => signIn?.token(options) });
const client = clientFor();
const roster = new Roster();
const voice = new Voice(byId("voice"));

const sheet = new CSSStyleSheet();
sheet.replaceSync(glyphStyles);
document.adoptedStyleSheets = [sheet];

// Headings stick below the tools, whatever height those wrap to.
new ResizeObserver(([entry]) => {
  document.documentElement.style.setProperty("--tools", `${entry!.target.getBoundingClientRect().height}px`);
}).observe(byId("tools"));

const notice = new Notice(byId("link"), byId("notice"), { again: () => client.nudge(true), say: (text) => voice.say(text) });
const navigation = new Navigation(byId("views"), () => look());
const toolbar = new Toolbar({
  roster,
  onChoose: (choice, typing) => navigation.go({ ...navigation.place, choice }, { replace: typing }),
});
const bookmarks = new Bookmarks({
  saved: new SavedViews(storage("localStorage")),
  place: () => location.hash,
  say: (text) => voice.say(text),
});
byId("arrange").append(bookmarks.element);
byId("arrange").after(new Course(roster, () => client.status).element);
const empty = new Empty(byId("empty"), () => {
  toolbar.clear();
  toolbar.focus();
});
const people = new People(byId("people"), {
  face: (id) => face(client.view(id)),
  available: (section) => roster.available(section),
  waits: (id) => waiting.bell.waitsFor(id),
  onOpen: open,
});
// Whoever was shown only because they had the focus goes with it.
byId("people").addEventListener("focusout", () => navigation.place.choice.statuses.size > 0 && selecting.soon());
const waiting = new Waiting({
  client,
  person: (id) => roster.person(id),
  open,
  say: (text) => voice.say(text),
  onChange: () => {
    people.mark();
    drawPanel();
  },
});
const wallboard = new Wallboard({
  face: (id) => face(client.view(id)),
  available: (section) => roster.available(section),
  onLeave: () => navigation.go({ ...navigation.place, view: "people" }),
});
const attendance = new Attendance({
  gateway,
  client,
  roster,
  onPeople: () => {
    toolbar.offer();
    look();
    // Only now can the names of those waited for be told.
    if (attendance.named) waiting.bell.restore();
  },
  onStates: draw,
  onChange: (id, status) => voice.changed(id, status),
});
const door = new Door(byId("door"), byId<HTMLButtonElement>("account"), () => begin());
const selecting = new Throttle(() => select());

const shortcuts = new Shortcuts({
  kept: storage("localStorage"),
  onSpeak: (wanted) => (voice.changes = wanted),
  shortcuts: [
    { key: "/", does: "Search people", act: () => enter("people", () => toolbar.focus()) },
    { key: "p", does: "People", act: () => enter("people") },
    { key: "w", does: "Wallboard, of those shown", act: () => enter("wallboard") },
    { key: "o", does: "Operator’s view, for operators", act: () => operates && enter("operator") },
    { key: "ArrowUp", does: "Go from person to person; on the wallboard, from page to page" },
    { key: "Enter", does: "Show a person close up" },
    { key: "b", does: "Tell me when the person with the focus is free", act: () => void (people.focused && waiting.toggle(people.focused)) },
    { key: " ", does: "On the wallboard: stop turning pages, or go on" },
    { key: "Escape", does: "Close, clear the search, or leave the wallboard" },
    { key: "?", does: "This list", act: () => shortcuts.show() },
  ],
});
byId("reload").addEventListener("click", () => location.reload());
byId("keys").addEventListener("click", () => shortcuts.show());

client.onStatus(() => drawStatus());
setInterval(() => document.visibilityState === "visible" && drawStatus(), 1000);
void arrive();
drawStatus();

/** Learns how one signs in here, and goes on as far as that allows. */
async function arrive(): Promise<void> {
  settings = await readSettings(gateway);
  if (settings === undefined) {
    setTimeout(() => void arrive(), 3000);
    return;
  }
  release = new Release(settings.version, async () => (await readSettings(gateway))?.version);
  byId("demo").hidden = !settings.demo;
  setText(byId("foot"), settings.version === "" ? "Presence Gateway" : `Presence Gateway ${settings.version}`);
  panel = new Panel({
    gateway,
    demo: settings.demo,
    say: (text) => voice.say(text),
    waits: (id) => waiting.bell.waitsFor(id),
    onWait: (id) => void waiting.toggle(id),
    onClose: (id) => people.focus(id),
  });
  signIn = new SignIn(settings.signIn);
  if (await signIn.arrive()) begin();
}

/** Watches everyone, where somebody is signed in or need not be. */
function begin(): void {
  door.draw(signIn!);
  if (signIn!.open) {
    client.nudge(true); // it may have been refused before
    attendance.begin(signIn!.fetch);
  } else waiting.bell.clear();
  drawStatus();
  look();
  void offerOperator();
}

/** The gateway lets this page in no longer: what was shown goes, and the way in comes. */
function shut(): void {
  door.shut(signIn!);
  attendance.end();
  waiting.bell.clear();
  operates = false;
  look();
}

/** Opens a view with the same people chosen. */
function enter(view: ViewName, then?: () => void): void {
  if (signIn?.open !== true) return;
  navigation.go({ ...navigation.place, view });
  then?.();
}

/** Shows the view that the address names, of those that whoever is here may see. */
function look(): void {
  const { view, choice } = navigation.place;
  const open = signIn?.open === true;
  const operating = open && operates && view === "operator";
  const walling = open && roster.size > 0 && view === "wallboard";
  byId("views").hidden = !open;
  byId("people-view").hidden = operating || walling;
  byId("operator").hidden = !operating;
  document.body.classList.toggle("walled", walling);
  if (operating) void showOperator();
  else operator?.hide();
  if (walling) wallboard.show();
  else wallboard.hide();
  toolbar.show(choice);
  select();
  drawStatus();
}

async function showOperator(): Promise<void> {
  if (operator === undefined) {
    const loaded = await import("./operator.ts").catch(() => undefined);
    if (loaded === undefined) return void byId("operator").replaceChildren(outdated());
    operator ??= new loaded.Operator(byId("operator"), { gateway, get: signIn!.fetch });
  }
  if (!byId("operator").hidden) operator.show();
}

/** Part of the page cannot be had: the gateway is away, or of another version by now, which has other files. */
function outdated(): HTMLElement {
  const again = make("button", "again", "Reload the page");
  again.type = "button";
  again.addEventListener("click", () => location.reload());
  const text = "The gateway does not have this view’s part of the page. It may be away, or have been upgraded since the page was opened.";
  return make("div", "empty", make("h2", "", "This view cannot be loaded"), make("p", "", text), again);
}

/** Learns from the gateway whether whoever is here operates it: nothing is asked that it would refuse. */
async function offerOperator(): Promise<void> {
  const told = signIn!.open ? await readSettings(gateway, signIn!.fetch) : undefined;
  operates = told?.demo === true || told?.operator === true;
  navigation.offer("operator", operates);
  look();
}

/** Shows someone close up. */
function open(id: string): void {
  const person = roster.person(id);
  if (person !== undefined) panel?.show(person, client.view(id));
}

/** Draws people again; lists in which they may now stand elsewhere follow at a pace that can be read. */
function draw(ids: ReadonlySet<string>, moved: boolean): void {
  const { statuses, sort } = navigation.place.choice;
  if (moved) {
    toolbar.count();
    if (statuses.size > 0 || sort !== "name") selecting.soon();
    else people.count();
  }
  people.update(ids);
  wallboard.update(ids);
  waiting.update(ids);
  drawPanel();
  drawEmpty();
}

/** Shows whom the choice leaves. */
function select(): void {
  const { choice } = navigation.place;
  toolbar.count();
  const { sections } = roster.select(choice, panel?.open ?? people.focused);
  people.show(sections);
  wallboard.set(sections);
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
  wallboard.status(status);
  void renew(status.state);
  // Numbers made of states only last known must not look current either.
  document.body.classList.toggle("last-known", roster.size > 0 && status.state !== "live");
  drawPanel();
  drawEmpty();
}

/** A gateway of another version has another page: a screen nobody touches takes it by itself, a reader is offered it. */
async function renew(state: string): Promise<void> {
  if (!(await release?.changed(state))) return;
  if (wallboard.shown) location.reload();
  else byId("newer").hidden = false;
}

function drawPanel(): void {
  if (panel?.open !== undefined) panel.draw(client.view(panel.open));
}

function drawEmpty(): void {
  byId("people-view").classList.toggle("bare", roster.size === 0);
  const state = { status: client.status, people: roster.size, complete: attendance.complete, demo: settings?.demo === true };
  empty.draw(shown || door.open ? undefined : state);
}
