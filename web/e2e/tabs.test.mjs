// Tabs of one site, in a real Chromium, that show people of the real gateway on another origin over one connection.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "playwright-core";
import { browser, done, expectComplaints, html, open, quiet, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

const TABS = 20;
/** What a browser says of a gateway that is away. */
const AWAY = /ERR_CONNECTION|ERR_INTERNET|ERR_EMPTY|WebSocket connection to/;
let tenant, gateway, site, ids, other;

before(async () => {
  tenant = await startTenant({ users: 8 });
  ids = (await tenant.people()).map((p) => p.id);
  const policy = {};
  site = await startSite((url) => {
    const shown = (url.searchParams.get("ids") ?? "").split(",").filter(Boolean);
    return html("Intranet", `<script type="module" src="${gateway.url}/widget.js"></script>` + shown.map((id) => `<presence-badge user-id="${id}"></presence-badge>`).join(""));
  }, policy);
  gateway = await startGateway(tenant, { watch: { users: ids }, gateway: { origins: [site.url], heartbeat: "1s" } });
  Object.assign(policy, strictPolicy(gateway.url));
});
after(() => other?.close());

const address = (...shown) => `${site.url}/?ids=${shown.join(",")}`;
const connections = () => gateway.metric("presence_connections");
/** What a page's badges say, in their order. */
const words = (page) =>
  page.locator("presence-badge").evaluateAll((badges) => badges.map((b) => b.shadowRoot?.querySelector("[role=img]")?.getAttribute("aria-label") ?? ""));
const old = (word) => word.startsWith("Last known");
const shows = (page, n, word) =>
  until(async () => (await words(page))[n]?.startsWith(word), `badge ${n} says ${word}`).catch(async (error) => {
    throw new Error(`${error.message}; they say ${await words(page)}`);
  });

/** Tabs of one window of a reader's: each shows the first person, and one of its own. */
async function openTabs(n) {
  const context = await (await browser()).newContext();
  const tabs = [];
  for (let i = 0; i < n; i++) tabs.push(await open(address(ids[0], ids[1 + (i % (ids.length - 1))]), { context }));
  return tabs;
}

/** All tabs show the first person so, and one connection carries it. */
async function together(tabs, word) {
  await Promise.all(tabs.map((tab) => shows(tab, 0, word)));
  await until(async () => (await connections()) === 1, "one connection");
}

/** The page is looked at, or not: headless browsers show all their pages. */
const look = (page, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

/** Whether a tab leads: whether it has the lock of all. */
const leads = (page) =>
  page.evaluate(() =>
    navigator.locks.request(`who am I ${Math.random()}`, async ({ name }) => {
      const { held } = await navigator.locks.query();
      const me = held.find((lock) => lock.name === name).clientId;
      return held.some((lock) => lock.clientId === me && lock.name.endsWith(" anonymous "));
    }),
  );

async function leader(tabs) {
  const leading = await Promise.all(tabs.map(leads));
  assert.equal(leading.filter(Boolean).length, 1);
  return tabs[leading.indexOf(true)];
}

test("twenty tabs on another origin are one connection, through the end of the one that leads, of the gateway, and of all", async (t) => {
  await tenant.put(ids[0], "Busy", "Busy");
  let tabs = await openTabs(TABS);
  await together(tabs, "Busy");

  await t.test("a change is in all of them", async () => {
    await tenant.put(ids[0], "Away", "Away");
    await together(tabs, "Away");
  });

  await t.test("the one that leads closes: another goes on within two seconds, and nothing shows it", async () => {
    const [first, sent] = [await leader(tabs), await gateway.metric("presence_states_sent_total")];
    tabs = tabs.filter((tab) => tab !== first);
    const seen = new Set();
    await quiet(first);
    await first.close();
    const closed = Date.now();
    await until(async () => {
      for (const word of await words(tabs[3])) seen.add(word);
      return (await gateway.metric("presence_states_sent_total")) > sent;
    }, "another leads");
    assert.ok(Date.now() - closed < 2000, `after ${Date.now() - closed} ms`);
    await tenant.put(ids[0], "DoNotDisturb", "DoNotDisturb");
    await together(tabs, "Do not disturb");
    for (const word of await words(tabs[3])) seen.add(word);
    assert.deepEqual([...seen].filter(old), []);
  });

  await t.test("the gateway is killed and comes back", async () => {
    for (const tab of tabs) expectComplaints(tab, AWAY);
    await gateway.kill();
    await until(async () => old((await words(tabs[5]))[0]), "a badge says that it is old");
    await tenant.put(ids[0], "Available", "Available");
    await gateway.start();
    await together(tabs, "Available");
    for (const tab of tabs) await until(async () => !(await words(tab)).some(old), "nothing is old");
    for (const tab of tabs) expectComplaints(tab, undefined);
  });

  for (const tab of tabs) await quiet(tab);
  await tabs[0].context().close();
  await until(async () => (await connections()) === 0, "no connection");
});

test("a page that leads and is not looked at lets another lead; one that stands still is followed", async (t) => {
  await tenant.put(ids[0], "Busy", "Busy");
  const tabs = await openTabs(3);
  await together(tabs, "Busy");
  let first = await leader(tabs);
  const rest = tabs.filter((tab) => tab !== first);

  await t.test("hidden", async () => {
    for (const tab of [first, rest[0]]) await look(tab, "hidden");
    await until(() => leads(rest[1]), "the one in sight leads");
    await tenant.put(ids[0], "Away", "Away");
    await together(tabs, "Away");
  });

  await t.test("standing still", async () => {
    first = rest[1];
    const session = await first.context().newCDPSession(first);
    await session.send("Debugger.enable");
    await session.send("Debugger.pause");
    await tenant.put(ids[0], "BeRightBack", "BeRightBack");
    await Promise.all(tabs.filter((tab) => tab !== first).map((tab) => shows(tab, 0, "Away, be right back")));
    await session.send("Debugger.disable"); // it goes on
    await together(tabs, "Away, be right back");
  });

  for (const tab of tabs) await quiet(tab);
  await tabs[0].context().close();
  await until(async () => (await connections()) === 0, "no connection");
});

test("a hidden page costs nothing after a while, and is right again when it is looked at", async () => {
  await tenant.put(ids[0], "Busy", "Busy");
  const context = await (await browser()).newContext();
  const page = await open(undefined, { context });
  await page.clock.install();
  await page.goto(address(ids[0]));
  await shows(page, 0, "Busy");
  await look(page, "hidden");
  await page.clock.fastForward(31_000);
  await until(async () => (await connections()) === 0, "no connection");
  await tenant.put(ids[0], "Away", "Away");
  await look(page, "visible");
  await shows(page, 0, "Away");
  await done(page);
});

test("the network goes and comes back, and so does a page from the back/forward cache", async (t) => {
  await until(async () => (await connections()) === 0, "no connection");
  other = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  const context = await other.newContext();
  const [page, second] = [await open(address(ids[0]), { context }), await open(address(ids[0]), { context })];
  await page.evaluate(() => {
    window.seen = [];
    for (const name of ["pagehide", "pageshow"]) addEventListener(name, (event) => window.seen.push(`${name} ${event.persisted}`));
    for (const name of ["freeze", "resume"]) document.addEventListener(name, () => window.seen.push(name));
  });
  await tenant.put(ids[0], "Busy", "Busy");
  await together([page, second], "Busy");

  await t.test("a page that leads goes into the cache without a socket or a lock, and comes back live", async () => {
    await page.evaluate((to) => void (location.href = to), `${site.url}/?elsewhere`);
    await page.waitForURL(/elsewhere/);
    await tenant.put(ids[0], "Away", "Away");
    await together([second], "Away");
    await page.evaluate(() => void history.back());
    await until(() => page.evaluate(() => window.seen?.length > 0).catch(() => false), "the page is back");
    await together([page, second], "Away");
    assert.deepEqual(await page.evaluate(() => window.seen), ["pagehide true", "freeze", "resume", "pageshow true"]);
  });

  await t.test("without a network, and with one again", async () => {
    for (const tab of [page, second]) expectComplaints(tab, AWAY);
    await context.setOffline(true);
    await gateway.kill(); // a browser without a network keeps its sockets until they are found to be dead
    await until(async () => old((await words(second))[0]), "a badge says that it is old");
    await tenant.put(ids[0], "Busy", "InACall");
    await gateway.start();
    await context.setOffline(false);
    await together([page, second], "Busy, in a call");
  });
  await quiet(second);
  await done(page);
});
