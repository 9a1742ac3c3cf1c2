// A list of a team's people on a page of another origin, in a real Chromium, against the real program.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { axe, done, expectComplaints, html, open, shoot, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

const NOBODY = "00000000-0000-4000-8000-000000000000";
let tenant, site, group, hidden, people;
const gateways = {};
let body = "";

before(async () => {
  tenant = await startTenant({ users: 60 });
  const graph = async (path) => (await (await fetch(`${tenant.url}/v1.0/${path}`, { headers: { authorization: "Bearer any" } })).json()).value;
  const groups = await graph("groups?$top=100");
  const sizes = await Promise.all(groups.map(async (g) => ({ ...g, members: ((await graph(`groups/${g.id}/transitiveMembers?$top=999`)) ?? []).filter((m) => m.mail) })));
  group = sizes.filter((g) => g.members.length >= 6 && g.members.length <= 30).sort((a, b) => b.members.length - a.members.length)[0];
  hidden = sizes.find((g) => g.id !== group.id && g.members.length > 0);
  people = group.members;
  const config = (watch) => ({ watch: { groups: [group.id, hidden.id], groups_refresh_interval: "500ms", ...watch }, gateway: { origins: ["*"], auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: { groups: [group.id] } }] } });
  gateways.named = await startGateway(tenant, config({ directory: true }));
  gateways.bare = await startGateway(tenant, config({ directory: false }));
  const policy = Object.values(gateways).map((g) => g.url);
  site = await startSite((url) => (url.pathname === "/" ? html("Team", body) : undefined), {
    "content-security-policy": `${strictPolicy(policy.join(" "))["content-security-policy"].replace(/connect-src.*?;/, `connect-src ${policy.join(" ")} ${policy.map((u) => u.replace("http", "ws")).join(" ")};`)}; style-src 'unsafe-inline'`,
  });
});

/** What a list says, line by line, as it is read. */
const lines = (page, i = 0) =>
  page.locator("presence-list").nth(i).evaluate((e) => [...e.shadowRoot.querySelectorAll("li,p")].filter((n) => !n.hidden).map((n) => n.innerText.replace(/\s*\n\s*/g, " | ")));

async function embed(markup, gateway = gateways.named) {
  body = `<script type="module" src="${gateway.url}/widget.js"></script>${markup}`;
  return open(site.url);
}

