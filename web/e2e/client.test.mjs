// The client's API on a page of another origin, in a real Chromium, against the real program: addresses, groups, and whose
// token goes where.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { done, expectComplaints, folder, html, label, open, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

const KEYS = { desk: "desk-key-0123456789abcdefghij", wall: "wall-key-0123456789abcdefghij" };
const keysFile = join(folder, "keys.yaml");

let tenant, team, members, outsiders;
before(async () => {
  tenant = await startTenant({ users: 30 });
  const graph = async (path) => (await (await fetch(`${tenant.url}/v1.0${path}`, { headers: { authorization: "Bearer any", consistencylevel: "eventual" } })).json()).value;
  const groups = (await graph("/groups?$top=10")).filter((g) => g.description.startsWith("Department"));
  team = groups[0].id;
  const inside = new Set((await graph(`/groups/${team}/transitiveMembers/microsoft.graph.user?$select=id&$top=999&$count=true`)).map((p) => p.id));
  const people = await tenant.people();
  members = people.filter((p) => inside.has(p.id));
  outsiders = people.filter((p) => !inside.has(p.id));
  assert.ok(members.length > 1 && outsiders.length > 1);
});

/** A page on another origin, under a strict policy, that has the client of a gateway as `widget`; it may connect to others. */
async function embedding(gateway, ...others) {
  const policy = strictPolicy(gateway.url)["content-security-policy"].replace("connect-src", `connect-src ${others.map((o) => `${o.url} ${o.url.replace("http", "ws")}`).join(" ")}`);
  const site = await startSite((url) => (url.pathname === "/" ? html("Intranet", "<p id=place></p>") : undefined), { "content-security-policy": policy });
  const page = await open(undefined);
  page.frames_ = [];
  page.on("websocket", (ws) => ws.on("framesent", ({ payload }) => page.frames_.push([new URL(ws.url()).host, payload])));
  await page.goto(site.url);
  await page.evaluate(async (url) => (window.widget = await import(`${url}/widget.js`)), gateway.url);
  return page;
}

test("addresses and groups: who they stand for, who comes and goes, and what is left when one reason ends", async () => {
  const named = outsiders[0];
  const gateway = await startGateway(tenant, { watch: { directory: true, groups: [team], users: outsiders.map((p) => p.id), groups_refresh_interval: "300ms" }, gateway: { origins: ["*"] } });
  const page = await embedding(gateway);
  await page.evaluate(({ team, mail, mate }) => {
    const client = (window.client = window.widget.clientFor());
    window.told = 0;
    window.stop = {
      address: client.watch(mail.toUpperCase(), () => window.told++),
      nobody: client.watch("nobody@contoso.example", () => {}),
      group: client.watchGroup(team, () => window.told++),
      other: client.watchGroup("10000000-0000-0000-0000-000000000001", () => {}),
      mate: client.watch(mate, () => {}),
    };
  }, { team, mail: named.mail, mate: members[0].id });
  const see = (who) => page.evaluate((who) => window.client.view(who), who);
  const ids = () => page.evaluate((team) => [...(window.client.members(team) ?? [])].sort(), team);
  const sorted = (people) => people.map((p) => p.id).sort();

  await until(async () => (await ids()).length > 0, "the group's members");
  assert.deepEqual(await ids(), sorted(members));
  assert.equal((await see(named.mail)).presence.id, named.id);
  assert.deepEqual(await see("nobody@contoso.example"), { stale: false, absence: "invalid" });
  assert.deepEqual(await page.evaluate(() => [window.client.refuses("10000000-0000-0000-0000-000000000001"), window.client.members("10000000-0000-0000-0000-000000000001") ?? null]), [true, null]);
  for (const { id } of members) await until(async () => (await see(id)).presence, `${id} is read`);

  await tenant.put(named.id, "Busy", "InACall");
  await until(async () => (await see(named.mail)).presence.activity === "InACall", "a change reaches the address");
  // Who joins comes with a state, who leaves goes.
  const member = (method, id) => fetch(`${tenant.url}/sim/groups/${team}/members/${id}`, { method });
  await member("PUT", outsiders[1].id);
  await until(async () => (await ids()).includes(outsiders[1].id), "who joined");
  await until(async () => (await see(outsiders[1].id)).presence, "the state of who joined");
  await member("DELETE", outsiders[1].id);
  await until(async () => !(await ids()).includes(outsiders[1].id), "who left");
  await until(async () => (await see(outsiders[1].id)).presence === undefined, "the state of who left is dropped");

  // A connection lost gives it all again.
  expectComplaints(page, /ERR_CONNECTION|WebSocket connection to/);
  await gateway.kill();
  await gateway.start();
  await until(async () => page.evaluate(() => window.client.link.state === "live"), "live again", 40_000);
  await tenant.put(named.id, "Away");
  await until(async () => (await see(named.mail)).presence?.availability === "Away", "the address is live again");
  assert.deepEqual(await ids(), sorted(members));

  // Out of the group, whoever is watched by name stays; then nobody is left but by address.
  await page.evaluate(() => window.stop.group());
  await until(async () => (await see(members[1].id)).presence === undefined, "the group is left");
  await tenant.put(members[0].id, "DoNotDisturb", "Presenting");
  await until(async () => (await see(members[0].id)).presence?.activity === "Presenting", "who is named is still watched");
  await page.evaluate(() => (window.stop.mate(), window.stop.nobody()));
  await until(async () => (await page.evaluate(() => [...window.client.ids()])).join() === named.id, "only the address is left");
  expectComplaints(page, undefined);
  await done(page);
  await gateway.kill();
});

