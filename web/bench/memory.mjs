// Whether pages that are open all day grow: an hour's worth of deltas (72,000 changes of 1,000 people) for a page of 200
// badges and the dashboard, looked at after collections of garbage. MINUTES says how long that takes: 2 if not set, and 60
// is the hour itself. After it badges come and go.
import { test } from "node:test";
import { done, open, startDemo } from "../e2e/house.mjs";
import { badge, script, shown, site } from "./cold.mjs";
import { heading, table } from "./figures.mjs";

const MINUTES = Number(process.env.MINUTES ?? 2);
const CHANGES = 72_000;
const SAMPLES = MINUTES > 10 ? 30 : 12;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Looks at what a page holds once its garbage is gone. */
async function scales(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable");
  return async () => {
    // Twice: what the first collection lets go of may have held more.
    for (let i = 0; i < 2; i++) await cdp.send("HeapProfiler.collectGarbage");
    const { metrics } = await cdp.send("Performance.getMetrics");
    const of = (name) => metrics.find((m) => m.name === name).value;
    return { heap: of("JSHeapUsedSize") / 1024, nodes: of("Nodes"), listeners: of("JSEventListeners") };
  };
}

/** How much a figure rises an hour by the straight line nearest to it, taking each sample for its moment of that hour. */
function slope(samples, of) {
  const n = samples.length;
  const [mx, my] = [(n - 1) / 2, samples.reduce((s, x) => s + of(x), 0) / n];
  const above = samples.reduce((s, x, i) => s + (i - mx) * (of(x) - my), 0);
  const below = samples.reduce((s, _, i) => s + (i - mx) ** 2, 0);
  return (above / below) * (SAMPLES - 1);
}

const whole = (n) => Math.round(n).toLocaleString("en");
const signed = (n) => (n >= 0 ? "+" : "-") + whole(Math.abs(n));

test("memory", async () => {
  const demo = await startDemo({ users: 1000, changes: CHANGES / MINUTES / 60 });
  const people = await demo.people(1000);
  const badges = await open((await site(script(demo.url), `<p>${people.slice(0, 200).map((p) => badge(p.id)).join(" ")}</p>`)).url);
  await shown(badges);
  await badges.evaluate(() => document.addEventListener("presence-change", () => (window.changes = (window.changes ?? 0) + 1)));
  const dashboard = await open(demo.url);
  await dashboard.getByText("Live", { exact: true }).waitFor();
  const pages = [["200 badges", await scales(badges)], ["dashboard", await scales(dashboard)]].map(([name, weigh]) => ({ name, weigh, samples: [] }));

  // What is compiled and cached in the first minute is no growth.
  await sleep(Math.min(60_000, MINUTES * 15_000));
  const began = Date.now();
  for (let i = 0; i < SAMPLES; i++) {
    await sleep(began + (i * MINUTES * 60_000) / (SAMPLES - 1) - Date.now());
    for (const p of pages) p.samples.push(await p.weigh());
    if (MINUTES > 10) console.log(`${new Date().toISOString()} ${pages.map((p) => `${p.name}: ${whole(p.samples.at(-1).heap)} KB, ${p.samples.at(-1).nodes} nodes, ${p.samples.at(-1).listeners} listeners`).join("; ")}`);
  }

  heading(`${whole(CHANGES)} changes of 1,000 people in ${MINUTES} minutes, ${whole(await badges.evaluate(() => window.changes))} of them shown by the badges; after collections of garbage`);
  table([
    ["", "heap at first, KB", "in the middle", "at last", "trend over the run", "nodes", "listeners"],
    ...pages.map(({ name, samples }) => [
      name,
      whole(samples[0].heap),
      whole(samples[samples.length >> 1].heap),
      whole(samples.at(-1).heap),
      `${signed(slope(samples, (s) => s.heap))} KB`,
      `${samples[0].nodes} to ${samples.at(-1).nodes}`,
      `${samples[0].listeners} to ${samples.at(-1).listeners}`,
    ]),
  ]);

  heading("The page of 200 badges, after 200 more have come and gone again so many times");
  const rows = [["times", "heap, KB", "nodes", "listeners"]];
  const comeAndGo = () =>
    badges.evaluate(async (ids) => {
      const line = document.createElement("p");
      for (const id of ids) line.append(Object.assign(document.createElement("presence-badge"), { userId: id }));
      document.body.append(line);
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 100)));
      line.remove();
      await new Promise((resolve) => setTimeout(resolve, 50));
    }, people.slice(200, 400).map((p) => p.id));
  for (let i = 0; i <= 40; i++) {
    if (i % 10 === 0) {
      const now = await pages[0].weigh();
      rows.push([i, whole(now.heap), now.nodes, now.listeners]);
    }
    await comeAndGo();
  }
  table(rows);
  await done(badges);
  await done(dashboard);
});
