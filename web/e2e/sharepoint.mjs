// The SharePoint example's bundle, as SharePoint's own tools built it, in a real Chromium. SharePoint's loader and its
// libraries are not to be had outside SharePoint (the published ones ask for modules that are not published), so that a
// few lines stand in for what the bundle touches of them: `define`, a web part's base, and a token provider, whose tokens
// are real ones of the simulated sign-in.
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { axe, done, folder, label, open, shoot, startGateway, startSite, startTenant, until } from "./house.mjs";

const example = join(dirname(fileURLToPath(import.meta.url)), "../examples/sharepoint");
const built = join(example, "dist");
const TENANT = "11111111-2222-4333-8444-555555555555";
const API = "22222222-3333-4444-8555-666666666666";

/** Runs in the page before everything else: what SharePoint brings. */
function standIn({ properties }) {
  const modules = {
    "@microsoft/sp-property-pane": { PropertyPaneTextField: (target, options) => ({ target, ...options }) },
    "@microsoft/sp-webpart-base": {
      // A function, as SharePoint's is: the bundle's classes are older than the language's.
      BaseClientSideWebPart: function () {
        this.properties = properties;
        this.domElement = document.querySelector("#part");
        this.context = { aadTokenProviderFactory: { getTokenProvider: async () => ({ getToken: (resource, cached) => window.token(resource, cached) }) } };
      },
    },
  };
  let last;
  window.define = (...words) => {
    const factory = words.pop();
    const asks = words.pop() ?? [];
    last = modules[typeof words[0] === "string" ? words[0] : ""] = factory(...asks.map((name) => modules[name]));
    if (asks.length === 0) modules.PresenceWebPartStrings = last;
  };
  addEventListener("DOMContentLoaded", async () => {
    const part = (window.part = new last.default());
    await part.onInit();
    part.render();
  });
}

test("the web part shows live presence with SharePoint's token, renews it, and asks for the right to it", async () => {
  const file = (pattern) => readdirSync(built).find((name) => pattern.test(name));
  const manifest = JSON.parse(readFileSync(join(built, file(/\.manifest\.json$/)), "utf8"));
  const { scriptResources, entryModuleId } = manifest.loaderConfig;
  const scripts = ["PresenceWebPartStrings", entryModuleId].map((name) => scriptResources[name].path);
  const site = await startSite(({ pathname }) => {
    const name = pathname.slice(1);
    if (scripts.includes(name)) return { body: readFileSync(join(built, name), "utf8"), type: "text/javascript" };
    if (name !== "") return undefined;
    const tags = scripts.map((s) => `<script src="/${s}"></script>`).join("");
    return `<!doctype html><html lang="en"><title>A SharePoint page</title><link rel="icon" href="data:,">${tags}<main><h1>People</h1><div id="part"></div></main></html>`;
  });

  writeFileSync(join(folder, "secret"), "secret");
  const tenant = await startTenant({ tls: true, args: ["--client-id", "app", "--client-secret", "secret", "--api-id", API, "--token-life", "8s"] });
  const people = await tenant.people(20);
  const gateway = await startGateway(tenant, {
    graph: { base_url: tenant.url, interval: "1s", credential: { kind: "client_secret", tenant_id: TENANT, client_id: "app", client_secret_file: join(folder, "secret"), authority: tenant.url, ca_file: tenant.ca } },
    watch: { users: people.map((p) => p.id), directory: true },
    gateway: {
      origins: [site.url],
      auth: { jwt: { issuer: `${tenant.url}/${TENANT}/v2.0`, audience: API, required_scope: "Presence.Subscribe" } },
      policy: [{ who: { everyone: true }, allow: "*" }],
    },
  });
  const [anna, bo] = people;
  await Promise.all([tenant.put(anna.id, "Busy", "InACall"), tenant.put(bo.id, "Available")]);

  const page = await open(undefined);
  const asked = [];
  await page.exposeFunction("token", async (resource, cached) => {
    asked.push({ resource, cached });
    const response = await fetch(`${tenant.url}/sim/login/token`, { method: "POST", body: JSON.stringify({ user: anna.id }) });
    return (await response.json()).token;
  });
  const sockets = [];
  page.on("websocket", (socket) => sockets.push(socket));
  await page.addInitScript(standIn, { properties: { gateway: gateway.url, api: `api://${API}`, people: `${anna.id}\n${bo.mail}` } });
  await page.goto(site.url);

  await page.locator("presence-badge").first().waitFor({ state: "attached" });
  const says = (n, words) => until(async () => words.test(await label(page.locator("presence-badge").nth(n))), `badge ${n} says ${words}`);
  await says(0, /in a call/i);
  await says(1, /^Available/);
  await until(() => asked.some(({ cached }) => cached === false), "the token is renewed", 25_000);
  await tenant.put(anna.id, "Away");
  await says(0, /^Away/);
  assert.equal(sockets.length, 1);
  assert.deepEqual([...new Set(asked.map(({ resource }) => resource))], [`api://${API}`]);
  assert.equal(asked[0].cached, true);
  assert.deepEqual(
    await page.evaluate(() => window.part.getPropertyPaneConfiguration().pages[0].groups[0].groupFields.map((f) => [f.target, f.label])),
    [["gateway", "Address of the gateway"], ["api", "Application ID URI of the gateway's registration"], ["people", "People, one address or object id a line"]],
  );
  await axe(page, "the SharePoint example");
  await shoot(page, "example-sharepoint");
  await done(page);

  const solution = readFileSync(join(example, "sharepoint/solution/debug/AppManifest.xml"), "utf8");
  assert.match(solution, /<WebApiPermissionRequest ResourceId="Presence" Scope="Presence\.Subscribe"/);
});
