// From a change at the tenant to the pixel: 10,000 people live their day, a process reads them by default settings and
// another serves a page over TLS; a hand changes some of whom the page shows, at instants that are known. RUNS and CHANGES
// say how often, 3 and 300 if not set.
import { test } from "node:test";
import { done, open, until } from "../e2e/house.mjs";
import { badge, script, shown as allShown, site } from "./cold.mjs";
import { clockOffset, film, watchPaint } from "./eye.mjs";
import { heading, quantile, short, spread, table } from "./figures.mjs";
import { LATENCY, startPlace, trusting } from "./place.mjs";

const RUNS = Number(process.env.RUNS ?? 3);
const CHANGES = Number(process.env.CHANGES ?? 300);
/** So many a second, at instants that know nothing of the gateway's rhythm. */
const RATE = 6;
const SHOWN = 120;
const STATES = [["Available", "Available"], ["Busy", "InACall"], ["Away", "Away"], ["DoNotDisturb", "Presenting"]];
const wall = () => performance.timeOrigin + performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

test("change to pixel", async () => {
  const place = await startPlace();
  const apart = Math.floor(place.people.length / SHOWN);
  const shown = Array.from({ length: SHOWN }, (_, i) => place.people[i * apart].id);
  const browser = await trusting(place.tls);
  const page = await open(undefined, { context: await browser.newContext({ viewport: { width: 640, height: 400 } }) });
  const eye = await watchPaint(page);
  await page.goto((await site(script(place.page.url), `<p>${shown.map(badge).join(" ")}</p>`)).url);
  await allShown(page);
  const offset = await clockOffset(page);

  const states = new Map(shown.map((id) => [id, 0]));
  /** Changes someone and says when, whom and to what. */
  const change = async (i) => {
    const id = shown[i % shown.length];
    states.set(id, (states.get(id) + 1) % STATES.length);
    const [availability, activity] = STATES[states.get(id)];
    const at = wall();
    await place.tenant.put(id, availability, activity);
    return { id, activity, at };
  };
  /** Makes changes and gives what was seen of each: delay to told, and to painted, in milliseconds. */
  const run = async (changes) => {
    await eye.take();
    const made = [];
    const began = wall();
    const instants = Array.from({ length: changes }, () => (Math.random() * changes * 1000) / RATE).sort((a, b) => a - b);
    for (const [i, instant] of instants.entries()) {
      await sleep(began + instant - wall());
      made.push(change(i));
    }
    const wanted = await Promise.all(made);
    const seen = [];
    const match = (c) => seen.find((s) => s.id === c.id && s.activity === c.activity && s.told - offset >= c.at);
    await until(async () => {
      seen.push(...(await eye.take()));
      return wanted.every(match);
    }, "every change is seen", 30_000);
    return wanted.map((c) => {
      const s = match(c);
      return { ...s, delay: s.painted - offset - c.at, drawing: s.painted - s.told };
    });
  };

  // Everybody shown is put somewhere that is none of these first, so that each change later is one.
  await Promise.all(shown.map((id) => place.tenant.put(id, "BeRightBack")));
  await until(() => page.evaluate(() => [...document.querySelectorAll("presence-badge")].every((b) => b.presence.activity === "BeRightBack")), "everybody is back soon", 30_000);
  const runs = [];
  for (let i = 0; i < RUNS; i++) runs.push(await run(CHANGES));

  heading(`Change at the tenant to painted pixel, ms; ${RUNS} runs of ${CHANGES} changes. 10,000 people, interval 5 s, Redis, TLS, Graph answering in ${LATENCY.ms - LATENCY.jitterMs} to ${LATENCY.ms + LATENCY.jitterMs} ms`);
  const over = (of, share) => spread(runs.map((r) => quantile(r.map(of), share)));
  const interval = 5000;
  table([
    ["", "p50", "p95", "p99", "most"],
    ["change to painted", ...[0.5, 0.95, 0.99, 1].map((q) => over((c) => c.delay, q))],
    ["the interval alone", ...[0.5, 0.95, 0.99, 1].map((q) => short(q * interval))],
    ["of it: badge told to painted", ...[0.5, 0.95, 0.99, 1].map((q) => over((c) => c.drawing, q))],
  ]);

  const reader = await (await browser.newContext()).newPage();
  let filmed;
  const cinema = await film(page, reader, async () => (filmed = await run(30)));
  const late = [];
  for (const c of filmed) {
    const shownAt = await cinema.changed(c.at, c.told - 1);
    if (shownAt !== undefined) late.push(shownAt - c.painted);
  }
  console.log(`\nOn the screen, by film (${cinema.frames} frames, ${late.length} of ${filmed.length} changes found by their pixels): ${short(quantile(late, 0.5))} ms after what is told above as painted at the median, ${short(Math.min(...late))} to ${short(Math.max(...late))}. Clocks ${short(Math.abs(offset))} ms apart, taken into account.`);
  await done(page);
});
