// The npm package in a page made with React 18 and 19, in a real Chromium, against the real program.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { build } from "esbuild";
import { done, folder, label, open, startGateway, startSite, startTenant, until } from "./house.mjs";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));

let tenant, gateway, people, tarball;
before(async () => {
  tenant = await startTenant({ users: 5 });
  people = (await tenant.people()).map((p) => p.id);
  gateway = await startGateway(tenant, { watch: { users: people }, gateway: { origins: ["*"] } });
  const { stdout } = await run(process.execPath, [join(here, "../npm/build.mjs"), folder]);
  tarball = stdout.slice(0, stdout.indexOf(".tgz") + 4);
});

/** Shows one person by the component, with a listener that is another one at each turn, and one by the element; a button shows more. */
const PAGE = `
import { createElement as h, StrictMode, useReducer, useRef } from "react";
import { createRoot } from "react-dom/client";
import { configure, clientFor } from "@presence-gateway/client";
import { PresenceBadge } from "@presence-gateway/client/react";

window.heard = [];
const { people, gateway } = window.given;
function Page() {
  const [turn, next] = useReducer((n) => n + 1, 0);
  const badge = useRef(null);
  window.badge = badge;
  const tell = (who) => ({ type, detail }) => window.heard.push([turn, who, type, detail?.activity ?? detail?.state]);
  return h("main", null,
    h("h1", null, "People"),
    h("button", { onClick: next }, "turn " + turn),
    h(PresenceBadge, { ref: badge, userId: people[turn > 1 ? 1 : 0], size: "large", className: "own", "data-turn": turn, onPresenceChange: tell("component"), onPresenceStatus: tell("component") }),
    h("presence-badge", { "user-id": people[0], "onpresence-change": tell("element") }),
    turn > 0 && h(PresenceBadge, { userId: people[0], onPresenceChange: tell("late") }),
  );
}
createRoot(document.querySelector("#root")).render(h(StrictMode, null, h(Page)));
// After the elements have appeared.
setTimeout(() => configure({ gateway }), 100);
window.link = () => clientFor().link.state;
`;

for (const version of ["18.3.1", "19.3.1"]) {
  test(`React ${version}`, async () => {
    const project = join(folder, version);
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ private: true, type: "module" }));
    writeFileSync(join(project, "page.jsx"), PAGE);
    await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball, `react@${version}`, `react-dom@${version}`], { cwd: project });
    const { outputFiles } = await build({ entryPoints: [join(project, "page.jsx")], bundle: true, format: "esm", write: false, define: { "process.env.NODE_ENV": '"production"' } });
    const given = `<script>window.given = ${JSON.stringify({ people, gateway: gateway.url })}</script>`;
    const site = await startSite(({ pathname }) =>
      ({
        "/": `<!doctype html><html lang="en"><title>React</title><link rel="icon" href="data:,">${given}<div id="root"></div><script type="module" src="/page.js"></script></html>`,
        "/page.js": { body: outputFiles[0].text, type: "text/javascript" },
      })[pathname],
    );
    await tenant.put(people[0], "Busy", "InACall");
    await tenant.put(people[1], "Away");
    const page = await open(site.url);
    const badge = page.locator("presence-badge").first();
    await until(async () => /^Busy, in a call/i.test(await label(badge)), "the component's badge");
    const heard = () => page.evaluate(() => window.heard);
    await until(async () => (await heard()).some(([turn, who, type, what]) => turn === 0 && who === "component" && type === "presence-change" && what === "InACall"), "the component's event");
    assert.ok((await heard()).some(([, who, type, what]) => who === "component" && type === "presence-status" && what === "live"));
    assert.deepEqual(await badge.evaluate((e) => [e.className, e.getAttribute("size"), e.dataset.turn, e === window.badge.current]), ["own", "large", "0", true]);
    assert.equal((await heard()).some(([, who]) => who === "element"), version.startsWith("19"), "events as attributes are of React 19");

    // Who comes late is told what is known already; a listener of the next turn takes the place of the one before.
    await page.getByRole("button").click();
    await until(async () => (await heard()).some(([turn, who, , what]) => turn === 1 && who === "late" && what === "InACall"), "the late one's event");
    await page.evaluate(() => (window.heard.length = 0));
    await tenant.put(people[0], "DoNotDisturb", "Presenting");
    await until(async () => (await heard()).some(([, who, , what]) => who === "component" && what === "Presenting"), "the next change");
    assert.deepEqual((await heard()).filter(([, who]) => who === "component").map(([turn]) => turn), [1]);

    // Another person in the same place.
    await page.getByRole("button").click();
    await until(async () => /^Away/.test(await label(badge)), "somebody else");
    assert.equal(await page.evaluate(() => window.link()), "live");
    await done(page);
  });
}
