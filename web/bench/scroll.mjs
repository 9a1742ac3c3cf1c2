// The dashboard of 10,000 people of whom 1,000 change each second: what the page's thread is kept from, at rest, while
// somebody scrolls, and while they type a search. RUNS says how often, 3 if not set.
import { test } from "node:test";
import { browser, done, open, startDemo } from "../e2e/house.mjs";
import { heading, quantile, spread, table } from "./figures.mjs";

const RUNS = Number(process.env.RUNS ?? 3);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("scroll", async () => {
  const demo = await startDemo({ users: 10_000, changes: 1000 });
  const chrome = await browser();
  const page = await open(undefined);
  await page.addInitScript(() => {
    window.gaps = [];
    let last = performance.now();
    const frame = () => {
      const now = performance.now();
      window.gaps.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  /** Does something, and gives the tasks of the page's thread meanwhile, and the time between its frames. */
  const during = async (act) => {
    await page.evaluate(() => window.gaps?.splice(0));
    await chrome.startTracing(page, { categories: ["toplevel"] });
    await act();
    return { tasks: tasks(await chrome.stopTracing()), frames: await page.evaluate(() => window.gaps.splice(0)) };
  };
  const load = async () => {
    await page.goto(demo.url);
    await page.getByText("Live", { exact: true }).waitFor();
    await page.waitForFunction(() => document.documentElement.scrollHeight > 100_000, undefined, { timeout: 60_000 });
    await sleep(2000);
  };
  const loading = await during(load);

  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.mouse.move(640, 500);
  const acts = {
    "nobody does anything": () => sleep(10_000),
    "scrolling by the wheel": async () => {
      for (let i = 0; i < 160; i++) {
        await page.mouse.wheel(0, i < 80 ? 600 : -600);
        await sleep(50);
      }
    },
    "leaps through all of it": async () => {
      for (let i = 0; i < 40; i++) {
        await page.evaluate((y) => scrollTo(0, y), (height * ((i * 7) % 40)) / 40);
        await sleep(200);
      }
      await page.evaluate(() => scrollTo(0, 0));
    },
    "typing a search": async () => {
      await page.locator("#search").focus();
      for (const word of ["anna", "meyer", "sales"]) {
        await page.keyboard.type(word, { delay: 120 });
        await sleep(800);
        for (const _ of word) await page.keyboard.press("Backspace", { delay: 60 });
        await sleep(500);
      }
    },
  };
  const runs = Object.fromEntries(Object.keys(acts).map((name) => [name, []]));
  for (let i = 0; i < RUNS; i++) {
    for (const [name, act] of Object.entries(acts)) {
      runs[name].push(await during(act));
    }
  }
  heading(`The dashboard of 10,000 people, 1,000 changes a second; ${RUNS} runs. What a task takes of the processor leaves out what others on this machine took from it`);
  const row = (name, list) => [
    name,
    ...["took", "worked"].map((of) => spread(list.map((r) => Math.max(...r.tasks.map((t) => t[of]))))),
    spread(list.map((r) => r.tasks.filter((t) => t.took > 50).length)),
    ...[0.5, 0.95, 1].map((q) => spread(list.map((r) => quantile(r.frames, q)))),
  ];
  table([
    ["", "longest task, ms", "of the processor", "over 50 ms", "between frames, ms: p50", "p95", "most"],
    ...Object.entries(runs).map(([name, list]) => row(name, list)),
    row("until all were there, once", [loading]),
  ]);
  await done(page);
});

/** The tasks of the busiest page's thread in a trace: how long each took, and how long it worked, in milliseconds. */
function tasks(trace) {
  const { traceEvents } = JSON.parse(trace);
  const threads = new Map(traceEvents.filter((e) => e.name === "thread_name" && e.args.name === "CrRendererMain").map((e) => [`${e.pid} ${e.tid}`, []]));
  for (const e of traceEvents) {
    if (e.name === "ThreadControllerImpl::RunTask" && e.ph === "X") threads.get(`${e.pid} ${e.tid}`)?.push({ took: e.dur / 1000, worked: (e.tdur ?? 0) / 1000 });
  }
  const all = (list) => list.reduce((sum, t) => sum + t.worked, 0);
  return [...threads.values()].sort((a, b) => all(b) - all(a))[0];
}
