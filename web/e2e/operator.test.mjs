// The operator's view: true figures, what is unknown told as unknown, what stands badly told with its remedy, and nothing
// asked while nobody looks.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { axe, done, expectComplaints, folder, open, shoot, startDemo, startGateway, startTenant, until } from "./house.mjs";

/** What a tile of the view says: its figure and the line below. */
const tile = (page, title) =>
  page.locator(".tile", { has: page.getByRole("heading", { name: title, exact: true }) }).evaluate((e) => ({
    value: e.querySelector(".value").textContent,
    note: e.querySelector(".note").textContent,
  }));
const standing = (page, name) => page.locator(".standing div", { has: page.getByText(name, { exact: true }) }).locator("dd").textContent();
const advice = (page) => page.locator(".advice h3").allTextContents();
const shown = (page, title) => page.locator(".advice h3", { hasText: title }).waitFor();

let demo;
before(async () => (demo = await startDemo({ users: 300, changes: 6 })));

test("a demo’s figures, live", async (t) => {
  const page = await open(`${demo.url}/#operator`);
  await page.getByRole("heading", { name: "How the gateway does" }).waitFor();
  await shown(page, "All is well");

  await t.test("are those of the gateway", async () => {
    await until(async () => (await tile(page, "Changes")).value.match(/^[1-9][\d.]*\/s$/), "changes are told");
    assert.equal((await tile(page, "Watched users")).value, "300");
    assert.match((await tile(page, "Budget")).value, /^\d+ of 1,500$/);
    assert.match((await tile(page, "Next sweep")).value, /^(now|in [\d.]+ m?s)$/);
    assert.match((await tile(page, "Age of states")).note, /^median; 99 % within [\d.]+ m?s/);
    assert.match((await tile(page, "Reads")).note, /\d+ answered/);
    assert.equal((await tile(page, "Connections")).value, "1");
    assert.equal(await standing(page, "Graph"), "answers");
    assert.equal(await standing(page, "Hub"), "in memory");
    assert.match(await standing(page, "Lease"), /this process, reads since/);
  });

  await t.test("are named for those who cannot see them", async () => {
    const meter = page.getByRole("meter", { name: "Budget used" });
    assert.match(await meter.getAttribute("aria-valuetext"), /^\d+ of 1,500 reads in 30 s$/);
    await until(async () => /^Changes a second over the last [\d.]+ s: now [\d.]+\/s, between [\d.]+\/s and [\d.]+\/s$/.test(await page.locator(".tile .plot").nth(3).getAttribute("aria-label")), "a plot in words");
    assert.equal(await page.locator(".plot canvas").count(), 8);
    assert.equal(await page.getByRole("status").filter({ hasText: "All is well." }).count(), 1);
    await axe(page, "the operator’s view");
  });

  await t.test("are asked for only while somebody looks", async () => {
    let asked = 0;
    page.on("request", (r) => r.url().endsWith("/v1/stats") && asked++);
    await page.getByRole("link", { name: "People" }).click();
    await page.getByRole("searchbox").waitFor();
    asked = 0;
    await page.waitForTimeout(2500); // longer than the time between two reads
    assert.equal(asked, 0);
    await page.getByRole("link", { name: "Operator" }).click();
    await page.waitForRequest((r) => r.url().endsWith("/v1/stats"));
  });

  await t.test("in every light", async () => {
    await shoot(page, "operator-light", { fullPage: true });
    for (const [name, media, size] of [
      ["dark", { colorScheme: "dark" }],
      ["forced", { forcedColors: "active" }],
      ["phone", { colorScheme: "light", forcedColors: "none" }, { width: 390, height: 844 }],
    ]) {
      await page.emulateMedia(media);
      if (size) await page.setViewportSize(size);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name}: nothing is wider than the page`);
      if (name === "dark") await axe(page, "the operator’s view in the dark");
      await shoot(page, `operator-${name}`, { fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 800 });
  });

  await done(page);
});

test("a page that is older than its gateway says so", async () => {
  const page = await open(`${demo.url}/`);
  await page.getByText("Live", { exact: true }).waitFor();
  expectComplaints(page, /404/);
  await page.route("**/assets/operator-*", (route) => route.fulfill({ status: 404, body: "" }));
  await page.getByRole("link", { name: "Operator" }).click();
  await page.getByRole("heading", { name: "This view cannot be loaded" }).waitFor();
  await page.unroute("**/assets/operator-*");
  expectComplaints(page, undefined);
  await page.getByRole("button", { name: "Reload the page" }).click();
  await page.getByRole("heading", { name: "How the gateway does" }).waitFor();
  await done(page);
});

test("what stands badly", async (t) => {
  const secret = "secret of the operator";
  const keys = join(folder, "operator-keys");
  writeFileSync(keys, ["operator", "reader"].map((name) => `- {name: ${name}, sha256: ${createHash("sha256").update(name === "operator" ? secret : "secret of a reader").digest("hex")}}\n`).join(""));
  const tenant = await startTenant({ users: 40 });
  const users = (await tenant.people()).map((p) => p.id);
  const gateway = await startGateway(tenant, {
    watch: { users },
    graph: { base_url: tenant.url, interval: "1s", credential: { kind: "token_file", token_file: join(folder, "token") } },
    gateway: { auth: { anonymous: false, operator_role: "operator", api_keys_file: keys }, policy: [{ who: { everyone: true }, allow: "*" }], drain: "2s", drain_delay: "0s" },
  });
  const enter = async (key, view) => {
    const page = await open(`${gateway.url}/${view}`);
    await page.getByText("API key").first().click();
    await page.getByLabel("API key").fill(key);
    await page.getByLabel("API key").press("Enter");
    return page;
  };

  await t.test("is nobody’s to see but operators’", async () => {
    const page = await enter("secret of a reader", "#operator");
    await page.getByText("Live", { exact: true }).waitFor();
    assert.equal(await page.getByRole("link", { name: "Operator" }).isVisible(), false);
    assert.equal(await page.locator(".tile").count(), 0);
    await done(page);
  });

  const page = await enter(secret, "#operator");
  await shown(page, "All is well");
  await t.test("is told with its remedy", async () => {
    await tenant.faults({ status: { status: 429, retryAfter: 25, count: 1 } });
    const card = page.locator(".advice article", { hasText: "Graph asked for a pause" });
    const says = [/None leaves before/, /in \d+ s/, /Readers have been told since/, /graph\.budget\.requests/];
    let text;
    await until(async () => says.every((pattern) => pattern.test(text)) || ((text = await card.innerText()), false), `a pause: ${says}`);
    assert.match(await standing(page, "Graph"), /paused until/);
    assert.equal((await tile(page, "Next sweep")).value, "not while reads fail");
    assert.ok((await page.getByRole("status").allTextContents()).some((said) => said.includes("Graph asked for a pause")), "it is said");
    await axe(page, "the operator’s view in a pause");
    await shoot(page, "operator-throttled", { fullPage: true });
  });

  await t.test("an answer that is lost, late or refused", async () => {
    await tenant.faults({});
    expectComplaints(page, /Failed to load resource|WebSocket/);
    await gateway.kill();
    await page.getByRole("heading", { name: "The gateway does not answer" }).waitFor();
    await page.getByText(/^Figures of [\d.]+ m?s ago, which may be true no longer/).waitFor();
    assert.deepEqual(await advice(page), []);
    await axe(page, "the operator’s view without a gateway");
    await shoot(page, "operator-gone", { fullPage: true });
    gateway.configure({
      watch: { users },
      graph: { base_url: tenant.url, interval: "1s", credential: { kind: "token_file", token_file: join(folder, "token") } },
      gateway: { auth: { anonymous: false, operator_role: "reader", api_keys_file: keys }, policy: [{ who: { everyone: true }, allow: "*" }], drain: "2s", drain_delay: "0s" },
    });
    await gateway.start();
    await page.getByRole("heading", { name: "For operators alone" }).waitFor();
    assert.match(await page.locator("#operator .empty").innerText(), /gateway\.auth\.operator_role/);
    assert.equal(await page.locator(".figures").isVisible(), false);
    await shoot(page, "operator-refused", { fullPage: true });
  });
  await done(page);
});
