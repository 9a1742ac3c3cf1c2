// Drives the dashboard and the badge in a real Chromium against a running demo: BASE_URL names it. Without BASE_URL it
// runs against the stand-in of gateway.mjs. SHOTS names a folder for pictures; CHROMIUM the browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { startGateway } from "./gateway.mjs";
import { startLine } from "./line.mjs";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SHOTS;
const standIn = process.env.BASE_URL ? undefined : await startGateway();
const base = process.env.BASE_URL ?? standIn.url;
const line = await startLine(base);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});

/** What pages complained of. While the line is cut, the browser's own words about failed connections are expected. */
const complaints = [];
let cut = false;

async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("console", (m) => {
    if (m.type() !== "error" && m.type() !== "warning") return;
    if (cut && /ERR_CONNECTION|ERR_EMPTY_RESPONSE|WebSocket connection to/.test(m.text())) return;
    complaints.push(`${m.type()}: ${m.text()}`);
  });
  page.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
  page.on("request", (r) => {
    if (![base, line.url, embedding?.url].some((u) => u && r.url().startsWith(u))) complaints.push(`external request: ${r.url()}`);
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  if (url) await page.goto(url);
  return page;
}

async function done(page) {
  assert.deepEqual(await page.evaluate(() => window.violations), [], "content security policy reports");
  await page.context().close();
}

async function axe(page, where) {
  // What fades in has its colours only once it is there.
  await page.evaluate(() =>
    Promise.allSettled(
      document.getAnimations({ subtree: true }).filter((a) => a.effect.getComputedTiming().endTime !== Infinity).map((a) => a.finished),
    ),
  );
  // Injected by the debugger, which no policy of the page stops.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run());
  const found = violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" ")}`);
  assert.deepEqual(found, [], `axe on ${where}`);
}

async function shoot(page, name) {
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

async function put(id, availability, activity) {
  const response = await fetch(`${base}/sim/users/${id}/presence`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ availability, activity }),
  });
  assert.ok(response.ok, `PUT presence: ${response.status} ${await response.text()}`);
}

/** Makes every read of the tenant's presences fail, or ends that. */
async function outage(on) {
  if (standIn) {
    standIn.setStatus(on ? { state: "degraded", reason: "graph_unavailable", since: new Date().toISOString() } : { state: "live" });
    return;
  }
  const response = await fetch(`${base}/sim/faults`, { method: "PUT", body: JSON.stringify(on ? { status: { status: 503 } } : {}) });
  assert.ok(response.ok, `PUT faults: ${response.status} ${await response.text()}`);
}

const ready = async (page) => {
  await page.locator(".card").first().waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
};
const word = (page, id) => page.locator(`.card[data-id="${id}"] .word`);

/** Changes someone until the change is seen: the people of the demo go on living meanwhile. */
async function change(id, states, seen) {
  for (let attempt = 0; ; attempt++) {
    const [availability, activity, words] = states[attempt % states.length];
    await put(id, availability, activity);
    try {
      return await seen(words);
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** A page on another origin, under the strictest policy that can hold a badge. */
let embedding;
async function startEmbedding() {
  const server = createServer((request, response) => {
    const id = new URL(request.url, "http://x").searchParams.get("id");
    const ws = line.url.replace("http", "ws");
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; script-src ${line.url}; connect-src ${line.url} ${ws}; require-trusted-types-for 'script'; img-src data:`,
    });
    response.end(
      `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Intranet</title><main><h1>Intranet</h1>` +
        (id === null ? "" : `<script type="module" src="${line.url}/widget.js"></script><presence-badge user-id="${id}"></presence-badge>` + `<presence-badge size="large" user-id="${id.toUpperCase()}"></presence-badge>`.repeat(20)) +
        `</main></html>`,
    );
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://localhost:${server.address().port}`, close: () => server.close() };
}

