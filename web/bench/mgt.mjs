// The same 20 people on a page of badges and on a page of the Graph Toolkit's mgt-person, opened by 1, 10 and 50 readers,
// each on a tenant of its own: how many reads that costs Graph, and how soon a change is seen.
import { build } from "esbuild";
import { basename, dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { open, startGateway, startSite, startTenant, until } from "../e2e/house.mjs";
import { badge, script } from "./cold.mjs";
import { watchPaint } from "./eye.mjs";
import { heading, quantile, short, table } from "./figures.mjs";
import { startFront } from "./mgt/front.mjs";
import { certificate, LATENCY, trusting } from "./place.mjs";

/** Rounds for each number of readers: few pages see few changes in one. */
const READERS = { 1: 2, 10: 1, 50: 1 };
const PEOPLE = 20;
const REFRESH = 20_000;
/** A round: everybody changes once in the first half, and all is counted until its end. */
const ROUND = 2 * REFRESH;
const STATES = ["Available", "Busy", "Away", "DoNotDisturb"];
const wall = () => performance.timeOrigin + performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const here = dirname(fileURLToPath(import.meta.url));
const fronts = [];
after(() => fronts.forEach((f) => f.close()));

/** A tenant of its own, the same for all. */
async function tenantOf() {
  const tenant = await startTenant({ users: 1000, changes: 0 });
  await tenant.faults({ latency: LATENCY });
  return tenant;
}

/** Notes what mgt-person shows, as eye.mjs does for badges. */
async function watchPersons(page) {
  await page.addInitScript(() => {
    const seen = (window.seen = []);
    const look = (person) => {
      let shown;
      const changed = () => {
        const now = person.shadowRoot.querySelector(".presence-wrapper")?.title;
        if (now === undefined || now === shown) return;
        shown = now;
        requestAnimationFrame(() => requestAnimationFrame(() => seen.push({ id: person.userId, activity: person.personPresence.activity, painted: performance.timeOrigin + performance.now() })));
      };
      new MutationObserver(changed).observe(person.shadowRoot, { subtree: true, childList: true, attributes: true });
      changed();
    };
    customElements.whenDefined("mgt-person").then(() => document.querySelectorAll("mgt-person").forEach(look));
  });
  return { take: () => page.evaluate(() => window.seen.splice(0)) };
}

test("beside mgt-person", { timeout: 900_000 }, async () => {
  const { outputFiles } = await build({ entryPoints: { toolkit: join(here, "mgt/page.js") }, outdir: here, bundle: true, minify: true, splitting: true, format: "esm", write: false, logLevel: "error" });
  const toolkit = new Map(outputFiles.map((f) => [`/${basename(f.path)}`, f.text]));
  const tls = certificate();
  const browser = await trusting(tls);
  const tenants = { badge: await tenantOf(), once: await tenantOf(), refreshed: await tenantOf() };
  const kinds = Object.keys(tenants);
  // Somewhere that is none of the states later, so that each change is one.
  await Promise.all(kinds.map(async (k) => Promise.all((await tenants[k].people(PEOPLE)).map((p) => tenants[k].put(p.id, "BeRightBack", "BeRightBack", { pinSeconds: 3600 })))));
  const everybody = await tenants.badge.people(1000);
  const ids = everybody.slice(0, PEOPLE).map((p) => p.id);
  const gateway = await startGateway(tenants.badge, { tls, graph: { interval: "5s" }, watch: { directory: true, users: everybody.map((p) => p.id) } , gateway: { auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }], origins: ["*"], drain: "2s", drain_delay: "0s" } });
  const pages = {
    "/badge": `${script(gateway.url)}<p>${ids.map(badge).join(" ")}</p>`,
    "/toolkit": `<script type="module" src="/toolkit.js"></script>${ids.map((id) => `<p><mgt-person user-id="${id}" view="oneline" show-presence disable-image-fetch></mgt-person></p>`).join("")}`,
  };
  const site = await startSite(({ pathname }) => {
    if (toolkit.has(pathname)) return { body: toolkit.get(pathname), type: "text/javascript" };
    if (pathname === "/favicon.ico") return { body: "", type: "image/x-icon" };
    return pages[pathname] && `<!doctype html><html lang="en"><title>Team</title>${pages[pathname]}</html>`;
  });
  for (const name of ["once", "refreshed"]) fronts.push((tenants[name].front = await startFront(tenants[name].url, tls)));
  const address = {
    badge: `${site.url}/badge`,
    once: `${site.url}/toolkit?graph=${tenants.once.front.url}`,
    refreshed: `${site.url}/toolkit?graph=${tenants.refreshed.front.url}&refresh=${REFRESH}`,
  };
  const reads = async (kind) => (await tenants[kind].stats()).reads;

  let turn = 0;
  const results = [];
  for (const [readers, rounds] of Object.entries(READERS)) {
    const open1 = async (kind) => {
      const page = await open(undefined, { context: await browser.newContext({ viewport: { width: 500, height: 700 } }) });
      const eye = kind === "badge" ? await watchPaint(page) : await watchPersons(page);
      await page.goto(address[kind]);
      await until(() => page.evaluate((n) => new Set(window.seen.map((s) => s.id)).size === n, PEOPLE), `everybody is shown on ${kind}`, 60_000);
      return { page, eye };
    };
    const opened = {};
    const opening = {};
    for (const kind of kinds) {
      const before = await reads(kind);
      opened[kind] = [];
      // A few at a time, as on a morning.
      for (let i = 0; i < readers; i += 5) opened[kind].push(...(await Promise.all(Array.from({ length: Math.min(5, readers - i) }, () => open1(kind)))));
      opening[kind] = (await reads(kind)) - before;
    }
    const delays = Object.fromEntries(kinds.map((k) => [k, []]));
    const counted = Object.fromEntries(kinds.map((k) => [k, 0]));
    const missed = Object.fromEntries(kinds.map((k) => [k, 0]));
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) for (const { eye } of opened[kind]) await eye.take();
      const before = Object.fromEntries(await Promise.all(kinds.map(async (k) => [k, await reads(k)])));
      const began = wall();
      turn++;
      const made = [];
      for (const [i, id] of ids.entries()) {
        await sleep(began + ((i + Math.random()) * REFRESH * 0.9) / PEOPLE - wall());
        const availability = STATES[(turn + i) % STATES.length];
        made.push({ id, activity: availability, at: wall() });
        await Promise.all(kinds.map((k) => tenants[k].put(id, availability, availability, { pinSeconds: 3600 })));
      }
      await sleep(began + ROUND - wall());
      for (const kind of kinds) {
        counted[kind] += (await reads(kind)) - before[kind];
        for (const { eye } of opened[kind]) {
          const seen = await eye.take();
          for (const change of made) {
            const s = seen.find((x) => x.id === change.id && x.activity === change.activity && x.painted > change.at);
            if (s) delays[kind].push(s.painted - change.at);
            else missed[kind]++;
          }
        }
      }
    }
    results.push({ readers, opening, delays, missed, perMinute: Object.fromEntries(kinds.map((k) => [k, (counted[k] * 60_000) / ROUND / rounds])) });
    for (const kind of kinds) for (const { page } of opened[kind]) await page.context().close();
  }

  heading(`Reads of presence at Graph and change to paint: 20 people on a page; the gateway reads 1,000 people each 5 s; toolkit 4.6.0`);
  const seconds = (of, share) => (of.length === 0 ? "never" : `${short(quantile(of, share) / 1000)} s`);
  const names = { badge: "presence-badge", once: "mgt-person, as npm has it", refreshed: `mgt-person, refreshed each ${REFRESH / 1000} s` };
  table([
    ["pages open", "", "reads a minute", "reads to open them", "change to paint, p50", "p95", "changes shown"],
    ...results.flatMap((r) =>
      kinds.map((k) => [r.readers, names[k], Math.round(r.perMinute[k]), k === "badge" ? 0 : r.opening[k], seconds(r.delays[k], 0.5), seconds(r.delays[k], 0.95), `${Math.round((100 * r.delays[k].length) / (r.delays[k].length + r.missed[k]))} %`]),
    ),
  ]);
});
