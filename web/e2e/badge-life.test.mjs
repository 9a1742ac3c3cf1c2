// What a badge does on a page as time passes: at the corner of a picture, found by its address, scrolled away and back, and
// while its gateway is gone for long. The real program, a real Chromium.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { axe, done, expectComplaints, folder, html, label, open, shoot, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

let tenant, gateway, site, anna, bert;
/** The body of the one page. */
let body = "";

before(async () => {
  tenant = await startTenant({ users: 5 });
  [anna, bert] = await tenant.people();
  gateway = await startGateway(tenant, { watch: { users: [anna.id, bert.id], directory: true }, privacy: { fields: ["outOfOffice", "since"] }, gateway: { origins: ["*"], auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }] } });
  const policy = strictPolicy(gateway.url)["content-security-policy"] + "; style-src 'unsafe-inline'; img-src 'self'";
  const picture = { type: "image/svg+xml", body: '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><rect width="8" height="8" fill="#7b5ea7"/><circle cx="4" cy="3" r="1.6" fill="#fff"/><path d="M1 8a3 3 0 0 1 6 0" fill="#fff"/></svg>' };
  site = await startSite(
    (url) => (["/anna.svg", "/favicon.ico"].includes(url.pathname) ? picture : url.pathname === "/" ? html("Intranet", `<script type="module" src="${gateway.url}/widget.js"></script>${body}`) : undefined),
    { "content-security-policy": policy },
  );
});

const badges = (page) => page.locator("presence-badge");
const name = (page, i = 0) => label(badges(page).nth(i));

/** Opens the page and notes what it asks of the gateway: whom it subscribes to, and whom no longer. */
async function embed(markup, prepare) {
  body = markup;
  const page = await open(undefined);
  const asked = [];
  page.on("websocket", (ws) => ws.on("framesent", ({ payload }) => {
    const { type, users } = JSON.parse(payload);
    if (type.endsWith("subscribe")) for (const user of users) asked.push(`${type} ${user}`);
  }));
  await prepare?.(page);
  await page.goto(site.url);
  return { page, asked };
}

test("around a picture the badge sits at its corner, and each has its own name", async () => {
  await tenant.put(anna.id, "Busy", "InACall");
  const image = (px) => `<presence-badge user-id="${anna.id}"><img src="/anna.svg" alt="Anna" width="${px}" height="${px}" style="border-radius:50%"></presence-badge>`;
  const { page } = await embed(
    `<style>main{padding:20px}presence-badge{margin:8px}.dark{background:#1f1f1f;--presence-background-color:#1f1f1f;padding:20px}</style>` +
      `<p>${[24, 32, 48, 72, 128].map(image).join("")}</p><p class="dark">${[24, 32, 48, 72, 128].map(image).join("")}</p>` +
      `<p dir="rtl">${image(72)}</p><p id="letters"><presence-badge user-id="${anna.id}"><span style="display:grid;place-items:center;width:48px;height:48px;border-radius:50%;background:#dfe3f5;color:#000">AL</span></presence-badge> <presence-badge user-id="${anna.id}"></presence-badge></p>`,
  );
  await until(async () => /^Busy, in a call/.test(await name(page)), "the badge's state");
  const measured = await badges(page).evaluateAll((all) =>
    all.map((host) => {
      const [box, badge] = [host, host.shadowRoot.querySelector("[part=badge]")].map((e) => e.getBoundingClientRect());
      return { size: box.width, high: box.height, badge: badge.width, right: box.right - badge.right, left: badge.left - box.left, bottom: box.bottom - badge.bottom };
    }),
  );
  for (const [i, px] of [24, 32, 48, 72, 128].entries()) {
    const { size, high, badge, right, bottom } = measured[i];
    assert.deepEqual([size, high, right, bottom], [px, px, 0, 0], "a badge takes no room beside its picture");
    assert.ok(Math.abs(badge - Math.max(10, 0.28 * px)) < 0.1, `${badge} on ${px}`);
  }
  assert.equal(measured[10].left, 0, "from right to left it sits on the left");
  assert.equal(measured[11].size, 48);
  assert.equal(measured[12].size, 16, "without anything in it, it is the drawing alone");
  assert.equal(await page.getByRole("img", { name: "Anna", exact: true }).count(), 11);
  assert.equal(await page.getByRole("img", { name: /^Busy, in a call/ }).count(), 13);
  await axe(page, "badges on pictures");
  await shoot(page, "pictures");
  // What is put in later, or taken out, counts too.
  await badges(page).last().evaluate((host) => host.append(Object.assign(document.createElement("img"), { src: "/anna.svg", alt: "", width: 40, height: 40 })));
  await until(async () => (await badges(page).last().boundingBox()).width === 40, "the picture's size");
  await badges(page).last().evaluate((host) => host.replaceChildren());
  await until(async () => (await badges(page).last().boundingBox()).width === 16, "the drawing's size");
  await done(page);
});

