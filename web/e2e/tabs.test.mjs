// Tabs of one site, in a real Chromium, that show people of the real gateway on another origin over one connection.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { browser, html, label, open, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

const TABS = 20;
let tenant, gateway, site, ids;

before(async () => {
  tenant = await startTenant({ users: 10 });
  ids = (await tenant.people()).map((p) => p.id);
  site = await startSite((url) =>
    html("Intranet", `<script type="module" src="${gateway.url}/widget.js"></script>` + (url.searchParams.get("ids") ?? "").split(",").filter(Boolean).map((id) => `<presence-badge user-id="${id}"></presence-badge>`).join("")),
  );
  gateway = await startGateway(tenant, { watch: { users: ids, directory: true }, gateway: { origins: [site.url], heartbeat: "1s" } });
});

/** Tabs of one window of a reader's, each with a badge for everyone and one of its own. */
async function openTabs(n) {
  const context = await (await browser()).newContext();
  const tabs = [];
  for (let i = 0; i < n; i++) tabs.push(await open(`${site.url}/?ids=${[ids[0], ids[1 + (i % (ids.length - 1))]].join(",")}`, { context }));
  return tabs;
}

const connections = () => gateway.metric("presence_connections");
const shows = (page, text) => until(async () => (await label(page.locator("presence-badge").first())).includes(text), `a badge shows ${text}`);

test("twenty tabs are one connection", async () => {
  await tenant.put(ids[0], "Busy");
  const tabs = await openTabs(TABS);
  await Promise.all(tabs.map((t) => shows(t, "Busy")));
  assert.equal(await connections(), 1);
});
