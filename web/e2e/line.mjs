// A line to a gateway that can be cut and mended: the browser's side of a gateway that dies and comes back.
import { connect, createServer } from "node:net";

export async function startLine(target) {
  const { hostname, port } = new URL(target);
  const sockets = new Set();
  const server = createServer((near) => {
    const far = connect(Number(port), hostname);
    for (const [a, b] of [[near, far], [far, near]]) {
      sockets.add(a);
      a.on("error", () => {});
      a.on("close", () => {
        sockets.delete(a);
        b.destroy();
      });
      a.pipe(b);
    }
  });
  const listen = (p) => new Promise((resolve) => server.listen(p, "127.0.0.1", resolve));
  await listen(0);
  const own = server.address().port;
  return {
    url: `http://127.0.0.1:${own}`,
    async cut() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const s of sockets) s.destroy();
      await closed;
    },
    mend: () => listen(own),
    async close() {
      if (server.listening) await this.cut();
    },
  };
}
