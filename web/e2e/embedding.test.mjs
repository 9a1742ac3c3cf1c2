// Pages of other origins: one that the gateway allows frames the dashboard and holds badges, one that it does not gets
// nothing in any way, and whoever pins the widget runs what they pinned, or nothing.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { done, expectComplaints, html, label, open, shoot, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

let tenant, gateway, person, allowed, foreign, pinned;
before(async () => {
  tenant = await startTenant({ users: 5 });
  const people = await tenant.people();
  person = people[0].id;
  let policy = {};
  const embedding = () => {
    const badge = `<presence-badge user-id="${person}"></presence-badge>`;
    const script = (path, integrity) => `<script type="module" crossorigin src="${gateway.url}${path}"${integrity ? ` integrity="${integrity}"` : ""}></script>`;
    return {
      "/": html("Intranet", `${script("/widget.js")}${badge}<iframe src="${gateway.url}/" title="Presence" width="900" height="500"></iframe>`),
      "/bare": html("Bare", ""),
      "/pinned": html("Pinned", script(pinned.path, pinned.integrity) + badge),
      "/wrong": html("Wrong", script(pinned.path, `sha384-${"A".repeat(64)}`) + badge),
      "/gone": html("Gone", script(pinned.path.replace(/-\w+/, "-000000000000"), pinned.integrity) + badge),
    };
  };
  // Policies and pages need the gateway's address, and the gateway theirs.
  const site = () => startSite((url) => (url.pathname === "/bare" ? html("Bare", "") : { body: embedding()[url.pathname], type: "text/html" }), policy);
  [allowed, foreign] = [await site(), await site()];
  gateway = await startGateway(tenant, {
    watch: { users: people.map((p) => p.id), directory: true },
    gateway: { origins: [allowed.url], auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }], drain: "2s", drain_delay: "0s" },
  });
  const { "content-security-policy": strict } = strictPolicy(gateway.url);
  policy["content-security-policy"] = `${strict}; frame-src ${gateway.url}`;
  pinned = (await (await fetch(`${gateway.url}/v1/settings`)).json()).files["widget.js"];
  await until(async () => (await fetch(`${gateway.url}/v1/presences/${person}`)).ok, "a first read");
});

const badge = (page) => page.locator("presence-badge");
/** The dashboard in the frame of a page, if it is there. */
const framed = (page) => page.frames().find((f) => f.url().startsWith(gateway.url));

test("a page that the gateway allows frames the dashboard and holds a badge", async () => {
  await tenant.put(person, "Busy", "InAMeeting");
  const page = await open(allowed.url);
  await until(async () => (await label(badge(page))) === "Busy, in a meeting", "the badge’s label");
  const dashboard = page.frameLocator("iframe");
  await dashboard.getByText("Live", { exact: true }).waitFor();
  await dashboard.getByText("In a meeting").first().waitFor();
  assert.deepEqual(await framed(page).evaluate(() => window.violations), [], "reports within the frame");
  await shoot(page, "embedding-allowed");
  await done(page);
});

test("a page that it does not allow is refused both ways", async () => {
  const page = await open(`${foreign.url}/bare`);
  expectComplaints(page, /frame|WebSocket|ERR_|CORS|403/i); // the browser's own words
  await page.addInitScript(() => {
    window.heard = [];
    for (const type of ["presence-change", "presence-status"]) document.addEventListener(type, (e) => window.heard.push([type, JSON.stringify(e.detail ?? null)]));
  });
  await page.goto(foreign.url);
  await until(async () => (await page.evaluate(() => window.heard)).some(([type, detail]) => type === "presence-status" && /offline|signed/.test(detail)), "the badge knows that it gets nothing");
  assert.match(await label(badge(page)), /unknown/i);
  assert.equal(await badge(page).evaluate((e) => e.presence), undefined);
  assert.deepEqual((await page.evaluate(() => window.heard)).filter(([type, detail]) => type === "presence-change" && /Busy/.test(detail)), []);
  assert.equal(framed(page), undefined, "the frame holds a page of the browser's own");
  assert.equal(await page.frames()[1].locator("body").innerText().then((text) => /Presence\b.*Live/s.test(text)), false);
  await shoot(page, "embedding-refused");
  await done(page);
});

test("a pinned widget is what was pinned, or nothing", async (t) => {
  await t.test("with the right integrity it runs", async () => {
    await tenant.put(person, "Away");
    const page = await open(`${allowed.url}/pinned`);
    await until(async () => (await label(badge(page))) === "Away", "the badge’s label");
    await done(page);
  });
  for (const [name, path, status] of [["with another integrity", "/wrong", 200], ["of a version that is gone", "/gone", 404]]) {
    await t.test(`${name} it does not`, async () => {
      const page = await open(undefined);
      expectComplaints(page, /integrity|404/);
      const answered = page.waitForEvent("response", (r) => r.url().includes("/assets/widget-"));
      await page.goto(allowed.url + path); // modules have run, or not, by its load
      assert.equal((await answered).status(), status);
      assert.equal(await page.evaluate(() => customElements.get("presence-badge")), undefined);
      await done(page);
    });
  }
});

