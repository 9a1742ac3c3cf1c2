// The tarball as its users meet it: installed by npm into empty folders, imported under Node, rendered on a server, and
// compiled against as strictly as TypeScript can.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
const out = mkdtempSync(join(tmpdir(), "package-"));
after(() => rmSync(out, { recursive: true, force: true }));

let tarball;
before(async () => {
  const { stdout } = await run(process.execPath, [join(here, "build.mjs"), out]);
  tarball = stdout.slice(0, stdout.indexOf(".tgz") + 4);
});

/** A project that has installed the package, and others beside it. */
async function project(name, ...packages) {
  const folder = join(out, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  await run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", tarball, ...packages], { cwd: folder });
  return folder;
}

/** Runs a module in a project; it must end by itself, and say on stderr nothing. */
async function node(folder, text) {
  const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", text], { cwd: folder, timeout: 10_000 });
  assert.equal(stderr, "");
  return stdout;
}

const ID = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3";

test("nothing comes with it, and importing it without a browser does nothing", async () => {
  const folder = await project("plain");
  assert.deepEqual(readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith(".")), ["@presence-gateway"]);
  assert.deepEqual(readdirSync(join(folder, "node_modules/@presence-gateway")), ["client"]);
  const said = await node(folder, `
    const before = Object.getOwnPropertyNames(globalThis).join();
    const client = await import("@presence-gateway/client");
    const badge = await import("@presence-gateway/client/badge");
    if (Object.getOwnPropertyNames(globalThis).join() !== before) console.log("globals changed");
    client.defineElements();
    client.configure({ gateway: "https://presence.example.com", getToken: async () => "token", locale: "de" });
    console.log(badge.configure === client.configure, Object.keys(client).sort().join());
  `);
  assert.match(said, /^true Client,PresenceBadge,.*clientFor,configure,defineElements\n$/);
});

test("npx lists what a folder uses of Microsoft Graph Toolkit", async () => {
  const folder = join(out, "plain");
  mkdirSync(join(folder, "src"));
  writeFileSync(join(folder, "src/page.html"), `<mgt-person user-id="${ID}" show-presence></mgt-person>`);
  const { stdout, stderr } = await run("npx", ["--no-install", "@presence-gateway/client", "migrate", "src", "--json"], { cwd: folder });
  assert.equal(stderr.replace(/^npm warn .*\n/gm, ""), "");
  assert.deepEqual(JSON.parse(stdout).uses.map((u) => [u.file, u.line, u.becomes]), [["page.html", 1, `<presence-badge user-id="${ID}"></presence-badge>`]]);
});

test("the manifest names the attributes that are observed", async () => {
  const { modules } = JSON.parse(readFileSync(join(here, "custom-elements.json"), "utf8"));
  const folder = join(out, "plain");
  for (const { name, attributes } of modules[0].declarations) {
    const observed = await node(folder, `import * as all from "@presence-gateway/client"; console.log(all.${name}.observedAttributes.join())`);
    const known = new Set(attributes.map((a) => a.name));
    for (const attribute of observed.trim().split(",")) assert.ok(known.has(attribute), `${name}: ${attribute}`);
  }
});

const RENDER = `
  import { createElement } from "react";
  import { renderToString } from "react-dom/server";
  import { PresenceBadge, PresenceList } from "@presence-gateway/client/react";
  console.log(renderToString(createElement("presence-badge", { "user-id": "${ID}" })));
  console.log(renderToString(createElement(PresenceBadge, { userId: "${ID}", className: "round", size: "small", onPresenceChange: () => {} }, createElement("img", { alt: "Anna" }))));
  console.log(renderToString(createElement(PresenceList, { groupId: "${ID}", limit: 7 })));
`;

