// The examples as their readers run them: built by their own tools from their own packages, in a real Chromium, on the
// real program. `scripts/examples.sh install` has to have been run. EXAMPLES chooses some by name.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { axe, done, folder, label, open, shoot, startDemo, startGateway, startSite, startTenant, until } from "./house.mjs";

const examples = join(dirname(fileURLToPath(import.meta.url)), "../examples");
const run = promisify(execFile);
const TYPES = { ".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

/** A folder served as it is, with some words replaced; `root` may become known later. */
async function serve(root, words = {}) {
  const site = { root };
  const { url } = await startSite(({ pathname }) => {
    const file = join(site.root, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
    if (!existsSync(file)) return undefined;
    const text = Object.entries(words).reduce((all, [from, to]) => all.replaceAll(from, to), readFileSync(file, "utf8"));
    return { body: text, type: TYPES[extname(file)] ?? "text/plain" };
  });
  return Object.assign(site, { url });
}

/** Builds an example with its own tools into a folder of this run, and returns that. */
async function built(name, environment) {
  const to = join(folder, `${name}-${Math.random()}`);
  await run(process.execPath, [join(examples, name, "node_modules/vite/bin/vite.js"), "build", "--outDir", to, "--emptyOutDir", "--logLevel", "warn"], {
    cwd: join(examples, name),
    env: { ...process.env, ...environment },
  });
  return to;
}

/** Opens a page and counts what it says to a gateway. */
async function visit(url) {
  const page = await open(undefined);
  page.sockets = [];
  page.on("websocket", (socket) => {
    const sent = [];
    page.sockets.push(sent);
    socket.on("framesent", ({ payload }) => sent.push(JSON.parse(payload).type));
  });
  await page.goto(url);
  return page;
}

/** Waits until a badge says something; what it says instead is told. */
async function says(badge, words) {
  let last;
  await until(async () => words.test((last = await label(badge))), `the badge says ${words}`).catch((error) => assert.fail(`${error.message}; it says ${last}`));
}

let demo;
before(async () => {
  demo = await startDemo({ users: 300 });
});

test("html: one line and an element, by id, by address, round a picture, and a team", async () => {
  const site = await serve(join(examples, "html"), { "http://127.0.0.1:8080": demo.url });
  const [samuel, marta, mei] = await demo.people(3);
  await Promise.all([demo.put(samuel.id, "Busy", "InACall"), demo.put(marta.id, "Available"), demo.put(mei.id, "DoNotDisturb", "Presenting")]);
  const page = await visit(site.url);
  const badge = (n) => page.locator("presence-badge").nth(n);
  await says(badge(0), /in a call/i);
  await says(badge(1), /^Available/);
  await says(badge(2), /presenting/i);
  await demo.put(marta.id, "Away");
  await says(badge(1), /^Away/);
  assert.equal(page.sockets.length, 1);
  await axe(page, "the HTML example");
  await shoot(page, "example-html", { fullPage: true });
  await done(page);
});

for (const name of ["react", "react-18"]) {
  test(`${name}: badges come and go with their components, and tell them what changes`, async () => {
    const site = await serve(await built(name, { VITE_GATEWAY: demo.url }));
    const [samuel, marta, mei] = await demo.people(3);
    await Promise.all([demo.put(samuel.id, "Busy", "InACall"), demo.put(marta.id, "Available"), demo.put(mei.id, "Away")]);
    const page = await visit(site.url);
    const badge = (n) => page.locator("presence-badge").nth(n);
    await says(badge(0), /in a call/i);
    await page.getByText("1 person is available.").waitFor();
    await demo.put(mei.id, "Available");
    await says(badge(2), /^Available/);
    await page.getByText("2 people are available.").waitFor();
    await axe(page, `the ${name} example`);
    await shoot(page, `example-${name}`);
    await page.getByRole("button", { name: "Hide" }).click();
    assert.equal(await badge(0).count(), 0);
    await page.getByRole("button", { name: "Show" }).click();
    await says(badge(0), /in a call/i);
    assert.equal(page.sockets.length, 1);
    await done(page);
  });
}

const TENANT = "11111111-2222-4333-8444-555555555555";
const API = "22222222-3333-4444-8555-666666666666";

describe("msal", () => {
  let site, tenant, people, environment;
  // A tenant whose sign-in lets this site's pages in, and a gateway that wants its tokens.
  before(async () => {
    site = await serve("");
    writeFileSync(join(folder, "secret"), "secret");
    const login = ["--client-id", "app", "--client-secret", "secret", "--api-id", API, "--redirect-uri", `${site.url}/redirect.html`, "--token-life", "8s"];
    tenant = await startTenant({ tls: true, users: 20, args: login });
    people = await tenant.people();
    const gateway = await startGateway(tenant, {
      graph: { credential: { kind: "client_secret", tenant_id: TENANT, client_id: "app", client_secret_file: join(folder, "secret"), authority: tenant.url, ca_file: tenant.ca } },
      watch: { users: people.map((p) => p.id), directory: true },
      gateway: {
        origins: [site.url],
        auth: { jwt: { issuer: `${tenant.url}/${TENANT}/v2.0`, audience: API, required_scope: "Presence.Subscribe" } },
        policy: [{ who: { everyone: true }, allow: "*" }],
      },
    });
    environment = { VITE_GATEWAY: gateway.url, VITE_AUTHORITY: `${tenant.url}/${TENANT}`, VITE_CLIENT_ID: API, VITE_PEOPLE: `${people[0].mail},${people[1].id}` };
  });

  async function signIn(page) {
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Who are you?" }).waitFor();
    await page.locator("form button[name=user]").nth(2).click();
    await page.getByText(/^Signed in as/).waitFor();
  }

  test("the page's own sign-in lets its badges in, and is renewed on the connection that stands", async () => {
    site.root = await built("msal", { ...environment, VITE_SCOPE: `api://${API}/Presence.Subscribe` });
    await Promise.all([tenant.put(people[0].id, "Busy", "InACall"), tenant.put(people[1].id, "Available")]);
    const page = await visit(site.url);
    await signIn(page);
    const badge = page.locator("presence-badge").first();
    await says(badge, /in a call/i);
    await says(page.locator("presence-badge").nth(1), /^Available/);
    await tenant.put(people[0].id, "Away");
    await says(badge, /^Away/);
    // The first said who the reader is; the second, that they still are.
    await until(() => page.sockets.at(-1).filter((type) => type === "authenticate").length > 1, "the sign-in is renewed", 25_000);
    await tenant.put(people[0].id, "Available");
    await says(badge, /^Available/);
    assert.equal(page.sockets.length, 1);
    await axe(page, "the MSAL example");
    await shoot(page, "example-msal");
    await page.reload();
    await says(badge, /^Available/);
    await done(page);
  });

  test("a token for Graph lets nobody in, and the reader is asked again", async () => {
    site.root = await built("msal", { ...environment, VITE_SCOPE: "https://graph.microsoft.com/.default" });
    const page = await visit(site.url);
    await signIn(page);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await says(page.locator("presence-badge").first(), /^Unknown/);
    await done(page);
  });
});