test("an address finds whom it belongs to; a name is not searched for", async () => {
  await tenant.put(anna.id, "Away");
  const warnings = [];
  const { page, asked } = await embed(
    `<presence-badge person-query="${anna.mail.toUpperCase()}"></presence-badge><presence-badge person-query="Anna"></presence-badge>` +
      `<presence-badge person-query="Bert"></presence-badge><presence-badge person-query="nobody@contoso.example"></presence-badge><presence-badge user-id="anna"></presence-badge>`,
    (page) => {
      page.on("console", (m) => m.type() === "warning" && warnings.push(m.text()));
      expectComplaints(page, /^warning: presence-badge: (person-query is no e-mail address|user-id is no GUID)/);
    },
  );
  await until(async () => /^Away/.test(await name(page)), "the badge's state");
  assert.equal(await badges(page).first().evaluate((b) => b.presence.id), anna.id);
  for (const i of [1, 2, 3, 4]) {
    assert.equal(await name(page, i), "Unknown");
    assert.equal(await badges(page).nth(i).evaluate((b) => b.presence), undefined);
  }
  assert.equal(warnings.length, 2, `one warning for each attribute: ${warnings}`);
  assert.deepEqual([...new Set(asked)].sort(), [`subscribe ${anna.mail.toLowerCase()}`, "subscribe nobody@contoso.example"].sort());
  // Another person under the same badge, and since when, where the policy shows it.
  await badges(page).first().evaluate((b, id) => {
    window.changes = [];
    document.addEventListener("presence-change", (e) => window.changes.push(e.detail?.id ?? null));
    b.userId = id;
  }, bert.id);
  await tenant.put(bert.id, "DoNotDisturb", "Presenting");
  await until(async () => /^Do not disturb, presenting, since \d\d?:\d\d/.test(await name(page)), "the other's state, and since when");
  assert.ok((await page.evaluate(() => window.changes)).every((id, i) => (i === 0 ? id === null || id === bert.id : id === bert.id)), "no event of whom it showed before");
  await done(page);
});

test("a badge far from the window is not watched, and comes back with what was known last", async () => {
  await tenant.put(anna.id, "Busy");
  await tenant.put(bert.id, "Available");
  const { page, asked } = await embed(`<p><presence-badge user-id="${anna.id}"></presence-badge></p><div style="height:9000px"></div><p><presence-badge user-id="${bert.id}"></presence-badge></p>`);
  await until(async () => /^Busy/.test(await name(page)), "the badge in sight");
  assert.deepEqual(asked, [`subscribe ${anna.id}`], "the one far below is not asked for");
  assert.equal(await name(page, 1), "Unknown");
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  await until(async () => /^Available/.test(await name(page, 1)), "the badge scrolled to");
  assert.deepEqual(asked, [`subscribe ${anna.id}`, `subscribe ${bert.id}`], "one that scrolled past a moment ago goes on");
  await until(() => asked.includes(`unsubscribe ${anna.id}`), "the badge left behind costs nothing");
  assert.equal(await name(page, 0), "Last known: Busy", "whoever reads it all the same is told what it is");
  assert.equal(await badges(page).first().evaluate((b) => b.presence.availability), "Busy");
  await page.evaluate(() => {
    const shown = (window.shown = []);
    const badge = document.querySelector("presence-badge").shadowRoot.querySelector("[role=img]");
    new MutationObserver(() => shown.push(badge.ariaLabel)).observe(badge, { attributeFilter: ["aria-label"] });
  });
  await tenant.put(anna.id, "Offline");
  await until(async () => (await (await fetch(`${gateway.url}/v1/presences/${anna.id}`)).json()).availability === "Offline", "the gateway knows");
  await page.evaluate(() => scrollTo(0, 0));
  await until(async () => /^Offline/.test(await name(page)), "the badge is live again");
  const shown = await page.evaluate(() => window.shown);
  assert.ok(shown.every((text) => /^(Last known: Busy|Offline)/.test(text)), `no flash to the unknown: ${shown}`);
  assert.equal(asked.filter((a) => a === `subscribe ${anna.id}`).length, 2);
  await done(page);
});

