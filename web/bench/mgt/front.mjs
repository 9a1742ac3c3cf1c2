// What stands before Graph for browsers: TLS, and leave for pages of other origins, which the simulated tenant has not.
import { readFileSync } from "node:fs";
import { request as forward } from "node:http";
import { createServer } from "node:https";
import { once } from "node:events";

const LEAVE = { "access-control-allow-origin": "*", "access-control-expose-headers": "*" };
const ASKED = { ...LEAVE, "access-control-allow-methods": "GET, POST", "access-control-max-age": "86400" };

/** Forwards to a tenant; `url` is where it stands. */
export async function startFront(tenant, tls) {
  const server = createServer({ cert: readFileSync(tls.cert_file), key: readFileSync(tls.key_file) }, (request, response) => {
    if (request.method === "OPTIONS") {
      response.writeHead(204, { ...ASKED, "access-control-allow-headers": request.headers["access-control-request-headers"] ?? "" }).end();
      return;
    }
    const there = forward(tenant + request.url, { method: request.method, headers: { ...request.headers, host: new URL(tenant).host } }, (answer) => {
      response.writeHead(answer.statusCode, { ...answer.headers, ...LEAVE });
      answer.pipe(response);
    });
    there.on("error", () => response.destroy());
    request.pipe(there);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `https://127.0.0.1:${server.address().port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
