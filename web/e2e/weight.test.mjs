// What a page that embeds a badge pays for it, and the dashboard, as counted by a real Chromium that has nothing in its
// cache. No times: bench/ has those.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { badge, coldBadge, coldDashboard, coldShift, script } from "../bench/cold.mjs";
import { done, startDemo } from "./house.mjs";

const KB = 1024;
let demo, person;
before(async () => {
  demo = await startDemo({ users: 300 });
  [person] = await demo.people(1);
});

test("a badge costs a page one script and one connection", async () => {
  const { page, counted } = await coldBadge(demo.url, person.id);
  const widget = counted.requests.find((r) => r.url.endsWith("/widget.js"));
  assert.ok(widget.body > 0 && widget.body <= 12 * KB, `widget.js has ${widget.body} bytes on the wire`);
  // Chromium takes brotli, as all browsers do over TLS; what does not, takes gzip.
  const { headers } = await fetch(widget.url, { headers: { "accept-encoding": "gzip" } });
  assert.equal(headers.get("content-encoding"), "gzip");
  assert.ok(Number(headers.get("content-length")) <= 12 * KB, `widget.js has ${headers.get("content-length")} bytes as gzip`);
  assert.ok(counted.all <= 16 * KB, `${counted.all} bytes from the gateway, heads included`);
  assert.ok(counted.before <= 3, `${counted.before} requests before the socket`);
  assert.equal(counted.sockets.length, 1);
  await done(page);
});

test("nothing moves when the badge's script comes late", async () => {
  const line = `<p>Ask Anna ${badge(person.id)} or somebody else</p>`;
  for (const [what, head, body] of [
    ["a badge after a name", script(demo.url), `<p>Anna ${badge(person.id)}</p>`],
    ["a script that the first paint waits for", script(demo.url, 'blocking="render"'), line],
    ["a page that keeps its place free", `${script(demo.url)}<style>presence-badge{display:inline-block;width:16px;height:16px}</style>`, line],
  ]) {
    const { page, moved } = await coldShift(demo.url, head, body, 300);
    assert.deepEqual(moved, [], what);
    await done(page);
  }
  // So that this would notice.
  const { page, moved } = await coldShift(demo.url, script(demo.url), line, 300);
  assert.notDeepEqual(moved, []);
  await done(page);
});

test("the dashboard is small", async () => {
  const { page, own } = await coldDashboard(demo.url);
  const all = own.reduce((sum, r) => sum + r.all, 0);
  assert.ok(own.some((r) => r.type === "Script" && r.all > KB) && all <= 90 * KB, `${all} bytes, heads included: ${own.map((r) => `${r.url} ${r.all}`)}`);
  await done(page);
});