const tests = {
  async "the page shows people with names, states in words, and that it is live"() {
    const page = await open(line.url + "/");
    await ready(page);
    const first = page.locator(".card").first();
    assert.match(await first.locator(".name").innerText(), /\p{L}+ \p{L}+/u);
    assert.notEqual((await first.locator(".word").innerText()).trim(), "");
    const name = await first.evaluate((e) => e.innerText.replace(/\s+/g, " "));
    assert.equal(await first.getAttribute("aria-label"), null, `name comes from what is shown: ${name}`);
    assert.ok((await page.locator(".heading h2").count()) > 1, "people are grouped by department");
    await axe(page, "the page");
    await shoot(page, "light");
    await done(page);
  },

  async "a change in the tenant appears without a reload"() {
    const page = await open(line.url + "/");
    await ready(page);
    await page.evaluate(() => (window.same = true));
    const id = await page.locator(".card").nth(1).getAttribute("data-id");
    await change(id, [["DoNotDisturb", "Presenting", "Presenting"], ["Busy", "InACall", "In a call"]], (words) =>
      word(page, id).getByText(words, { exact: true }).waitFor({ timeout: 8000 }));
    assert.equal(await page.evaluate(() => window.same), true);
    await done(page);
  },

  async "a person can be changed by hand, with the keyboard alone"() {
    const page = await open(line.url + "/", { colorScheme: "dark", reducedMotion: "reduce" });
    await ready(page);
    await axe(page, "the dark page");
    await shoot(page, "dark");
    await page.keyboard.press("/");
    assert.equal(await page.evaluate(() => document.activeElement.id), "search");
    for (let i = 0; i < 8; i++) await page.keyboard.press("Tab");
    const focused = () => page.evaluate(() => document.activeElement.closest(".card")?.dataset.id);
    const first = await focused();
    assert.ok(first, "a card is reached by Tab after search and seven counts");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowRight");
    const id = await focused();
    assert.notEqual(id, first);
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").waitFor();
    await axe(page, "the panel");
    await shoot(page, "panel-dark");
    const state = page.locator("dialog .state");
    for (const [choice, label] of [["Do not disturb", "Do not disturb"], ["In a call", "Busy, in a call"]]) {
      await page.getByRole("button", { name: choice, exact: true }).focus();
      await page.keyboard.press("Space");
      await state.getByText(label, { exact: true }).waitFor({ timeout: 8000 });
    }
    assert.match(await page.locator("dialog code").innerText(), new RegExp(`<script type="module" src="${line.url}/widget.js"></script>\\s*<presence-badge user-id="${id}"></presence-badge>`));
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "hidden" });
    assert.equal(await focused(), id, "the focus returns to the card");
    await done(page);
  },

  async "search and counts narrow the list, and say so when nothing is left"() {
    const page = await open(line.url + "/");
    await ready(page);
    const name = await page.locator(".card .name").nth(2).innerText();
    await page.fill("#search", name.toUpperCase());
    await page.waitForFunction((n) => [...document.querySelectorAll(".card .name")].every((e) => e.textContent === n), name);
    await page.fill("#search", "nobody is called this");
    await page.getByRole("heading", { name: "No one matches" }).waitFor();
    await axe(page, "no match");
    await page.getByRole("button", { name: "Show everyone" }).click();
    await page.locator(".card").first().waitFor();
    const chip = page.locator(".chip").first();
    await chip.click();
    assert.equal(await chip.getAttribute("aria-pressed"), "true");
    await page.waitForFunction(() => [...document.querySelectorAll(".card .glyph")].every((g) => g.dataset.tone === "green"));
    await done(page);
  },

  async "a badge on another origin is live under a strict policy, many over one connection"() {
    const people = await (await fetch(`${base}/v1/directory`)).json();
    const { id } = people.people[5];
    const page = await open();
    const streams = [];
    page.on("websocket", (ws) => streams.push(ws.url()));
    await page.goto(`${embedding.url}/?id=${id}`);
    await page.evaluate(() => document.addEventListener("presence-change", (e) => (window.heard = e.detail?.activity)));
    const badge = page.locator("presence-badge").first();
    const label = () => badge.evaluate((e) => e.shadowRoot.querySelector("[role=img]").getAttribute("aria-label"));
    await change(id, [["Busy", "InAMeeting", "Busy, in a meeting"], ["Away", "Away", "Away"]], async (words) => {
      for (let i = 0; (await label()) !== words; i++) {
        assert.ok(i < 80, `the badge says ${await label()}, not ${words}`);
        await page.waitForTimeout(100);
      }
      assert.equal(await page.evaluate(() => window.heard), words === "Away" ? "Away" : "InAMeeting");
      assert.equal(await badge.evaluate((e) => e.presence.id), id);
      assert.equal(await page.getByRole("img", { name: words }).count(), 21);
    });
    assert.equal(streams.length, 1, "one connection for all badges");
    const size = await page.locator("presence-badge").nth(1).boundingBox();
    assert.deepEqual([size.width, size.height], [20, 20]);
    await axe(page, "the embedding page");
    await shoot(page, "embedded");
    await done(page);
  },

  async "losing the gateway is shown honestly, on the page and in badges, and passes by itself"() {
    const people = await (await fetch(`${base}/v1/directory`)).json();
    const page = await open(line.url + "/");
    const other = await open(`${embedding.url}/?id=${people.people[0].id}`);
    await ready(page);
    const label = () => other.locator("presence-badge").first().evaluate((e) => e.shadowRoot.querySelector("[role=img]").getAttribute("aria-label"));
    for (let i = 0; i < 50 && (await label()) === "Unknown"; i++) await page.waitForTimeout(100);
    cut = true;
    await line.cut();
    await page.getByText("Reconnecting…", { exact: true }).waitFor({ timeout: 2000 });
    await page.waitForFunction(() => [...document.querySelectorAll(".card")].every((c) => c.classList.contains("stale") || c.querySelector(".glyph").dataset.shape === "unknown"), null, { timeout: 8000 });
    assert.ok((await page.locator(".card.stale").count()) > 0);
    assert.match(await page.locator(".notice").innerText(), /last known state, as of .* Trying again by itself/);
    assert.match(await label(), /^Last known: |^Unknown/);
    await axe(page, "the page without its gateway");
    await shoot(page, "offline");
    await line.mend();
    await page.getByText("Live", { exact: true }).waitFor({ timeout: 20_000 });
    cut = false;
    await page.waitForFunction(() => document.querySelectorAll(".card.stale").length === 0);
    for (let i = 0; /^Last known/.test(await label()); i++) {
      assert.ok(i < 200, "the badge came back");
      await page.waitForTimeout(100);
    }
    const id = await page.locator(".card").nth(3).getAttribute("data-id");
    await change(id, [["Busy", "InACall", "In a call"], ["BeRightBack", "BeRightBack", "Be right back"]], (words) =>
      word(page, id).getByText(words, { exact: true }).waitFor({ timeout: 8000 }));
    await done(page);
    await done(other);
  },

  async "an outage of Graph is shown as such, never as Offline, and its end too"() {
    const page = await open(line.url + "/");
    await ready(page);
    // Who is counted as offline, of all: an outage must not add anyone.
    const counts = () => page.evaluate(() => [...document.querySelectorAll(".chip b")].map((b) => Number(b.textContent)));
    await outage(true);
    try {
      await page.getByText("Microsoft Graph does not answer the gateway.").waitFor();
      await page.waitForFunction(() => [...document.querySelectorAll(".card")].every((c) => c.classList.contains("stale")));
      const before = await counts();
      assert.ok(before[5] < before.reduce((sum, n) => sum + n) / 2, `${before} were last known, the sixth as offline`);
      await axe(page, "the degraded page");
      assert.deepEqual(await counts(), before);
      await shoot(page, "degraded");
    } finally {
      await outage(false);
    }
    await page.getByText("Live", { exact: true }).waitFor();
    await page.waitForFunction(() => document.querySelectorAll(".card.stale").length === 0);
    await done(page);
  },

  async "a phone shows it all without scrolling sideways"() {
    const page = await open(line.url + "/", { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true });
    await ready(page);
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
    await shoot(page, "phone");
    await page.locator(".card").first().tap();
    await page.locator("dialog[open]").waitFor();
    await axe(page, "the panel on a phone");
    await shoot(page, "phone-panel");
    await done(page);
  },
};

