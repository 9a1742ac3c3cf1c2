// The house that browser tests live in: the real program in its parts (demo, simulated tenant, gateway), sites on other
// origins, lines that can be cut, and one real Chromium whose pages may not complain. GATEWAY names the program, CHROMIUM
// the browser, SHOTS a folder for pictures. Everything a file started ends with it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { createServer as listenOn } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = dirname(fileURLToPath(import.meta.url));
const program = resolve(process.env.GATEWAY ?? join(here, "../../bin/presence-gateway"));
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const shots = process.env.SHOTS;

/** A folder of this run; gone after it. */
export const folder = mkdtempSync(join(tmpdir(), "house-"));
const programs = new Set();
const servers = new Set();
let chrome;

after(async () => {
  await chrome?.close();
  for (const p of programs) p.child.kill("SIGKILL");
  for (const s of servers) {
    s.closeAllConnections();
    s.close();
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

export async function freePort() {
  const server = listenOn().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Longer than a client's back-off lasts after an outage of ten seconds. */
const PATIENCE = 25_000;

/** Waits until `tell` gives something true, and returns that; fails with what it gave last. */
export async function until(tell, what, ms = PATIENCE) {
  for (const deadline = Date.now() + ms; ; await new Promise((resolve) => setTimeout(resolve, 25))) {
    const said = await tell();
    if (said) return said;
    assert.ok(Date.now() < deadline, `${what}: ${JSON.stringify(said)} after ${ms} ms`);
  }
}

/** One run of the program, which can be killed, stopped and started again as it was. */
class Program {
  #args;
  #ready;
  child;
  /** The last of what it said on stderr. */
  said = "";

  constructor(args, ready) {
    this.#args = args;
    this.#ready = ready;
    programs.add(this);
  }

  async start() {
    // A variable of the caller's own must not change what is tested.
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PRESENCE_")));
    this.child = spawn(program, this.#args, { env: { ...environment, HOME: folder }, stdio: ["ignore", "pipe", "pipe"] });
    this.child.stderr.on("data", (text) => (this.said = (this.said + text).slice(-20_000)));
    this.lines = createInterface({ input: this.child.stdout });
    await until(async () => {
      assert.equal(this.child.exitCode, null, `${this.#args[0]} ended: ${this.said}`);
      return this.#ready();
    }, `${this.#args[0]} does not begin`, 30_000);
    return this;
  }

  async #end(signal) {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill(signal);
    await once(this.child, "exit");
  }

  kill() {
    return this.#end("SIGKILL");
  }

  stop() {
    return this.#end("SIGTERM");
  }
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** What can be done to a simulated tenant, the demo's or one alone. */
function steering(url) {
  const send = async (method, path, body) => {
    const response = await fetch(url + path, { method, headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${await response.clone().text()}`);
    return response;
  };
  return {
    /** Changes someone's presence; `more` is Graph's other fields. */
    put: (id, availability, activity = availability, more = {}) => send("PUT", `/sim/users/${id}/presence`, { availability, activity, ...more }),
    faults: (faults) => send("PUT", "/sim/faults", faults),
    stats: async () => (await fetch(`${url}/sim/stats`)).json(),
    people: async (n = 1000) => (await (await fetch(`${url}/sim/users?top=${n}`)).json()).value,
  };
}

/** The whole system in one process. Nobody changes by themselves unless `changes` says how many a second. */
export async function startDemo({ users = 60, changes = 0.0001, args = [] } = {}) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const run = new Program(["demo", "--listen", `127.0.0.1:${port}`, "--users", users, "--changes-per-second", changes, ...args].map(String), async () => {
    if (!(await answers(`${url}/v1/settings`))) return false;
    const [first] = await steering(url).people(1);
    return answers(`${url}/v1/presences/${first.id}`); // its first reads have been made
  });
  return Object.assign(await run.start(), { url, ...steering(url) });
}

/** A simulated tenant alone; `tls` serves it, and its login, with a certificate that `ca` names. */
export async function startTenant({ users = 60, changes = 0.0001, tls = false, args = [] } = {}) {
  const port = await freePort();
  const url = `${tls ? "https" : "http"}://127.0.0.1:${port}`;
  const ca = join(folder, `ca-${port}.pem`);
  const secure = tls ? ["--tls", "--ca-file", ca] : [];
  if (tls) trustAnyone();
  const run = new Program(["simulate", "--listen", `127.0.0.1:${port}`, "--users", users, "--changes-per-second", changes, ...secure, ...args].map(String), () => answers(`${url}/sim/stats`));
  return Object.assign(await run.start(), { url, ca, ...steering(url) });
}

/** This run's own certificates are nobody's business. */
function trustAnyone() {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  process.removeAllListeners("warning");
}

/**
 * A gateway on a tenant. `config` adds to a configuration in which everybody may see everybody named under `watch`; it is
 * merged one level deep. `admin` is the address of its metrics; `configure` writes the file anew.
 */
export async function startGateway(tenant, config = {}, args = []) {
  const [port, adminPort] = [await freePort(), await freePort()];
  const file = join(folder, `gateway-${port}.yaml`);
  const token = join(folder, "token");
  writeFileSync(token, "any");
  const own = {
    listen: `127.0.0.1:${port}`,
    admin_listen: `127.0.0.1:${adminPort}`,
    state_dir: join(folder, `state-${port}`),
    graph: { base_url: tenant.url, interval: "1s", credential: { kind: "token_file", token_file: token, ca_file: tenant.url.startsWith("https") ? tenant.ca : "" } },
    watch: { directory: true },
    gateway: { auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }], drain: "2s", drain_delay: "0s" },
  };
  const write = (more) => {
    const merged = { ...own };
    for (const [key, value] of Object.entries(more)) merged[key] = typeof value === "object" && !Array.isArray(value) ? { ...own[key], ...value } : value;
    writeFileSync(file, JSON.stringify(merged));
    return merged;
  };
  const { listen, tls } = write(config);
  if (tls !== undefined) trustAnyone();
  const url = `${tls === undefined ? "http" : "https"}://${listen}`;
  const admin = `http://127.0.0.1:${adminPort}`;
  const run = new Program(["serve", "--config", file, ...args], () => answers(`${admin}/readyz`));
  return Object.assign(await run.start(), {
    url,
    admin,
    configure: write,
    /** The value of a metric, over all its labels. */
    metric: async (name) => {
      const text = await (await fetch(`${admin}/metrics`)).text();
      return [...text.matchAll(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "gm"))].reduce((sum, [, value]) => sum + Number(value), 0);
    },
  });
}

/** A site on another origin: `answer(url)` gives the HTML of an address, or {body, type}, or undefined; `headers` come with each. */
export async function startSite(answer, headers = {}) {
  const server = createServer((request, response) => {
    const given = answer(new URL(request.url, "http://site"));
    if (given === undefined) return response.writeHead(404).end();
    const { body, type } = typeof given === "string" ? { body: given, type: "text/html; charset=utf-8" } : given;
    response.writeHead(200, { "content-type": type, ...headers }).end(body);
  });
  servers.add(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // Another name of this machine is another origin, and another site to the browser.
  return { url: `http://localhost:${server.address().port}` };
}

/** The policy under which a page may hold a badge, and nothing else. */
export function strictPolicy(gateway) {
  return { "content-security-policy": `default-src 'none'; script-src ${gateway}; connect-src ${gateway} ${gateway.replace("http", "ws")}; require-trusted-types-for 'script'` };
}

/** A small page. */
export function html(title, body) {
  return `<!doctype html><html lang="en"><title>${title}</title><main><h1>${title}</h1>${body}</main></html>`;
}

export async function browser() {
  chrome ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  return chrome;
}

const complaints = new WeakMap();

/**
 * Opens a page in a context of its own, or in `context`. `origins` are where it may send requests to. What the console
 * says, errors, requests to elsewhere and reports of its content security policy are complaints; `done` wants none.
 */
export async function open(url, { origins = [], context, ...options } = {}) {
  context ??= await (await browser()).newContext({ viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true, ...options });
  context.setDefaultTimeout(PATIENCE);
  const page = await context.newPage();
  const heard = { list: [], expected: undefined };
  complaints.set(page, heard);
  const complain = (text) => heard.expected?.test(text) || heard.list.push(text);
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && complain(`${m.type()}: ${m.text()}`));
  page.on("pageerror", (e) => complain(`error: ${e.message}`));
  if (origins.length > 0) {
    const allowed = [...origins, new URL(url).origin, "data:", "about:"];
    page.on("request", (r) => allowed.some((o) => r.url().startsWith(o)) || complain(`request to elsewhere: ${r.url()}`));
  }
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
  });
  if (url !== undefined) await page.goto(url);
  return page;
}

/** From now on complaints that fit are what the test is about; undefined: none are. */
export function expectComplaints(page, pattern) {
  complaints.get(page).expected = pattern;
}

/** Nothing was complained of. */
export async function quiet(page) {
  assert.deepEqual(await page.evaluate(() => window.violations), [], "content security policy reports");
  assert.deepEqual(complaints.get(page).list, [], "complaints of the page");
}

/** Nothing was complained of; the page is closed with its context. */
export async function done(page) {
  await quiet(page);
  await page.context().close();
}

/** What axe finds on a page: nothing. */
export async function axe(page, where) {
  // What fades in has its colours only once it is there.
  await page.evaluate(() =>
    Promise.allSettled(
      document.getAnimations({ subtree: true }).filter((a) => a.effect.getComputedTiming().endTime !== Infinity).map((a) => a.finished),
    ),
  );
  // Injected by the debugger, which no policy of the page stops.
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run());
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).slice(0, 3).join(" ")}`), [], `axe on ${where}`);
}

/** Takes a picture where SHOTS names a folder. */
export async function shoot(page, name, options = {}) {
  if (!shots) return;
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), ...options });
}

/** The name that a badge has for those who cannot see it. */
export const label = (badge) => badge.evaluate((e) => e.shadowRoot.querySelector("[role=img]").getAttribute("aria-label"));
