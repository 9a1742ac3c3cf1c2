// What a page costs a gateway's wire until it shows something: requests and bytes as the browser itself counts them.

/**
 * Counts what `page` exchanges with `origin` from now on. `before` is how many requests had been made when the first
 * socket was opened, all of them if none was.
 */
export async function traffic(page, origin) {
  const cdp = await page.context().newCDPSession(page);
  const requests = new Map();
  const sockets = [];
  let before;
  cdp.on("Network.requestWillBeSent", ({ requestId, request, type }) => {
    if (new URL(request.url).origin !== origin) return;
    // A redirect keeps the number of the request that it answers.
    requests.set(requests.has(requestId) ? `${requestId}, redirected` : requestId, { url: request.url, type, body: 0, all: 0, cached: false });
  });
  cdp.on("Network.requestServedFromCache", ({ requestId }) => requests.has(requestId) && (requests.get(requestId).cached = true));
  cdp.on("Network.dataReceived", ({ requestId, encodedDataLength }) => requests.has(requestId) && (requests.get(requestId).body += encodedDataLength));
  cdp.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => requests.has(requestId) && (requests.get(requestId).all = encodedDataLength));
  cdp.on("Network.webSocketCreated", ({ requestId, url }) => {
    before ??= requests.size;
    sockets.push({ requestId, url, frames: 0, bytes: 0 });
  });
  cdp.on("Network.webSocketFrameReceived", ({ requestId, response }) => {
    const socket = sockets.find((s) => s.requestId === requestId);
    if (socket === undefined) return;
    socket.frames++;
    socket.bytes += response.payloadData.length;
  });
  await cdp.send("Network.enable");
  return {
    /** Everything asked of the origin, in order: body as sent, and `all` with the head. */
    get requests() {
      return [...requests.values()];
    },
    get before() {
      return before ?? requests.size;
    },
    get sockets() {
      return sockets;
    },
    /** Bytes of all answers, heads included. */
    get all() {
      return [...requests.values()].reduce((sum, r) => sum + r.all, 0);
    },
    get bodies() {
      return [...requests.values()].reduce((sum, r) => sum + r.body, 0);
    },
  };
}

/** From the next document on, remembers what moves by itself; `moved` gives the browser's score of each move, and what moved. */
export async function watchShifts(page) {
  await page.addInitScript(() => {
    window.shifts = [];
    const remember = (list) => {
      for (const s of list.getEntries()) window.shifts.push({ value: s.value, what: s.sources.map((x) => x.node?.parentElement?.localName ?? "gone") });
    };
    new PerformanceObserver(remember).observe({ type: "layout-shift", buffered: true });
  });
  return {
    moved: () =>
      page.evaluate(async () => {
        // What the last frame moved is told after it.
        for (let i = 0; i < 3; i++) await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
        return window.shifts;
      }),
  };
}