/** What needs more people than a demo that runs already may have. */
const standInTests = {
  async "ten thousand people do not make it slow"() {
    const big = await startGateway({ users: 10_000 });
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    await page.goto(big.url + "/");
    await page.locator(".card").first().waitFor();
    await page.waitForFunction(() => [...document.querySelectorAll(".chip b")].reduce((n, b) => n + Number(b.textContent), 0) === 10_000);
    await page.waitForTimeout(1000);
    assert.ok((await page.locator(".card").count()) < 150, "only what is near the window exists");
    const longest = await page.evaluate(async () => {
      let longest = 0;
      new PerformanceObserver((list) => list.getEntries().forEach((e) => (longest = Math.max(longest, e.duration)))).observe({ type: "longtask" });
      const end = document.documentElement.scrollHeight;
      for (let y = 0; y < end; y += 2500) {
        scrollTo(0, y);
        await new Promise(requestAnimationFrame);
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      return longest;
    });
    // Printed, not judged: on a busy machine it measures the neighbours.
    console.log(`  longest task while scrolling 10,000 people: ${longest === 0 ? "under 50" : Math.round(longest)} ms`);
    await page.locator(".card").last().focus();
    await page.keyboard.press("End");
    const last = await page.evaluate(() => ({ size: document.activeElement.closest("li")?.ariaSetSize, place: document.activeElement.closest("li")?.ariaPosInSet }));
    assert.equal(last.size, last.place, "End leads to the very last card");
    await page.close();
    await big.close();
  },
};

embedding = await startEmbedding();
let failed = 0;
const all = { ...tests, ...(standIn && standInTests) };
for (const [name, test] of Object.entries(all)) {
  try {
    await test();
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n${error.stack}`);
    if (cut) await line.mend().catch(() => {});
    cut = false;
  }
}
if (complaints.length > 0) {
  failed++;
  console.log(`FAIL complaints\n${complaints.join("\n")}`);
}
await browser.close();
await line.close();
embedding.close();
await standIn?.close();
console.log(`${Object.keys(all).length - Math.min(failed, Object.keys(all).length)} passed, ${failed} failed`);
process.exit(failed > 0 ? 1 : 0);
