// Many badges on one page: how long a delta takes from the socket to the pixel with 1,000 of them on the screen, and how
// long 10,000 take to be made. RUNS says how often, 3 if not set.
import { test } from "node:test";
import { WebSocket } from "ws";
import { done, open, startDemo, until } from "../e2e/house.mjs";
import { badge, script, shown, site } from "./cold.mjs";
import { clockOffset, watchPaint } from "./eye.mjs";
import { heading, quantile, spread, table } from "./figures.mjs";

const RUNS = Number(process.env.RUNS ?? 3);
const wall = () => performance.timeOrigin + performance.now();
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Lets a page remember when the event of each delta began that told of someone, by version. */
function watchDeltas(page) {
  return page.addInitScript(() => {
    const heard = (window.heard = new Map());
    const Native = window.WebSocket;
    window.WebSocket = class extends Native {
      constructor(...words) {
        super(...words);
        // The first listener: before the page's own.
        this.addEventListener("message", ({ data, timeStamp }) => {
          const at = performance.timeOrigin + timeStamp;
          if (data.startsWith('{"type":"delta"')) for (const [, version] of data.matchAll(/"version":"([^"]*)"/g)) heard.set(version, at);
        });
      }
    };
  });
}

/** Another client of this machine, which does nothing but note when it hears of each version. */
async function listen(url, users) {
  const heard = new Map();
  const socket = new WebSocket(`${url.replace("http", "ws")}/v1/stream`, "presence.v1.json");
  socket.on("message", (text) => {
    const at = wall();
    const message = JSON.parse(text);
    if (message.type === "status") for (let i = 0; i < users.length; i += 1000) socket.send(JSON.stringify({ type: "subscribe", id: 1, users: users.slice(i, i + 1000) }));
    if (message.type === "delta") for (const p of message.presences) heard.set(p.version, at);
  });
  await new Promise((resolve) => socket.once("open", resolve));
  return { heard, close: () => socket.close() };
}

test("deltas", async () => {
  const demo = await startDemo({ users: 1000, changes: 200 });
  const people = (await demo.people(1000)).map((p) => p.id);
  const page = await open(undefined);
  const eye = await watchPaint(page);
  await watchDeltas(page);
  const grid = "<style>p{display:grid;grid-template-columns:repeat(40,1fr);gap:2px}</style>";
  await page.goto((await site(script(demo.url) + grid, `<p>${people.map(badge).join("")}</p>`)).url);
  await shown(page);
  const offset = await clockOffset(page);
  const other = await listen(demo.url, people);
  const runs = [];
  for (let i = 0; i < RUNS; i++) {
    await eye.take();
    await sleep(15_000);
    const seen = await eye.take();
    const heard = new Map(await page.evaluate(() => [...window.heard]));
    const inside = seen.filter((s) => heard.has(s.version)).map((s) => s.painted - heard.get(s.version));
    const outside = seen.filter((s) => other.heard.has(s.version)).map((s) => s.painted - offset - other.heard.get(s.version));
    runs.push({ inside, outside });
  }
  other.close();
  heading(`Delta to painted, ms; 1,000 badges on the screen, 200 changes a second in deltas of ${Math.round(runs[0].inside.length / 15)} states a second; ${RUNS} runs of 15 s`);
  const over = (which, share) => spread(runs.map((r) => quantile(r[which], share)));
  const shares = [0.5, 0.95, 0.99, 1];
  table([
    ["", "p50", "p95", "p99", "most"],
    ["since the page's socket told it", ...shares.map((q) => over("inside", q))],
    ["since another client of this machine had it", ...shares.map((q) => over("outside", q))],
  ]);
  await done(page);
});

test("10,000 badges", async () => {
  const demo = await startDemo({ users: 10_000 });
  const people = (await demo.people(10_000)).map((p) => p.id);
  const rows = [["10,000 badges made, appended and painted", "ms", "of the processor", "in the window", "until those show a state, ms", "of the processor"]];
  for (const [name, wrap] of [
    ["a grid", "grid"],
    ["items of a list, with a name each", "list"],
    ["one paragraph without a break", "paragraph"],
  ]) {
    const runs = [];
    for (let i = 0; i < RUNS; i++) {
      const page = await open((await site(script(demo.url), badge(people[0]))).url);
      await shown(page);
      const worked = await processor(page);
      const { painted, inWindow } = await page.evaluate(make, { people, wrap });
      const paintedBy = await worked();
      const complete = await until(() => page.evaluate(() => window.complete), "all in the window show a state", 120_000);
      runs.push({ painted, paintedBy, complete, completeBy: await worked(), inWindow });
      await done(page);
    }
    rows.push([name, ...["painted", "paintedBy", "inWindow", "complete", "completeBy"].map((of) => spread(runs.map((r) => r[of])))]);
  }
  heading(`10,000 badges on a page that is connected; ${RUNS} runs. What the page's thread works leaves out what others on this machine took from it`);
  table(rows);
});

/** Tells how long the page's thread has worked since now, in milliseconds: what others take from it is left out. */
async function processor(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const look = async () => (await cdp.send("Performance.getMetrics")).metrics.find((m) => m.name === "TaskDuration").value * 1000;
  const before = await look();
  return async () => (await look()) - before;
}

/** In the page: makes badges in some layout; gives how long that took to the first frame with them. */
function make({ people, wrap }) {
  const began = performance.now();
  const box = document.createElement(wrap === "list" ? "ul" : wrap === "grid" ? "div" : "p");
  if (wrap === "grid") box.style.cssText = "display:grid;grid-template-columns:repeat(auto-fill,20px)";
  for (const [i, id] of people.entries()) {
    const one = document.createElement("presence-badge");
    one.setAttribute("user-id", id);
    if (wrap === "list") {
      const item = document.createElement("li");
      item.append(one, ` Person ${i}`);
      box.append(item);
    } else box.append(one);
  }
  document.body.append(box);
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  return frame().then(() => {
    const painted = performance.now() - began;
    // Those elsewhere may well wait until somebody comes near.
    const missing = new Set([...box.querySelectorAll("presence-badge")].filter((b) => b.getBoundingClientRect().top < innerHeight));
    const look = () => {
      for (const b of missing) if (b.presence) missing.delete(b);
      if (missing.size > 0) requestAnimationFrame(look);
      else frame().then(() => (window.complete = performance.now() - began));
    };
    look();
    return { painted, inWindow: missing.size };
  });
}
