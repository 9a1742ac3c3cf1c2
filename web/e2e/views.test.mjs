// The dashboard's views in a real Chromium: whom they show, kept in the address; being told when somebody is free; the
// counts of a session; all of it with the keyboard alone.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { axe, done, folder, open, shoot, startDemo, startGateway, startTenant, until } from "./house.mjs";

let demo;
let directory;
before(async () => {
  demo = await startDemo({ users: 90 });
  directory = await (await fetch(`${demo.url}/v1/directory`)).json();
});

const ready = async (page) => {
  await page.locator(".card").first().waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
};
const names = (page) => page.locator(".card .name").allInnerTexts();
const sections = (page) => page.locator(".heading h2").allInnerTexts();
const focused = (page) => page.evaluate(() => document.activeElement.closest(".card")?.dataset.id);
const total = (page) => page.evaluate(() => [...document.querySelectorAll(".chip b")].reduce((n, b) => n + Number(b.textContent), 0));

test("people stand by team, in each of theirs, and count once", async () => {
  const page = await open(demo.url);
  await ready(page);
  const all = directory.groups.find((g) => directory.people.every((p) => p.groups.includes(g.id)));
  const shown = await sections(page);
  assert.ok(!shown.includes(all.displayName), "a group of everyone is no team");
  assert.ok(directory.groups.filter((g) => g.id !== all.id).every((g) => shown.includes(g.displayName)));
  const { id, displayName } = directory.people.find((p) => p.groups.length > 2);
  await page.fill("#search", displayName);
  await page.waitForFunction((id) => document.querySelectorAll(`.card[data-id="${id}"]`).length > 1, id);
  assert.equal(await total(page), 90);
  await page.selectOption("label:has-text('Group by') select", "none");
  await page.waitForFunction((id) => document.querySelectorAll(`.card[data-id="${id}"]`).length === 1, id);
  assert.deepEqual(await sections(page), ["Everyone"]);
  await done(page);
});