test("a badge that is moved within the page goes on without a word to the gateway", async () => {
  await tenant.put(anna.id, "Busy");
  const { page, asked } = await embed(`<p><presence-badge user-id="${anna.id}"></presence-badge></p><p id="there"></p>`);
  await until(async () => /^Busy/.test(await name(page)), "the badge's state");
  const labels = await page.evaluate(() => {
    const badge = document.querySelector("presence-badge");
    document.getElementById("there").append(badge);
    return badge.shadowRoot.querySelector("[role=img]").ariaLabel;
  });
  assert.match(labels, /^Busy/);
  await tenant.put(anna.id, "Available");
  await until(async () => /^Available/.test(await name(page)), "the next state");
  assert.deepEqual(asked, [`subscribe ${anna.id}`]);
  await done(page);
});

test("while the gateway is gone a badge says how old its state is, and after 15 minutes nothing, by any clock", async () => {
  await tenant.put(anna.id, "Busy");
  const { page } = await embed(`<presence-badge user-id="${anna.id}"></presence-badge>`, (page) => page.clock.install());
  await until(async () => /^Busy/.test(await name(page)), "the badge's state");
  await page.evaluate(() => document.addEventListener("presence-change", (e) => (window.last = e.detail ?? "unknown")));
  expectComplaints(page, /ERR_CONNECTION|WebSocket connection to/); // the browser's own words
  await gateway.kill();
  await until(async () => /^Last known: Busy, \d+ seconds? ago$/.test(await name(page)), "the badge tells what it knew last");
  await page.clock.fastForward("05:00");
  await until(async () => /^Last known: Busy, 5 minutes ago$/.test(await name(page)), "five minutes later");
  assert.equal(await badges(page).first().evaluate((b) => b.shadowRoot.querySelector(".glyph").dataset.shape), "disc");
  await page.clock.fastForward("09:00");
  await until(async () => /^Last known: Busy, 14 minutes ago$/.test(await name(page)), "fourteen minutes later");
  // The machine sleeps: no timer fires, and all at once it is later.
  await page.clock.fastForward("02:00");
  await until(async () => (await name(page)) === "Unknown", "after a quarter of an hour");
  assert.deepEqual(await badges(page).first().evaluate((b) => [b.presence ?? null, b.shadowRoot.querySelector(".glyph").dataset.shape]), [null, "unknown"]);
  assert.equal(await page.evaluate(() => window.last), "unknown");
  await gateway.start();
  await page.clock.fastForward("00:40");
  await until(async () => /^Busy/.test(await name(page)), "the badge is right again", 40_000);
  expectComplaints(page, undefined);
  await done(page);
});

test("a gateway that wants a sign-in is told of once for a page", async () => {
  const keys = join(folder, "keys.yaml");
  writeFileSync(keys, `- {name: desk, sha256: "${createHash("sha256").update("a-key-of-the-desk").digest("hex")}"}`);
  gateway.configure({ watch: { users: [anna.id] }, gateway: { origins: ["*"], auth: { api_keys_file: keys }, policy: [{ who: { keys: ["desk"] }, allow: "*" }] } });
  await gateway.stop();
  await gateway.start();
  const { page } = await embed("", (page) =>
    page.addInitScript(() => {
      window.asked = [];
      document.addEventListener("presence-signin", (e) => window.asked.push(e.detail));
    }),
  );
  await page.evaluate((id) => document.querySelector("main").append(...Array.from({ length: 20 }, () => Object.assign(document.createElement("presence-badge"), { userId: id }))), anna.id);
  await until(() => page.evaluate(() => window.asked.length > 0), "the page is asked to sign in");
  await until(() => badges(page).last().evaluate((b) => b.client?.link.state === "signed-out"), "all know");
  assert.deepEqual(await page.evaluate(() => window.asked), [{ gateway: `${gateway.url}/` }]);
  assert.equal(await name(page, 19), "Unknown");
  await tenant.put(anna.id, "Busy");
  await page.evaluate(async (script) => (await import(script)).configure({ getToken: async () => "a-key-of-the-desk" }), `${gateway.url}/widget.js`);
  await until(async () => /^Busy/.test(await name(page, 19)), "whoever signed in sees");
  await done(page);
});
