// From navigation to the first state on the screen: a page with badges over TLS, as somebody opens it for the first time,
// and again with the script in the browser's cache.
import { test } from "node:test";
import { done, open } from "../e2e/house.mjs";
import { badge, script, shown, site } from "./cold.mjs";
import { watchPaint } from "./eye.mjs";
import { heading, quantile, spread, table } from "./figures.mjs";
import { startPlace, trusting } from "./place.mjs";

const RUNS = Number(process.env.RUNS ?? 3);
const TIMES = 10;

test("start", async () => {
  const place = await startPlace({ users: 1000 });
  const browser = await trusting(place.tls);
  const page20 = (await site(script(place.page.url), `<p>${place.people.slice(0, 20).map((p) => badge(p.id)).join(" ")}</p>`)).url;

  /** Opens the page in a context, and gives how long its first and its last badge took to be painted. */
  const visit = async (context) => {
    const page = await open(undefined, { context });
    const eye = await watchPaint(page);
    await page.goto(page20);
    await shown(page);
    const seen = [];
    while (seen.length < 20) seen.push(...(await eye.take()));
    const began = await page.evaluate(() => performance.timeOrigin);
    const at = seen.map((s) => s.painted - began);
    return { page, first: Math.min(...at), last: Math.max(...at) };
  };
  const runs = [];
  for (let i = 0; i < RUNS; i++) {
    const [cold, warm] = [[], []];
    for (let j = 0; j < TIMES; j++) {
      const context = await browser.newContext();
      const first = await visit(context);
      cold.push(first);
      const second = await visit(context);
      warm.push(second);
      await first.page.close();
      await done(second.page);
    }
    runs.push({ cold, warm });
  }
  heading(`Navigation to painted badges, ms; ${RUNS} runs of ${TIMES} visits, a page of 20 badges, over TLS`);
  const over = (kind, which, share) => spread(runs.map((r) => quantile(r[kind].map((v) => v[which]), share)));
  table([
    ["", "first badge, p50", "p95", "all badges, p50", "p95"],
    ...[["cold", "nothing in the cache"], ["warm", "visited before"]].map(([kind, what]) => [what, over(kind, "first", 0.5), over(kind, "first", 0.95), over(kind, "last", 0.5), over(kind, "last", 0.95)]),
  ]);
});
