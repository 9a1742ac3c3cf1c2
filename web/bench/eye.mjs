// An eye on a page: when what a badge shows came to be drawn, on the wall clock, and whether the screen agrees.

/**
 * Lets every document of the page from now on remember each change that its badges announce: whose, to what, when the
 * element was told, and when the frame that draws it was done.
 *
 * A badge draws itself before it announces. The next animation frame is the one that paints it; a callback asked for in
 * there runs as the frame after begins, when the first has been painted and handed to the compositor. That is what
 * `painted` is: a frame (16.7 ms) late at the most, and never early, but for the compositor's own work; `screen` says
 * what that is.
 */
export async function watchPaint(page) {
  await page.addInitScript(() => {
    const seen = (window.seen = []);
    const now = () => performance.timeOrigin + performance.now();
    document.addEventListener("presence-change", (e) => {
      const change = { id: e.target.getAttribute("user-id"), activity: e.detail?.activity, version: e.detail?.version, told: now(), at: e.target.getBoundingClientRect().toJSON() };
      requestAnimationFrame(() => requestAnimationFrame(() => seen.push({ ...change, painted: now() })));
    });
  });
  return {
    /** What was seen since it was last asked. */
    take: () => page.evaluate(() => window.seen.splice(0)),
  };
}

/** How far the clock of a page is from this process's, in milliseconds: the quickest of some looks. */
export async function clockOffset(page) {
  let best = { took: Infinity, offset: 0 };
  for (let i = 0; i < 30; i++) {
    const before = performance.timeOrigin + performance.now();
    const there = await page.evaluate(() => performance.timeOrigin + performance.now());
    const after = performance.timeOrigin + performance.now();
    if (after - before < best.took) best = { took: after - before, offset: there - (before + after) / 2 };
  }
  return best.offset;
}

/**
 * Films the page as the compositor shows it while `act` runs. `colour(at)` of what is returned gives the colour in the middle
 * of a rectangle in each frame: [{at, rgb}], `at` being when the frame was put on the screen, in milliseconds since 1970.
 */
export async function film(page, reader, act) {
  const cdp = await page.context().newCDPSession(page);
  const frames = [];
  cdp.on("Page.screencastFrame", ({ data, metadata, sessionId }) => {
    frames.push({ data, at: metadata.timestamp * 1000, scale: metadata.pageScaleFactor });
    cdp.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
  });
  await cdp.send("Page.startScreencast", { format: "png", everyNthFrame: 1 });
  await act();
  await cdp.send("Page.stopScreencast");
  return {
    frames: frames.length,
    /** The first frame at or after `since` in which the rectangle's middle differs from what it was in the frame before that. */
    async changed(rectangle, since) {
      const first = frames.findIndex((f) => f.at >= since);
      const place = { x: Math.round(rectangle.x + rectangle.width / 2), y: Math.round(rectangle.y + rectangle.height / 2) };
      const before = first > 0 ? await pixels(reader, frames[first - 1].data, place) : undefined;
      for (const f of frames.slice(Math.max(first, 0))) if ((await pixels(reader, f.data, place)) !== before) return f.at;
      return undefined;
    },
  };
}

/** The pixels of a small square around a place of a picture, as text; a page reads them, which knows how to. */
function pixels(reader, data, { x, y }) {
  return reader.evaluate(
    async ([data, x, y]) => {
      const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
      const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
      const canvas = new OffscreenCanvas(picture.width, picture.height);
      const context = canvas.getContext("2d");
      context.drawImage(picture, 0, 0);
      return context.getImageData(x - 5, y - 5, 11, 11).data.join();
    },
    [data, x, y],
  );
}