test("what is chosen is in the address: a reload, back and forward, and a link give the same", async () => {
  const page = await open(demo.url);
  await ready(page);
  const requests = [];
  page.on("request", (r) => requests.push(r.url()));
  const { department } = directory.people[3];
  await page.selectOption("label:has-text('Show') select", `department:${department}`);
  await page.selectOption("label:has-text('Group by') select", "department");
  await page.locator(".chip").nth(0).click();
  await page.locator(".chip").nth(4).click();
  await page.selectOption("label:has-text('Sort by') select", "state");
  await page.waitForFunction((d) => document.querySelectorAll(".heading").length === 1 && document.querySelector(".heading h2").textContent === d, department);
  const address = page.url();
  assert.match(address, /#people\?states=available,out-of-office&department=.*&by=department&sort=state$/);
  const before = await names(page);
  await page.reload();
  await ready(page);
  assert.equal(page.url(), address);
  assert.deepEqual(await names(page), before);
  assert.equal(await page.locator(".chip").nth(4).getAttribute("aria-pressed"), "true");
  await page.goBack();
  await page.waitForFunction(() => document.querySelector("label.pick:nth-of-type(3) select").value === "name");
  await page.goBack();
  await page.waitForFunction(() => document.querySelectorAll(".chip")[4].getAttribute("aria-pressed") === "false");
  await page.goForward();
  await page.goForward();
  await page.waitForFunction(() => document.querySelector("label.pick:nth-of-type(3) select").value === "state");
  assert.deepEqual(await names(page), before);
  assert.ok(!requests.some((url) => /states=|sort=/.test(url)), "the gateway learns nothing of it");
  const other = await open(address);
  await ready(other);
  assert.deepEqual(await names(other), before);
  await done(other);
  await done(page);
});

test("views are saved by name, without anybody's presence, opened and removed, with the keyboard alone", async () => {
  const page = await open(demo.url, { permissions: ["clipboard-read", "clipboard-write"] });
  await ready(page);
  await page.locator(".chip").nth(1).click();
  await page.getByRole("button", { name: "Saved views" }).press("Enter");
  await page.getByLabel("Save this view as").fill("Busy ones");
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Busy ones" }).waitFor();
  await axe(page, "the saved views");
  await shoot(page, "views-saved");
  await page.keyboard.press("Escape");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Saved views", "the focus goes back");
  assert.equal(await page.evaluate(() => localStorage.getItem("presence-gateway.views")), '[{"name":"Busy ones","place":"#people?states=busy"}]');
  await page.getByRole("button", { name: "Copy link" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${demo.url}/#people?states=busy`);
  await page.locator(".chip").nth(1).click();
  await page.waitForURL(/#people$/);
  await page.getByRole("button", { name: "Saved views" }).press("Enter");
  await page.getByRole("link", { name: "Busy ones" }).press("Enter");
  await page.waitForURL(/states=busy$/);
  await page.getByRole("button", { name: "Saved views" }).press("Enter");
  await page.getByRole("button", { name: "Remove Busy ones" }).press("Enter");
  await page.getByText("None yet.").waitFor();
  assert.equal(await page.evaluate(() => localStorage.getItem("presence-gateway.views")), "[]");
  await done(page);
});

test("the focus stays on a person whatever becomes of them, and whoever comes", async () => {
  const page = await open(`${demo.url}/#people?by=none&states=available&sort=state`);
  await ready(page);
  const card = page.locator(".card").nth(2);
  await card.focus();
  const id = await card.getAttribute("data-id");
  await demo.put(id, "Busy", "InACall");
  await page.locator(`.card[data-id="${id}"] .word`).getByText("In a call").waitFor();
  // Another leaves the list: the next time it is drawn anew, which is after the first change.
  const other = await page.locator(".card").nth(5).getAttribute("data-id");
  await demo.put(other, "Away");
  await page.locator(`.card[data-id="${other}"]`).waitFor({ state: "detached" });
  assert.equal(await focused(page), id, "out of the states chosen, but in the reader's hands");
  await page.keyboard.press("ArrowLeft");
  await page.locator(`.card[data-id="${id}"]`).waitFor({ state: "detached" });
  assert.ok(await focused(page), "the focus is where the keys led it");
  await demo.put(id, "Available");
  await demo.put(other, "Available");
  await done(page);
});

test("keys lead through every view, are listed, and can be switched off", async () => {
  const page = await open(demo.url, { reducedMotion: "reduce" });
  await ready(page);
  await page.keyboard.press("?");
  await page.getByRole("heading", { name: "Keyboard" }).waitFor();
  await axe(page, "the list of keys");
  await shoot(page, "keys");
  await page.keyboard.press("Escape");
  await page.keyboard.press("w");
  await page.locator("#wallboard .column").first().waitFor();
  assert.match(page.url(), /#wallboard$/);
  await page.keyboard.press("Escape");
  await page.locator(".card").first().waitFor();
  await page.keyboard.press("o");
  await page.locator("#operator").getByRole("heading").first().waitFor();
  await page.keyboard.press("p");
  await page.locator(".card").first().waitFor();
  await page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: "People" }).focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.locator("#wallboard .column").first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.closest(".controls") !== null), true, "the board's controls are next");
  await page.keyboard.press("Escape");
  await page.locator(".card").first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("checkbox", { name: /Single keys/ }).uncheck();
  await page.keyboard.press("Escape");
  await page.keyboard.press("w");
  await page.reload();
  await ready(page);
  await page.keyboard.press("w");
  assert.match(page.url(), /#people$/, "switched off, and kept so");
  await done(page);
});

test("changes are said aloud only to who asks for it, counted together", async () => {
  const page = await open(`${demo.url}/#people?by=none`);
  await ready(page);
  assert.equal(await page.getByRole("status").count(), 1, "one live region");
  await page.evaluate(() => {
    window.spoken = [];
    const region = document.querySelector("[role=status]");
    new MutationObserver(() => region.textContent !== "" && window.spoken.push(region.textContent)).observe(region, { childList: true });
  });
  const [a, b] = [await page.locator(".card").nth(0).getAttribute("data-id"), await page.locator(".card").nth(1).getAttribute("data-id")];
  for (const id of [a, b]) await demo.put(id, "Busy");
  await page.waitForFunction((ids) => ids.every((id) => document.querySelector(`.card[data-id="${id}"] .word`).textContent === "Busy"), [a, b]);
  await page.getByRole("button", { name: /Keyboard/ }).click();
  await page.getByRole("checkbox", { name: /aloud/ }).check();
  await page.keyboard.press("Escape");
  for (const id of [a, b]) await demo.put(id, "Away");
  await page.getByText("2 people became away.").waitFor();
  assert.deepEqual(await page.evaluate(() => window.spoken), ["2 people became away."], "nothing of before, and nothing twice");
  await done(page);
});

/** Keeps what the page notifies of, and lets the real thing do it too. */
const listen = () => {
  window.notified = [];
  const real = window.Notification;
  window.Notification = class extends real {
    constructor(title, options) {
      super(title, options);
      window.notified.push(title);
    }
  };
};

test("somebody is told of once when they become free: by the system, on the page, in its title", async () => {
  const page = await open(undefined, { colorScheme: "dark" });
  await page.context().grantPermissions(["notifications"], { origin: demo.url });
  await page.addInitScript(listen);
  await page.goto(`${demo.url}/#people?by=none`);
  await ready(page);
  const { id, displayName } = directory.people[7];
  await demo.put(id, "Busy", "InAMeeting");
  await page.fill("#search", displayName);
  await page.locator(`.card[data-id="${id}"] .word`).getByText("In a meeting").waitFor();
  await page.locator(`.card[data-id="${id}"]`).focus();
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Tell me when free" }).press("Enter");
  await page.getByRole("button", { name: "You will be told when free", pressed: true }).waitFor();
  await axe(page, "a person waited for");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Waiting for 1" }).press("Enter");
  await page.locator("#waiting").getByText("Busy, in a meeting").waitFor();
  await axe(page, "whom one waits for");
  await shoot(page, "waiting-dark");
  await page.keyboard.press("Escape");
  assert.deepEqual(await page.evaluate(() => ({ ...sessionStorage })), { "presence-gateway.waiting": JSON.stringify([id]) });
  // Loaded anew, cut off and back: still waiting, and no news of it.
  await page.reload();
  await page.getByRole("button", { name: "Waiting for 1" }).waitFor();
  assert.deepEqual(await page.evaluate(() => window.notified), []);
  await demo.put(id, "Available");
  await page.locator(".toast").getByText(`${displayName} is available`).waitFor();
  assert.deepEqual(await page.evaluate(() => window.notified), [`${displayName} is available`]);
  assert.equal(await page.title(), "(1) Presence");
  assert.equal(await page.getByRole("button", { name: /Waiting for/ }).count(), 0, "the wait is over");
  await axe(page, "the news");
  await shoot(page, "news-dark");
  await page.getByRole("button", { name: /Dismiss/ }).click();
  assert.equal(await page.title(), "Presence");
  await demo.put(id, "Busy");
  await page.locator(`.card[data-id="${id}"] .word`).getByText("Busy").waitFor();
  await demo.put(id, "Available");
  await page.locator(`.card[data-id="${id}"] .word`).getByText("Available").waitFor();
  assert.equal(await page.evaluate(() => window.notified.length), 1, "once");
  await done(page);
});

test("where notifications are refused the page tells by itself; no outage and no reconnect is news", async () => {
  const page = await open(undefined);
  await page.addInitScript(listen);
  await page.addInitScript(() => (Notification.requestPermission = async () => ((window.asked = (window.asked ?? 0) + 1), "denied")));
  await page.goto(`${demo.url}/#people?by=none`);
  await ready(page);
  const { id, displayName } = directory.people[9];
  await demo.put(id, "Away");
  await page.fill("#search", displayName);
  await page.locator(`.card[data-id="${id}"] .word`).getByText("Away").waitFor();
  assert.equal(await page.evaluate(() => window.asked), undefined, "nobody is asked before they press");
  await page.locator(`.card[data-id="${id}"]`).focus();
  await page.keyboard.press("b");
  await page.getByRole("button", { name: "Waiting for 1" }).click();
  await page.getByText("This browser does not let the page notify you").waitFor();
  await page.keyboard.press("Escape");
  await demo.faults({ status: { status: 503 } });
  await page.locator(`.card[data-id="${id}"].stale`).waitFor();
  await demo.put(id, "Available");
  assert.equal(await page.locator(".toast").count(), 0);
  await demo.faults({});
  await page.locator(".toast").getByText(`${displayName} is available`).waitFor();
  assert.deepEqual(await page.evaluate(() => window.notified), []);
  assert.equal(await page.title(), "(1) Presence");
  await done(page);
});

test("the counts since the page was opened are a picture and a table, with gaps where nobody knew", async () => {
  const page = await open(demo.url);
  await ready(page);
  await page.getByText("Since this page was opened").click();
  await page.locator(".picture canvas").waitFor();
  const available = () => page.locator("table.numbers tbody tr").first().locator("td").first();
  await until(async () => (await available().innerText()) === (await page.locator(".chip b").first().innerText()), "the table says what the chip says");
  await axe(page, "the counts of the session");
  await shoot(page, "session");
  await demo.faults({ status: { status: 503 } });
  try {
    await page.locator("body.last-known").waitFor();
    await shoot(page, "session-stale");
  } finally {
    await demo.faults({});
  }
  await done(page);
});

test("first use explains itself: nobody is watched, no rule allows anyone, nobody is signed in", async () => {
  const tenant = await startTenant({ users: 5 });
  const explained = async (config, title, key, name) => {
    const gateway = await startGateway(tenant, config);
    const page = await open(gateway.url);
    await page.getByRole("heading", { name: title }).waitFor();
    assert.match(await page.locator("main").innerText(), key);
    await axe(page, title);
    await shoot(page, `first-${name}`);
    await done(page);
    await gateway.kill();
  };
  const [person] = await tenant.people(1);
  const watch = { users: [person.id] };
  const keys = join(folder, "keys.yaml");
  writeFileSync(keys, JSON.stringify([{ name: "wall", sha256: "0".repeat(64) }]));
  const others = [{ who: { keys: ["wall"] }, allow: "*" }];
  await explained({}, "Nobody to show yet", /watch\.groups.*gateway\.policy/s, "nobody");
  await explained({ watch, gateway: { auth: { anonymous: true, api_keys_file: keys }, policy: others } }, "Nobody to show yet", /gateway\.policy/, "no-rule");
  await explained({ watch, gateway: { auth: { anonymous: false, api_keys_file: keys }, policy: others } }, "Sign in to see who is available", /key of its own/, "signed-out");
  await tenant.kill();
});
