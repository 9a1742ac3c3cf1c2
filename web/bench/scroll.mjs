// The dashboard of 10,000 people of whom 1,000 change each second: what the page's thread is kept from, at rest, while
// somebody scrolls, and while they type a search. RUNS says how often, 3 if not set.
import { test } from "node:test";
import { done, open, startDemo } from "../e2e/house.mjs";
import { heading, quantile, short, spread, table } from "./figures.mjs";

const RUNS = Number(process.env.RUNS ?? 3);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("scroll", async () => {
  const demo = await startDemo({ users: 10_000, changes: 1000 });
  const page = await open(undefined);
  await page.addInitScript(() => {
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((t) => t.duration))).observe({ type: "longtask", buffered: true });
    window.frames = [];
    let last = performance.now();
    const frame = () => {
      const now = performance.now();
      window.frames.push(now - last);
      last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  /** What happened since the last look: tasks of 50 ms and more, and the time between frames. */
  const look = async () => {
    await sleep(100); // long tasks are told after they ended
    return page.evaluate(() => ({ tasks: window.tasks.splice(0), frames: window.frames.splice(0) }));
  };
  await page.goto(demo.url);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.locator(".card").first().waitFor();
  await page.waitForFunction(() => document.documentElement.scrollHeight > 100_000, undefined, { timeout: 60_000 });
  await sleep(3000);
  const loading = await look();

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
      await look();
      await act();
      runs[name].push(await look());
    }
  }
  heading(`The dashboard of 10,000 people, 1,000 changes a second; ${RUNS} runs. Tasks below 50 ms are not told by the browser`);
  const longest = (r) => (r.tasks.length > 0 ? Math.max(...r.tasks) : 50);
  table([
    ["", "longest task, ms", "tasks of 50 ms and more", "between frames, ms: p50", "p95", "most"],
    ...Object.entries(runs).map(([name, list]) => [
      name,
      list.every((r) => r.tasks.length === 0) ? "below 50" : spread(list.map(longest)),
      spread(list.map((r) => r.tasks.length)),
      ...[0.5, 0.95, 1].map((q) => spread(list.map((r) => quantile(r.frames, q)))),
    ]),
    ["until all were there, once", short(longest(loading)), loading.tasks.length, ...[0.5, 0.95, 1].map((q) => short(quantile(loading.frames, q)))],
  ]);
  await done(page);
});
