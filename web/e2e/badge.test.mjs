// Badges on a page of another origin, under the strictest policy that can hold one, in a real Chromium.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { axe, done, expectComplaints, html, label, open, shoot, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

let tenant, gateway, person, site;
before(async () => {
  tenant = await startTenant();
  const people = await tenant.people();
  person = people[5].id;
  gateway = await startGateway(tenant, { watch: { users: people.map((p) => p.id), directory: true }, gateway: { origins: ["*"] , auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }] } });
  const body = `<script type="module" src="${gateway.url}/widget.js"></script><presence-badge user-id="${person}"></presence-badge>` + `<presence-badge size="large" user-id="${person.toUpperCase()}"></presence-badge>`.repeat(20);
  site = await startSite((url) => (url.pathname === "/" ? html("Intranet", body) : undefined), strictPolicy(gateway.url));
});

test("badges on another origin are live under a strict policy, many over one connection", async () => {
  const page = await open(undefined);
  const streams = [];
  page.on("websocket", (ws) => streams.push(ws.url()));
  await page.goto(site.url);
  await page.evaluate(() => document.addEventListener("presence-change", (e) => (window.heard = e.detail?.activity)));
  const badge = page.locator("presence-badge").first();
  await tenant.put(person, "Busy", "InAMeeting");
  await until(async () => (await label(badge)) === "Busy, in a meeting", "the badge's label");
  assert.equal(await page.evaluate(() => window.heard), "InAMeeting");
  assert.equal(await badge.evaluate((e) => e.presence.id), person);
  assert.equal(await page.getByRole("img", { name: "Busy, in a meeting" }).count(), 21);
  assert.equal(streams.length, 1, "one connection for all badges");
  const size = await page.locator("presence-badge").nth(1).boundingBox();
  assert.deepEqual([size.width, size.height], [20, 20]);
  await axe(page, "the embedding page");
  await shoot(page, "embedded");
  await done(page);
});

test("a gateway that is killed leaves the last state known, and comes back", async () => {
  const page = await open(site.url);
  const badge = page.locator("presence-badge").first();
  await tenant.put(person, "Away");
  await until(async () => (await label(badge)) === "Away", "the badge's label");
  expectComplaints(page, /ERR_CONNECTION|WebSocket connection to/); // the browser's own words
  await gateway.kill();
  await until(async () => /^Last known: Away/.test(await label(badge)), "the badge tells what it knew last");
  await tenant.put(person, "Available");
  await gateway.start();
  await until(async () => (await label(badge)) === "Available", "the badge is right again", 40_000);
  expectComplaints(page, undefined);
  await done(page);
});