test("a team's people with names, badges and words, as they change, come and go", async () => {
  for (const [i, p] of people.entries()) {
    const [availability, activity] = [["Available", "Available"], ["Busy", "InACall"], ["Away", "Away"], ["Offline", "Offline"]][i % 4];
    await tenant.put(p.id, availability, activity, { outOfOffice: false });
  }
  const page = await embed(`<style>body{font:16px sans-serif}presence-list{max-width:24em}@media (prefers-color-scheme:dark){body{background:#1f1f1f;color:#fff}}</style><presence-list group-id="${group.id}"></presence-list>`);
  const sorted = [...people].map((p) => p.displayName).sort(new Intl.Collator("en").compare);
  await until(async () => (await lines(page)).length === people.length && (await lines(page)).every((l, i) => l.startsWith(`${sorted[i]} | `) && !l.endsWith("Unknown")), "everybody by name");
  const list = page.getByRole("list", { name: group.displayName });
  assert.equal(await list.getByRole("listitem").count(), people.length);
  const anna = people[0];
  const of = async () => (await lines(page)).find((l) => l.startsWith(`${anna.displayName} | `));
  await tenant.put(anna.id, "DoNotDisturb", "Presenting");
  await until(async () => (await of()) === `${anna.displayName} | Presenting`, "a change");
  await axe(page, "a list");
  await shoot(page, "list-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await axe(page, "a list on a dark page");
  await shoot(page, "list-dark");
  // By state: who is reachable comes first; and not more than are wanted.
  await page.locator("presence-list").evaluate((e) => e.setAttribute("sort", "state"));
  await until(async () => (await lines(page))[0]?.endsWith("| Available"), "who is reachable comes first");
  const ranks = (await lines(page)).map((l) => ["Available", "In a call", "Presenting", "Away", "Offline"].indexOf(l.split(" | ")[1]));
  assert.deepEqual(ranks, [...ranks].sort((a, b) => a - b));
  await page.locator("presence-list").evaluate((e) => e.setAttribute("limit", "2"));
  await until(async () => (await lines(page)).length === 3, "two people and a count");
  assert.equal((await lines(page)).at(-1), `+${people.length - 2}`);
  await page.locator("presence-list").evaluate((e) => e.removeAttribute("limit"));
  // Somebody leaves the group, and comes back.
  const member = `${tenant.url}/sim/groups/${group.id}/members/${anna.id}`;
  assert.ok((await fetch(member, { method: "DELETE" })).ok);
  await until(async () => (await lines(page)).length === people.length - 1 && (await of()) === undefined, "one person less");
  assert.ok((await fetch(member, { method: "PUT" })).ok);
  await until(async () => (await of()) === `${anna.displayName} | Presenting`, "and back, by name");
  await page.evaluate(() => (document.documentElement.lang = "de"));
  await until(async () => (await of()) === `${anna.displayName} | Präsentiert`, "in another language");
  await done(page);
});

test("without a directory ids stand shortened; a page loads what lists need once, and one without a list not at all", async () => {
  const loaded = [];
  const page = await embed(`<presence-list group-id="${group.id}"></presence-list><presence-list group-id="${group.id}" sort="state"></presence-list>`, gateways.bare);
  page.on("request", (r) => loaded.push(r.url()));
  await page.reload();
  const ids = people.map((p) => `${p.id.slice(0, 8)}…`).sort();
  await until(async () => (await lines(page, 1)).length === people.length && (await lines(page)).map((l) => l.split(" | ")[0]).sort().join() === ids.join(), "everybody by id");
  assert.equal(loaded.filter((url) => /\/assets\/list-/.test(url)).length, 1);
  await done(page);
  const other = await embed(`<presence-badge user-id="${people[0].id}"></presence-badge>`, gateways.bare);
  await until(() => other.locator("presence-badge").evaluate((b) => b.presence !== undefined), "a badge");
  assert.deepEqual(await other.evaluate(() => performance.getEntriesByType("resource").map((e) => new URL(e.name).pathname)), ["/widget.js"]);
  await done(other);
});

test("a group that is refused, one that does not exist and what is no id show nobody, and say so", async () => {
  const own = '<span slot="nobody">Nobody to see here.</span>';
  const page = await embed(`<presence-list group-id="${hidden.id}"></presence-list><presence-list group-id="${NOBODY}"></presence-list><presence-list group-id="${NOBODY}">${own}</presence-list><presence-list lang="ja" group-id="${NOBODY}"></presence-list>`);
  for (const i of [0, 1, 2]) await until(async () => (await lines(page, i)).length === 1, "a sentence");
  assert.deepEqual(await lines(page, 0), ["Nobody here whom you may see."]);
  assert.deepEqual(await lines(page, 1), await lines(page, 0));
  assert.deepEqual(await lines(page, 3), ["表示できるメンバーはいません。"]);
  assert.equal(await page.getByText("Nobody to see here.").isVisible(), true);
  await axe(page, "lists of nobody");
  expectComplaints(page, /^warning: presence-list: group-id is no GUID/);
  await page.locator("presence-list").first().evaluate((e) => (e.groupId = "Sales"));
  await until(async () => (await lines(page, 0)).length === 0, "nothing is said of what is no group");
  await done(page);
});

test("a gateway that is gone leaves the list as it was last known", async () => {
  const page = await embed(`<presence-list group-id="${group.id}"></presence-list>`);
  await until(async () => (await lines(page)).length === people.length && !(await lines(page)).some((l) => l.includes("Unknown")), "everybody");
  expectComplaints(page, /ERR_CONNECTION|WebSocket connection to|Failed to fetch/); // the browser's own words
  await gateways.named.kill();
  await until(async () => (await lines(page)).every((l) => / \| Last known: .*, \d+ seconds? ago$/.test(l)), "everybody is only last known");
  await shoot(page, "list-last");
  await done(page);
});
