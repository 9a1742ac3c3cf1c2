// A page on another origin, in a real Chromium, against a real gateway that lets everybody see everything: it gets nothing.
// The same page on an origin that the gateway allows gets all of it, so that this would notice. BINARY names the program.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as listenOn } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const folder = mkdtempSync(join(tmpdir(), "foreign-"));
const children = [];
let browser;

function run(...words) {
  const child = spawn(process.env.BINARY ?? "../bin/presence-gateway", words, { env: { PATH: process.env.PATH, HOME: folder }, stdio: ["ignore", "pipe", "ignore"] });
  children.push(child);
  return child;
}

function freePort() {
  return new Promise((resolve) => {
    const probe = listenOn().listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Serves one empty page and returns its origin; what it embeds, it may. */
async function site() {
  const server = createServer((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>elsewhere</title>"));
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return `http://127.0.0.1:${server.address().port}`;
}

/** Everything that a page can try, and what came of it; runs in the page. */
async function attempts({ gateway, user }) {
  const tried = {};
  const within = (ms, promise) => Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve("nothing"), ms))]);
  const read = async (path, options) => {
    try {
      const response = await fetch(gateway + path, { ...options, signal: AbortSignal.timeout(3000) });
      return response.type === "opaque" ? "nothing" : await response.text();
    } catch {
      return "nothing";
    }
  };
  const query = JSON.stringify({ users: [user] });
  tried.fetch = await read(`/v1/presences/${user}`);
  tried["fetch with credentials"] = await read(`/v1/presences/${user}`, { credentials: "include" });
  tried["fetch without cors"] = await read(`/v1/presences/${user}`, { mode: "no-cors" });
  tried.query = await read("/v1/presences/query", { method: "POST", headers: { "content-type": "application/json" }, body: query });
  tried["a query as plain text"] = await read("/v1/presences/query", { method: "POST", headers: { "content-type": "text/plain" }, body: query });
  tried.settings = await read("/v1/settings");
  tried.graph = await read(`/graph/v1.0/users/${user}/presence`);
  tried.ticket = await read("/v1/tickets", { method: "POST" });
  tried.xhr = await within(3000, new Promise((resolve) => {
    const xhr = new XMLHttpRequest();
    xhr.onload = () => resolve(xhr.responseText);
    xhr.onerror = () => resolve("nothing");
    xhr.open("GET", `${gateway}/v1/presences/${user}`);
    xhr.send();
  }));
  tried.websocket = await within(3000, new Promise((resolve) => {
    const socket = new WebSocket(`${gateway.replace("http", "ws")}/v1/stream`, "presence.v1.json");
    socket.onmessage = (m) => resolve(m.data);
    socket.onclose = () => resolve("nothing");
  }));
  tried.events = await within(3000, new Promise((resolve) => {
    const source = new EventSource(`${gateway}/v1/events?users=${user}`);
    source.addEventListener("snapshot", (m) => (source.close(), resolve(m.data)));
    source.onerror = () => (source.close(), resolve("nothing"));
  }));
  tried.script = await within(3000, new Promise((resolve) => {
    const script = document.createElement("script");
    addEventListener("error", (e) => e.filename?.startsWith(gateway) && resolve("nothing"), { once: true }); // JSON, or refused as one
    script.onload = () => resolve("it ran");
    script.onerror = () => resolve("nothing");
    script.src = `${gateway}/v1/presences?users=${user}`;
    document.head.append(script);
  }));
  tried.frame = await within(3000, new Promise((resolve) => {
    const frame = document.createElement("iframe");
    frame.onload = () => resolve("loaded"); // which it is for a page of refusal too: the caller looks inside
    frame.src = `${gateway}/`;
    document.body.append(frame);
  }));
  return tried;
}

try {
  const [port, allowed, foreign] = [await freePort(), await site(), await site()];
  const gateway = `http://127.0.0.1:${port}`;
  const tenant = run("simulate", "--listen", "127.0.0.1:0", "--users", "5");
  const graph = await new Promise((resolve) => {
    let said = "";
    tenant.stdout.on("data", (text) => {
      const found = /http:\/\/[^ ]+/.exec((said += text));
      if (found) resolve(found[0]);
    });
  });
  const user = (await (await fetch(`${graph}/sim/users?top=1`)).json()).value[0].id;
  writeFileSync(join(folder, "token"), "any");
  writeFileSync(join(folder, "config.yaml"), `listen: 127.0.0.1:${port}
public_url: ${gateway}
admin_listen: ""
state_dir: ${join(folder, "state")}
graph: {base_url: "${graph}", credential: {kind: token_file, token_file: ${join(folder, "token")}}}
watch: {users: [${user}]}
gateway: {origins: ["${allowed}"], auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}], drain: 1s, drain_delay: 0s}
`);
  run("serve", "--config", join(folder, "config.yaml")).stdout.resume();
  for (const deadline = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if ((await fetch(`${gateway}/v1/presences/${user}`).catch(() => ({ ok: false }))).ok) break;
    assert.ok(Date.now() < deadline, "the gateway serves a presence");
  }
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"],
  });
  const look = async (origin, context = {}) => {
    const page = await (await browser.newContext(context)).newPage();
    await page.goto(origin);
    const tried = await page.evaluate(attempts, { gateway, user });
    // Where it is refused, the frame holds a page of the browser's own.
    tried.frame = (await page.frames().find((f) => f.url().startsWith(gateway))?.title()) ?? "nothing";
    await page.context().close();
    return tried;
  };
  // There are no cookies, so that no page may send any, and a ticket is for who has signed in.
  const unseen = { "fetch with credentials": true, "fetch without cors": true, script: true, ticket: true, settings: true };
  const mine = await look(allowed);
  for (const [way, got] of Object.entries(mine)) {
    if (!unseen[way]) assert.ok(got === "Presence" || /presence|availability|hello/i.test(got), `an allowed page, by ${way}: ${got.slice(0, 200)}`);
  }
  assert.match(mine.settings, /version/);
  for (const [name, origin] of [["another port", foreign], ["another name of this machine", foreign.replace("127.0.0.1", "localhost")], ["no origin", `data:text/html,<title>x</title>`]]) {
    for (const [way, got] of Object.entries(await look(origin))) assert.equal(got, "nothing", `a page on ${name}, by ${way}`);
    console.log(`ok   a page on ${name} gets nothing, in ${Object.keys(mine).length} ways`);
  }
} finally {
  await browser?.close();
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}
