// The system as it is run in production, on this machine: a tenant, a real Redis, one process that reads and one that
// serves pages over TLS, everything else as it is by default.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after } from "node:test";
import { chromium } from "playwright-core";
import { folder, freePort, startGateway, startTenant, until } from "../e2e/house.mjs";

const own = [];
after(async () => {
  for (const end of own.reverse()) await end();
});

/** How long Graph takes for an answer, in milliseconds; about what it does. */
export const LATENCY = { ms: 60, jitterMs: 20 };

/**
 * Starts it, with everybody in the tenant watched, living a day as people do. `page` is the gateway that serves pages; it
 * cannot read, as it has no credential. What is returned steers the tenant, too.
 */
export async function startPlace({ users = 10_000 } = {}) {
  const tenant = await startTenant({ users, changes: 0 });
  await tenant.faults({ latency: LATENCY });
  const people = await tenant.people(users);
  const redis = await startRedis();
  const tls = certificate();
  const config = {
    tls,
    graph: { interval: "5s" },
    hub: { kind: "redis", redis: { addrs: [redis] } },
    watch: { directory: true, users: people.map((p) => p.id) },
    gateway: { auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: "*" }], origins: ["*"], drain: "2s", drain_delay: "0s" },
  };
  const poller = await startGateway(tenant, config, ["--role", "poller"]);
  const page = await startGateway(tenant, config, ["--role", "gateway"]);
  await until(async () => (await fetch(`${page.url}/v1/presences/${people.at(-1).id}`)).ok, "the last person is known", 60_000);
  return { tenant, people, poller, page, tls };
}

async function startRedis() {
  const port = await freePort();
  const child = spawn("redis-server", ["--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", folder].map(String), { stdio: "ignore" });
  own.push(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
  await until(async () => {
    assert.equal(child.exitCode, null, "redis-server ended");
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  }, "redis does not begin");
  return `127.0.0.1:${port}`;
}

/** A certificate of this run's own for this machine. */
export function certificate() {
  const [cert, key] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", key, "-out", cert], { stdio: "ignore" });
  return { cert_file: cert, key_file: key };
}

/** A Chromium that takes exactly this certificate for good, so that nothing it does with pages differs. */
export async function trusting(tls, ...args) {
  const { publicKey } = new X509Certificate(readFileSync(tls.cert_file));
  const pin = createHash("sha256").update(publicKey.export({ type: "spki", format: "der" })).digest("base64");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run", `--ignore-certificate-errors-spki-list=${pin}`, ...args],
  });
  own.push(() => browser.close());
  return browser;
}