/** What a program may write, and must not. */
const USAGE = `
import { type ReactElement, useRef } from "react";
import { clientFor, configure, defineElements, type Client, type LinkStatus, type Presence, type View } from "@presence-gateway/client";
import "@presence-gateway/client/badge";
import { PresenceBadge, PresenceList } from "@presence-gateway/client/react";

configure({ gateway: "https://presence.example.com", getToken: async ({ renew }) => (renew ? undefined : "token"), locale: "de", labels: { busy: "Occupied" } });
configure({ gateway: new URL("https://other.example.com"), getToken: undefined });
defineElements();
const client: Client = clientFor();
const stop: () => void = client.watch("anna@example.com", () => {});
client.watchGroup("${ID}", (ids: ReadonlySet<string>) => ids.size);
const members: readonly string[] | undefined = client.members("${ID}");
const view: View = client.view("anna@example.com");
const link: LinkStatus = client.link;
if (link.state === "signed-out") client.nudge(true);
const badge = document.createElement("presence-badge");
const presence: Presence | undefined = badge.presence;
document.addEventListener("click", stop);
badge.addEventListener("presence-change", (event) => event.detail?.availability.length);
document.body.addEventListener("presence-signin", ({ detail }) => configure({ gateway: detail.gateway, getToken: async () => "token" }));

export function App(): ReactElement {
  const ref = useRef<import("@presence-gateway/client").PresenceBadge>(null);
  return (
    <p>
      <PresenceBadge ref={ref} userId="${ID}" size="large" className="x" style={{ margin: 1 }} title="Anna" onPresenceChange={(event) => event.detail?.activity.trim()}>
        <img alt="" />
      </PresenceBadge>
      <presence-badge user-id="${ID}" size="tiny" class="y" id="z" onpresence-status={(event) => event.detail.state} />
      <PresenceList groupId="${ID}" sort="state" limit={7} onPresenceSignin={({ detail }) => detail.gateway.trim()} />
      <presence-list group-id="${ID}" limit={7} />
      {/* @ts-expect-error: no such order */}
      <presence-list sort="age" />
      {/* @ts-expect-error: no such size */}
      <PresenceBadge userId="${ID}" size="huge" />
      {/* @ts-expect-error: an id is text */}
      <presence-badge user-id={7} />
    </p>
  );
}
// @ts-expect-error: no such state
link.state === "signed_out";
// @ts-expect-error: a presence is not to be changed
presence!.availability = "Busy";
void [members, view];
`;

async function compile(folder, text, ways) {
  writeFileSync(join(folder, "usage.tsx"), text);
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noPropertyAccessFromIndexSignature: true, skipLibCheck: false, noEmit: true };
  await Promise.all(
    Object.entries(ways).map(async ([moduleResolution, module]) => {
      const file = join(folder, `tsconfig.${moduleResolution}.json`);
      const compilerOptions = { ...strict, target: "es2022", lib: ["es2022", "dom", "dom.iterable"], jsx: "react-jsx", types: [], module, moduleResolution };
      writeFileSync(file, JSON.stringify({ compilerOptions, files: ["usage.tsx"] }));
      await run(process.execPath, [tsc, "-p", file], { cwd: folder }).catch(({ stdout }) => assert.fail(`${moduleResolution}: ${stdout}`));
    }),
  );
}

for (const [version, packages, ways] of [
  [19, ["react@19.3.1", "react-dom@19.3.1", "@types/react@19.2.0"], { bundler: "esnext", node16: "node16" }],
  [18, ["react@18.3.1", "react-dom@18.3.1", "@types/react@18.3.8"], { bundler: "esnext" }],
]) {
  test(`React ${version} renders it on a server, and its types are strict ones`, async () => {
    const folder = await project(`react${version}`, ...packages);
    const [element, component, list] = (await node(folder, RENDER)).trim().split("\n");
    assert.equal(element, `<presence-badge user-id="${ID}"></presence-badge>`);
    assert.equal(component, `<presence-badge user-id="${ID}" class="round" size="small"><img alt="Anna"/></presence-badge>`);
    assert.equal(list, `<presence-list group-id="${ID}" limit="7"></presence-list>`);
    await compile(folder, USAGE, ways);
  });
}