test("a gateway without a directory finds nobody by address, and says so", async () => {
  const gateway = await startGateway(tenant, { watch: { directory: false, users: [outsiders[0].id] }, gateway: { origins: ["*"] } });
  const page = await embedding(gateway);
  await page.evaluate(({ mail, id }) => {
    const client = (window.client = window.widget.clientFor());
    client.watch(mail, () => {});
    client.watch(id, () => {});
  }, outsiders[0]);
  const views = () => page.evaluate(({ mail, id }) => [window.client.view(mail), window.client.view(id)], outsiders[0]);
  await until(async () => (await views())[1].presence, "who is named by id");
  assert.deepEqual((await views())[0], { stale: false, absence: "invalid" });
  await done(page);
  await gateway.kill();
});

test("a page signs in late, each gateway gets its own token, and another caller sees what is theirs", async () => {
  writeFileSync(keysFile, JSON.stringify(Object.entries(KEYS).map(([name, key]) => ({ name, sha256: createHash("sha256").update(key).digest("hex") }))));
  const [person] = outsiders;
  await tenant.put(person.id, "Busy", "Busy", { outOfOfficeSettings: { isOutOfOffice: true, message: null } });
  const closed = await startGateway(tenant, {
    watch: { users: [person.id] },
    gateway: {
      origins: ["*"],
      auth: { api_keys_file: keysFile },
      policy: [{ who: { keys: ["desk"] }, allow: "*", fields: [] }, { who: { keys: ["wall"] }, allow: "*", fields: ["outOfOffice"] }],
    },
  });
  const free = await startGateway(tenant, { watch: { users: [person.id] }, gateway: { origins: ["*"] } });
  const page = await embedding(closed, free);
  await page.evaluate(({ id, other }) => {
    window.asked = [];
    document.addEventListener("presence-signin", (event) => window.asked.push(event.detail.gateway));
    for (const gateway of ["", "", other]) {
      const badge = document.createElement("presence-badge");
      badge.setAttribute("user-id", id);
      if (gateway) badge.setAttribute("gateway", gateway);
      document.querySelector("#place").append(badge, " ");
    }
    window.client = window.widget.clientFor();
  }, { id: person.id, other: free.url });
  const link = () => page.evaluate(() => window.client.link.state);
  await until(async () => (await link()) === "signed-out", "the page knows that it has to sign in", 4000); // not only when the gateway loses patience
  await until(async () => (await page.evaluate(() => window.asked)).length > 0, "the page is asked to sign in");
  const badge = page.locator("presence-badge");
  await until(async () => /^Busy/.test(await label(badge.nth(2))), "the other gateway needs no sign-in");
  assert.match(await label(badge.first()), /^Unknown/i);

  const signIn = (key) => page.evaluate((key) => window.widget.configure({ getToken: async () => key }), key);
  await signIn(KEYS.desk);
  await until(async () => (await label(badge.first())) === "Busy", "the badge, once signed in");
  // The same state under the same version, but more of it may be seen.
  await signIn(KEYS.wall);
  await until(async () => /out of office/i.test(await label(badge.first())), "what the other caller may see");
  assert.equal(await link(), "live");
  assert.deepEqual(await page.evaluate(() => window.asked), [`${closed.url}/`]);
  const tokens = page.frames_.filter(([, frame]) => frame.includes("authenticate"));
  assert.deepEqual(tokens.map(([host, frame]) => [host, JSON.parse(frame).token]), Object.values(KEYS).map((key) => [new URL(closed.url).host, key]));
  await done(page);
});