/** Everything that a page can try, and what came of it; runs in the page. */
async function attempts({ gateway, user }) {
  const within = (promise) => Promise.race([promise, new Promise((resolve) => setTimeout(() => resolve("nothing"), 3000))]);
  const read = async (path, options) => {
    try {
      const response = await fetch(gateway + path, { ...options, signal: AbortSignal.timeout(3000) });
      return response.type === "opaque" ? "nothing" : await response.text();
    } catch {
      return "nothing";
    }
  };
  const query = JSON.stringify({ users: [user] });
  const ways = {
    fetch: read(`/v1/presences/${user}`),
    "fetch with credentials": read(`/v1/presences/${user}`, { credentials: "include" }),
    "fetch without cors": read(`/v1/presences/${user}`, { mode: "no-cors" }),
    query: read("/v1/presences/query", { method: "POST", headers: { "content-type": "application/json" }, body: query }),
    "a query as plain text": read("/v1/presences/query", { method: "POST", headers: { "content-type": "text/plain" }, body: query }),
    settings: read("/v1/settings"),
    graph: read(`/graph/v1.0/users/${user}/presence`),
    ticket: read("/v1/tickets", { method: "POST" }),
    xhr: new Promise((resolve) => {
      const xhr = new XMLHttpRequest();
      xhr.onload = () => resolve(xhr.responseText);
      xhr.onerror = () => resolve("nothing");
      xhr.open("GET", `${gateway}/v1/presences/${user}`);
      xhr.send();
    }),
    websocket: new Promise((resolve) => {
      const socket = new WebSocket(`${gateway.replace("http", "ws")}/v1/stream`, "presence.v1.json");
      socket.onmessage = (m) => resolve(m.data);
      socket.onclose = () => resolve("nothing");
    }),
    events: new Promise((resolve) => {
      const source = new EventSource(`${gateway}/v1/events?users=${user}`);
      source.addEventListener("snapshot", (m) => (source.close(), resolve(m.data)));
      source.onerror = () => (source.close(), resolve("nothing"));
    }),
    script: new Promise((resolve) => {
      const script = document.createElement("script");
      addEventListener("error", (e) => e.filename?.startsWith(gateway) && resolve("nothing"), { once: true }); // JSON, or refused as one
      script.onload = () => resolve("it ran");
      script.onerror = () => resolve("nothing");
      script.src = `${gateway}/v1/presences?users=${user}`;
      document.head.append(script);
    }),
    frame: new Promise((resolve) => {
      const frame = document.createElement("iframe");
      frame.onload = () => resolve("loaded"); // which it is for a page of refusal too: the caller looks inside
      frame.src = `${gateway}/`;
      document.body.append(frame);
    }),
  };
  const came = await Promise.all(Object.values(ways).map(within));
  return Object.fromEntries(Object.keys(ways).map((way, i) => [way, came[i]]));
}

test("a page of anybody’s gets nothing in any way, and one that is allowed all of it", async (t) => {
  const plain = await Promise.all([1, 2].map(() => startSite(() => html("Elsewhere", ""))));
  const config = { gateway: { origins: [plain[0].url], auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }], drain: "2s", drain_delay: "0s" } };
  const other = await startGateway(tenant, { watch: { users: [person] }, ...config });
  await until(async () => (await fetch(`${other.url}/v1/presences/${person}`)).ok, "a first read");
  const look = async (url) => {
    const page = await open(url);
    expectComplaints(page, /./); // whatever a browser says of what it refuses
    const tried = await page.evaluate(attempts, { gateway: other.url, user: person });
    tried.frame = (await page.frames().find((f) => f.url().startsWith(other.url))?.title()) ?? "nothing";
    await page.context().close();
    assert.equal(Object.keys(tried).length, 13);
    return tried;
  };
  await t.test("allowed", async () => {
    // There are no cookies, so that no page may send any, and a ticket is for who has signed in.
    const unseen = { "fetch with credentials": true, "fetch without cors": true, script: true, ticket: true, settings: true };
    const tried = await look(plain[0].url);
    for (const [way, got] of Object.entries(tried)) {
      if (!unseen[way]) assert.ok(/presence|availability|hello/i.test(got), `by ${way}: ${got.slice(0, 200)}`);
    }
    assert.match(tried.settings, /version/);
  });
  const { port } = new URL(plain[0].url);
  for (const [name, url] of [
    ["on another port", plain[1].url],
    ["under another name of this machine", `http://127.0.0.1:${port}`],
    ["of no origin", "data:text/html,<title>x</title>"],
  ]) {
    await t.test(name, async () => {
      for (const [way, got] of Object.entries(await look(url))) assert.equal(got, "nothing", `by ${way}`);
    });
  }
});
