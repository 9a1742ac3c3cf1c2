// Signs people in to the page in a real Chromium, by the whole redirect through a simulated Entra, and lets a screen in
// by its key.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { axe, done, expectComplaints, folder, freePort, open, shoot, startGateway, startTenant, until } from "./house.mjs";

const TENANT = "11111111-2222-4333-8444-555555555555";
const API = "22222222-3333-4444-8555-666666666666";
const KEY = "wall-screen-key-0123456789abcdef";
const keysFile = join(folder, "keys.yaml");
const keys = (list) => writeFileSync(keysFile, JSON.stringify(list));

let tenant, gateway;
before(async () => {
  keys([{ name: "wall", sha256: createHash("sha256").update(KEY).digest("hex") }]);
  writeFileSync(join(folder, "secret"), "secret");
  const port = await freePort();
  const sign = ["--client-id", "app", "--client-secret", "secret", "--api-id", API, "--redirect-uri", `http://127.0.0.1:${port}/`, "--token-life", "20s"];
  tenant = await startTenant({ tls: true, args: sign });
  const people = await tenant.people(40);
  gateway = await startGateway(tenant, {
    listen: `127.0.0.1:${port}`,
    graph: { credential: { kind: "client_secret", tenant_id: TENANT, client_id: "app", client_secret_file: join(folder, "secret"), authority: tenant.url, ca_file: tenant.ca } },
    watch: { users: people.map((p) => p.id) },
    gateway: {
      auth: {
        api_keys_file: keysFile,
        jwt: { issuer: `${tenant.url}/${TENANT}/v2.0`, audience: API, required_scope: "Presence.Subscribe" },
        login: { client_id: API, scope: `api://${API}/Presence.Subscribe` },
      },
      policy: [{ who: { everyone: true }, allow: "*" }],
    },
  });
});

/** A page that a visitor has opened; what the gateway is sent must never hold a token in its address, nor the provider's code. */
async function visit(address = "/") {
  const page = await open(undefined);
  page.leaks = [];
  page.on("request", (r) => r.url().startsWith(gateway.url) && /code=|token=|ey[A-Za-z0-9_-]{20}/.test(r.url()) && page.leaks.push(r.url()));
  page.calls = [];
  page.on("request", (r) => page.calls.push(new URL(r.url()).pathname));
  page.sockets = [];
  page.on("websocket", (socket) => {
    const sent = [];
    page.sockets.push(sent);
    socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload).type));
  });
  await page.goto(gateway.url + address);
  return page;
}

async function leave(page) {
  assert.deepEqual(page.leaks, [], "secrets in addresses");
  await done(page);
}

async function look(page, name) {
  await axe(page, name);
  await shoot(page, name);
}

const door = (page) => page.getByRole("heading", { name: "Sign in to see who is available" });
const enter = (page) => page.locator("#door").getByRole("button", { name: "Sign in" });
const live = (page) => page.getByText("Live", { exact: true }).waitFor();
const kept = (page) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));

test("nothing is shown before sign-in, and the way in is", async () => {
  const page = await visit();
  await door(page).waitFor();
  await page.waitForLoadState("networkidle");
  assert.equal(page.sockets.length, 0);
  assert.ok(!page.calls.includes("/v1/directory"), `asked for ${page.calls}`);
  assert.equal(await page.locator(".card").count(), 0);
  await look(page, "door");
  await leave(page);
});

test("a person signs in by the redirect, stays in over a reload, and leaves no token behind", async () => {
  const page = await visit("/?team=all#top");
  const address = gateway.url + "/?team=all#top";
  await enter(page).click();
  await page.getByRole("heading", { name: "Who are you?" }).waitFor();
  assert.ok(page.url().startsWith(tenant.url));
  await page.locator("form button[name=user]").nth(2).click();
  await live(page);
  await page.locator(".card").first().waitFor();
  assert.equal(page.url(), address);
  assert.doesNotMatch(await kept(page), /ey[A-Za-z0-9_-]{10}|code|verifier/);
  await look(page, "signed-in");
  // The tokens are gone with the page; the provider still knows the reader.
  await page.reload();
  await live(page);
  assert.equal(page.url(), address);
  await page.getByRole("button", { name: "Sign out" }).click();
  await door(page).waitFor();
  assert.equal(await page.locator(".card").count(), 0);
  await leave(page);
});

test("a sign-in is renewed on the connection that stands", async () => {
  const page = await visit();
  await enter(page).click();
  await page.locator("form button[name=user]").first().click();
  await live(page);
  await until(() => page.sockets[0].filter((type) => type === "authenticate").length >= 2, "a renewal", 25_000);
  // What the gateway thinks of the renewal has arrived when the next change does, on the same connection.
  const id = await page.locator(".card").first().getAttribute("data-id");
  await tenant.put(id, "DoNotDisturb", "Presenting");
  await page.locator(`.card[data-id="${id}"] .word`).getByText("Presenting", { exact: true }).waitFor();
  assert.equal(page.sockets.length, 1);
  await leave(page);
});

test("declining is told, and the way in stays", async () => {
  const page = await visit();
  await enter(page).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("The sign-in was declined.").waitFor();
  assert.equal(page.url(), gateway.url + "/");
  await look(page, "declined");
  await leave(page);
});

test("a forged answer is not used", async () => {
  const page = await visit("/#code=stolen&state=forged");
  await page.getByText("An answer arrived that this page had not asked for").waitFor();
  assert.equal(page.url(), gateway.url + "/");
  await leave(page);
});

test("a screen is let in by its key until the key is withdrawn", async () => {
  const page = await visit();
  await page.getByText("This screen has a key of its own").click();
  const refused = /status of 401/; // the browser's own words where the page asks with what is refused
  expectComplaints(page, refused);
  await page.getByLabel(/API key/).fill("not the key, for a start");
  await page.getByRole("button", { name: "Use this key" }).click();
  await page.getByText("The gateway did not accept this sign-in").waitFor();
  await page.getByText("This screen has a key of its own").click();
  await look(page, "key");
  expectComplaints(page, undefined);
  await page.getByLabel(/API key/).fill(KEY);
  await page.getByRole("button", { name: "Use this key" }).click();
  await live(page);
  await page.reload();
  await live(page);
  await page.locator(".card").first().waitFor();
  expectComplaints(page, refused);
  keys([]);
  await door(page).waitFor({ timeout: 12_000 });
  assert.equal(await page.locator(".card").count(), 0);
  assert.doesNotMatch(await kept(page), new RegExp(KEY));
  await leave(page);
});
