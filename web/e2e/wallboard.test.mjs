// The wallboard in a real Chromium: on large and small screens, turning pages, through an outage and an update.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { axe, done, expectComplaints, open, shoot, startDemo } from "./house.mjs";

let demo;
before(async () => (demo = await startDemo({ users: 120 })));

const screen = { width: 1920, height: 1080 };
const lines = (page) => page.locator("#wallboard li .name").allInnerTexts();
const ready = (page) => page.locator("#wallboard .column li").first().waitFor();

test("a wallboard fills the screen, in letters to be read across a room, without controls until somebody moves", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const page = await open(`${demo.url}/#wallboard?by=department`, { viewport: screen, colorScheme });
    await ready(page);
    await page.locator("#wallboard .wall-link").getByText("Live").waitFor();
    const fit = await page.evaluate(() => {
      const board = document.querySelector("#wallboard .columns").getBoundingClientRect();
      const all = [...document.querySelectorAll("#wallboard li, #wallboard h2")].map((e) => e.getBoundingClientRect());
      const letters = Math.min(...[...document.querySelectorAll("#wallboard .name")].map((e) => parseFloat(getComputedStyle(e).fontSize)));
      return { inside: all.every((r) => r.bottom <= board.bottom + 1 && r.right <= board.right + 1), scrolls: document.documentElement.scrollHeight > innerHeight + 1, letters };
    });
    assert.ok(fit.inside && !fit.scrolls, JSON.stringify(fit));
    assert.ok(fit.letters >= 1080 * 0.02, `letters of ${fit.letters} pixels`);
    await axe(page, `the wallboard, ${colorScheme}`);
    await page.locator("#wallboard.still").waitFor();
    await page.waitForFunction(() => getComputedStyle(document.querySelector(".controls")).opacity === "0");
    await shoot(page, `wallboard-${colorScheme}`);
    await page.mouse.move(500, 500);
    await page.locator("#wallboard:not(.still)").waitFor();
    await page.getByRole("button", { name: "Leave" }).click();
    await page.locator(".card").first().waitFor();
    await done(page);
  }
});

test("few people stand in large letters; states change in place", async () => {
  const { people } = await (await fetch(`${demo.url}/v1/directory`)).json();
  const counts = new Map();
  for (const p of people) counts.set(p.department, (counts.get(p.department) ?? 0) + 1);
  const [department] = [...counts].sort((a, b) => a[1] - b[1])[0];
  const { id, displayName } = people.find((p) => p.department === department);
  const page = await open(`${demo.url}/#wallboard?${new URLSearchParams({ department, by: "department" })}`, { viewport: screen });
  await ready(page);
  const line = page.locator("#wallboard li").filter({ hasText: displayName });
  assert.ok((await line.evaluate((e) => parseFloat(getComputedStyle(e).fontSize))) > 40);
  await demo.put(id, "DoNotDisturb", "Presenting");
  await line.getByText("Presenting").waitFor();
  await shoot(page, "wallboard-few");
  await done(page);
});

test("pages turn by themselves and by keys, stop when asked to, and do not fade where motion is unwelcome", async () => {
  const page = await open(undefined, { viewport: screen, reducedMotion: "reduce" });
  await page.clock.install();
  await page.goto(`${demo.url}/#wallboard`);
  await page.clock.runFor(2000);
  await ready(page);
  const first = await lines(page);
  const at = () => page.locator("#wallboard .page").innerText();
  assert.match(await at(), /^1 of \d+$/);
  await page.clock.runFor(12_500);
  assert.match(await at(), /^2 of/);
  assert.notDeepEqual(await lines(page), first);
  assert.equal(await page.evaluate(() => document.querySelector("#wallboard .columns").getAnimations().length), 0);
  await page.keyboard.press("Space");
  assert.match(await at(), /^2 of \d+, paused$/);
  await page.clock.runFor(40_000);
  assert.match(await at(), /^2 of/);
  await page.keyboard.press("ArrowLeft");
  assert.match(await at(), /^1 of/);
  assert.deepEqual(await lines(page), first);
  await page.clock.resume();
  await done(page);
});

test("a phone, and a screen of 4K, show a wallboard whole", async () => {
  for (const [name, viewport] of [["phone", { width: 360, height: 740 }], ["4k", { width: 3840, height: 2160 }]]) {
    const page = await open(`${demo.url}/#wallboard?by=department`, { viewport });
    await ready(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await axe(page, `the wallboard on ${name}`);
    await shoot(page, `wallboard-${name}`);
    await done(page);
  }
  const page = await open(`${demo.url}/#wallboard?by=department`, { viewport: { width: 1280, height: 720 }, forcedColors: "active" });
  await ready(page);
  await shoot(page, "wallboard-forced");
  await done(page);
});

test("a gateway that goes is told of on the wall, and one that comes back as another version is taken up by itself", async () => {
  const page = await open(`${demo.url}/#wallboard?by=department`, { viewport: screen });
  await ready(page);
  await page.evaluate(() => (window.same = true));
  expectComplaints(page, /ERR_CONNECTION|ERR_EMPTY_RESPONSE|WebSocket connection to/); // the browser's own words
  await demo.kill();
  await page.locator("#wallboard .wall-link").getByText("last known state").waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll("#wallboard li")].every((li) => li.classList.contains("stale") || li.querySelector(".glyph").dataset.shape === "unknown"));
  await axe(page, "the wallboard without its gateway");
  await shoot(page, "wallboard-offline");
  await demo.start();
  await page.locator("#wallboard .wall-link").getByText("Live", { exact: true }).waitFor({ timeout: 40_000 });
  assert.equal(await page.evaluate(() => window.same), true, "the same version needs no reload");
  await page.route("**/v1/settings", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), version: "another" } });
  });
  await demo.kill();
  await page.locator("#wallboard .wall-link").getByText("Reconnecting…").waitFor();
  await demo.start();
  await page.waitForFunction(() => window.same === undefined, null, { timeout: 40_000 });
  await ready(page);
  await done(page);
});
