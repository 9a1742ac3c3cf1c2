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

test("a demo’s figures, live", async (t) => {
  const demo = await startDemo({ users: 300, changes: 6 });
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
    await page.getByText("40").first().waitFor();
    assert.equal(await page.getByRole("link", { name: "Operator" }).isVisible(), false);
    assert.equal(await page.locator(".tile").count(), 0);
    await done(page);
  });

  const page = await enter(secret, "#operator");
  await shown(page, "All is well");
  const breaks = async (name, faults, title, says, graph) => {
    await tenant.faults(faults);
    await shown(page, title);
    const card = page.locator(".advice article").first();
    let text;
    await until(async () => says.every((pattern) => pattern.test(text)) || ((text = await card.innerText()), false), `${name}: ${says}`);
    await until(async () => graph.test(await standing(page, "Graph")), `${name}: ${graph}`);
    assert.ok((await page.getByRole("status").allTextContents()).some((said) => said.includes(title)), `${name} is said`);
    await axe(page, `the operator’s view, ${name}`);
    await shoot(page, `operator-${name}`, { fullPage: true });
  };
  await t.test("is told with its remedy: Graph away", () =>
    breaks("away", { status: { status: 503, share: 1 } }, "Graph does not answer", [/status 503/, /service health/, /Readers have been told since/], /does not answer/));
  await t.test("a pause", () =>
    breaks("throttled", { status: { status: 429, retryAfter: 25, count: 1 } }, "Graph asked for a pause", [/None leaves before/, /in \d+ s/, /graph\.budget\.requests/], /paused until/));
  await t.test("nothing is promised meanwhile", async () => assert.equal((await tile(page, "Next sweep")).value, "not while reads fail"));

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
