// What cold pages cost: bytes and requests, and what moves. e2e/weight.test.mjs holds the same against its limits.
import { test } from "node:test";
import { done, startDemo } from "../e2e/house.mjs";
import { badge, coldBadge, coldDashboard, coldShift, script } from "./cold.mjs";
import { heading, table } from "./figures.mjs";

const bytes = (n) => n.toLocaleString("en");
const sum = (list, of) => list.reduce((total, x) => total + of(x), 0);

test("weight", async () => {
  const demo = await startDemo({ users: 300 });
  const [person] = await demo.people(1);

  heading("A cold page with one badge on another origin: bytes from the gateway, over HTTP/1.1");
  const one = await coldBadge(demo.url, person.id);
  const path = (r) => new URL(r.url).pathname;
  table([
    ["", "body", "with its head"],
    ...one.counted.requests.map((r) => [path(r), bytes(r.body), bytes(r.all)]),
    ["all", bytes(one.counted.bodies), bytes(one.counted.all)],
    [`${one.counted.sockets.length} socket, after ${one.counted.before} requests; ${one.counted.sockets[0].frames} frames`, bytes(one.counted.sockets[0].bytes), ""],
  ]);
  const { headers } = await fetch(`${demo.url}/widget.js`, { headers: { "accept-encoding": "gzip" } });
  console.log(`\nChromium takes brotli; as gzip widget.js has ${bytes(Number(headers.get("content-length")))} bytes.`);
  await done(one.page);

  heading("Layout shift by the browser's score, the script coming 400 ms after the text");
  const line = `<p>Ask Anna ${badge(person.id)} or somebody else</p>`;
  const room = "<style>presence-badge{display:inline-block;width:16px;height:16px}</style>";
  const rows = [["", "score"]];
  for (const [what, head, body] of [
    ["after a name, at the end of its line", script(demo.url), `<p>Anna ${badge(person.id)}</p>`],
    ["in the middle of a line", script(demo.url), line],
    ['the same, script with blocking="render"', script(demo.url, 'blocking="render"'), line],
    ["the same, the page keeps 16 px free", script(demo.url) + room, line],
  ]) {
    const { page, moved } = await coldShift(demo.url, head, body, 400);
    rows.push([what, sum(moved, (m) => m.value).toFixed(5)]);
    await done(page);
  }
  table(rows);

  heading("The dashboard, cold: bytes with heads");
  const { page, own, data } = await coldDashboard(demo.url);
  table([["", "bytes"], ...own.map((r) => [path(r), bytes(r.all)]), ["all that it is made of", bytes(sum(own, (r) => r.all))], ["300 people and settings", bytes(sum(data, (r) => r.all))]]);
  await done(page);
});
