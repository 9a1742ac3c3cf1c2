// Signs people in to the page in a real Chromium, by the whole redirect through a simulated Entra, and lets a screen in
// by its key. GATEWAY is the program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SHOTS;
const folder = mkdtempSync(join(tmpdir(), "sign-in-"));
const file = (name) => join(folder, name);
const children = [];

/** Starts the program; it must become reachable at an address. */
async function start(args, url) {
  const child = spawn(process.env.GATEWAY ?? "../bin/presence-gateway", args, { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  for (let i = 0; i < 150; i++) {
    if (child.exitCode !== null) break;
    try {
      if ((await fetch(url)).status < 500) return;
    } catch {
      // not yet
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${args[0]} does not answer at ${url}: ${said}`);
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const TENANT = "11111111-2222-4333-8444-555555555555";
const API = "22222222-3333-4444-8555-666666666666";
const KEY = "wall-screen-key-0123456789abcdef";
process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0"; // the authority's certificate is of this run
process.removeAllListeners("warning");

const sim = `https://127.0.0.1:${await freePort()}`;
const gw = `http://127.0.0.1:${await freePort()}`;
const page_ = gw + "/";
const keysFile = (keys) => writeFileSync(file("keys.yaml"), JSON.stringify(keys));
keysFile([{ name: "wall", sha256: createHash("sha256").update(KEY).digest("hex") }]);
writeFileSync(file("secret"), "secret");
writeFileSync(file("config.yaml"), JSON.stringify({
  listen: gw.slice(7),
  admin_listen: "",
  state_dir: file("state"),
  graph: {
    base_url: sim,
    interval: "1s",
    credential: { kind: "client_secret", tenant_id: TENANT, client_id: "app", client_secret_file: file("secret"), authority: sim, ca_file: file("ca.pem") },
  },
  watch: { groups: [], users: [], directory: true },
  gateway: {
    auth: {
      api_keys_file: file("keys.yaml"),
      jwt: { issuer: `${sim}/${TENANT}/v2.0`, audience: API, required_scope: "Presence.Subscribe" },
      login: { client_id: API, scope: `api://${API}/Presence.Subscribe` },
    },
    policy: [{ who: { everyone: true }, allow: "*" }],
  },
}));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
});
const complaints = [];
/** A key is in use that the gateway does not know. */
let wrongKey = false;

async function visitor() {
  const context = await browser.newContext({ viewport: { width: 1100, height: 760 }, ignoreHTTPSErrors: true });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.on("console", (m) => {
    if (!["error", "warning"].includes(m.type())) return;
    // The browser's own words where the page asks with what is refused.
    if (wrongKey && /status of 401/.test(m.text())) return;
    complaints.push(`${m.type()}: ${m.text()}`);
  });
  page.on("pageerror", (e) => complaints.push(`error: ${e.message}`));
  // What the gateway is sent must never hold a token in its address, nor the provider's code.
  page.on("request", (r) => {
    if (r.url().startsWith(gw) && /code=|token=|ey[A-Za-z0-9_-]{20}/.test(r.url())) complaints.push(`in the address: ${r.url().slice(0, 60)}`);
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  return page;
}

async function look(page, name) {
  await page.evaluate(() => Promise.allSettled(document.getAnimations().map((a) => a.finished)));
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [], `axe on ${name}`);
  assert.deepEqual(await page.evaluate(() => window.violations), [], "content security policy reports");
  if (shots) await page.screenshot({ path: `${shots}/${name}.png` });
}

const door = (page) => page.getByRole("heading", { name: "Sign in to see who is available" });
const enter = (page) => page.locator("#door").getByRole("button", { name: "Sign in" });
const live = (page) => page.getByText("Live", { exact: true }).waitFor();
const kept = (page) => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));

const tests = {
  async "nothing is shown before sign-in, and the way in is"() {
    const page = await visitor();
    const calls = [];
    page.on("request", (r) => calls.push(new URL(r.url()).pathname));
    page.on("websocket", () => calls.push("socket"));
    await page.goto(page_);
    await door(page).waitFor();
    await page.waitForLoadState("networkidle");
    assert.ok(!calls.includes("socket") && !calls.includes("/v1/directory"), `asked for ${calls}`);
    assert.equal(await page.locator(".card").count(), 0);
    await look(page, "door");
    await page.context().close();
  },

  async "a person signs in by the redirect, stays in over a reload, and leaves no token behind"() {
    const page = await visitor();
    await page.goto(page_ + "?team=all#top");
    await enter(page).click();
    await page.getByRole("heading", { name: "Who are you?" }).waitFor();
    assert.ok(page.url().startsWith(sim));
    await page.locator("form button[name=user]").nth(2).click();
    await live(page);
    await page.locator(".card").first().waitFor();
    assert.equal(page.url(), page_ + "?team=all#top");
    assert.doesNotMatch(await kept(page), /ey[A-Za-z0-9_-]{10}|code|verifier/);
    await look(page, "signed-in");
    // The tokens are gone with the page; the provider still knows the reader.
    await page.reload();
    await live(page);
    assert.equal(page.url(), page_ + "?team=all#top");
    await page.getByRole("button", { name: "Sign out" }).click();
    await door(page).waitFor();
    assert.equal(await page.locator(".card").count(), 0);
    await page.context().close();
  },

  async "a sign-in is renewed on the connection that stands"() {
    const page = await visitor();
    let sockets = 0;
    const sent = [];
    page.on("websocket", (socket) => {
      sockets++;
      socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload).type));
    });
    await page.goto(page_);
    await enter(page).click();
    await page.locator("form button[name=user]").first().click();
    await live(page);
    for (let i = 0; sent.filter((type) => type === "authenticate").length < 2; i++) {
      assert.ok(i < 250, `in 25 s the page sent ${sent}`);
      await page.waitForTimeout(100);
    }
    await page.waitForTimeout(500); // whatever the gateway thinks of it has arrived
    assert.equal(sockets, 1);
    await live(page);
    await page.context().close();
  },

  async "declining is told, and the way in stays"() {
    const page = await visitor();
    await page.goto(page_);
    await enter(page).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByText("The sign-in was declined.").waitFor();
    assert.equal(page.url(), page_);
    await look(page, "declined");
    await page.context().close();
  },

  async "a forged answer is not used"() {
    const page = await visitor();
    await page.goto(page_ + "#code=stolen&state=forged");
    await page.getByText("An answer arrived that this page had not asked for").waitFor();
    assert.equal(page.url(), page_);
    await page.context().close();
  },

  async "a screen is let in by its key until the key is withdrawn"() {
    const page = await visitor();
    await page.goto(page_);
    await page.getByText("This screen has a key of its own").click();
    wrongKey = true;
    await page.getByLabel(/API key/).fill("not the key, for a start");
    await page.getByRole("button", { name: "Use this key" }).click();
    await page.getByText("The gateway did not accept this sign-in").waitFor();
    await page.getByText("This screen has a key of its own").click();
    await look(page, "key");
    wrongKey = false;
    await page.getByLabel(/API key/).fill(KEY);
    await page.getByRole("button", { name: "Use this key" }).click();
    await live(page);
    await page.reload();
    await live(page);
    await page.locator(".card").first().waitFor();
    wrongKey = true;
    keysFile([]);
    await door(page).waitFor({ timeout: 12_000 });
    assert.equal(await page.locator(".card").count(), 0);
    assert.doesNotMatch(await kept(page), new RegExp(KEY));
    await page.context().close();
  },
};

let failed = 0;
try {
  await start(["simulate", "--listen", sim.slice(8), "--tls", "--ca-file", file("ca.pem"), "--client-id", "app", "--client-secret", "secret",
    "--api-id", API, "--redirect-uri", page_, "--token-life", "20s"], sim + "/sim/stats");
  const { value: people } = await (await fetch(sim + "/sim/users")).json();
  const config = JSON.parse(readFileSync(file("config.yaml"), "utf8"));
  config.watch.users = people.slice(0, 40).map((p) => p.id);
  writeFileSync(file("config.yaml"), JSON.stringify(config));
  await start(["serve", "--config", file("config.yaml")], gw + "/v1/settings");
  for (const [name, test] of Object.entries(tests)) {
    try {
      await test();
      console.log(`ok   ${name}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${name}\n${error.stack}`);
    }
  }
  if (complaints.length > 0) {
    failed++;
    console.log(`FAIL complaints\n${complaints.join("\n")}`);
  }
} finally {
  await browser.close();
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failed > 0 ? 1 : 0);
