// Pages as somebody opens them for the first time, and what that costs.
import { open, startSite, until } from "../e2e/house.mjs";
import { traffic, watchShifts } from "./traffic.mjs";

/** A site on another origin with one page, and an icon, which browsers ask for. */
export function site(head, body) {
  const text = `<!doctype html><html lang="en"><head><title>Intranet</title>${head}</head><body><h1>Intranet</h1>${body}</body></html>`;
  return startSite((url) => ({ "/": text, "/favicon.ico": { body: "", type: "image/x-icon" } })[url.pathname]);
}

export const script = (gateway, attributes = "") => `<script type="module" ${attributes} src="${gateway}/widget.js"></script>`;
export const badge = (user) => `<presence-badge user-id="${user}"></presence-badge>`;

/** Every badge of a page shows a state. */
export const shown = (page) => until(() => page.evaluate(() => [...document.querySelectorAll("presence-badge")].every((b) => b.presence)), "every badge shows a state");

/** The traffic with the gateway of a page with one badge, until that shows a state. The page is the caller's to close. */
export async function coldBadge(gateway, user) {
  const { url } = await site(script(gateway), badge(user));
  const page = await open(undefined);
  const counted = await traffic(page, gateway);
  await page.goto(url);
  await shown(page);
  return { page, counted };
}

/** What moves by itself on a page whose script comes `late` milliseconds after its text. */
export async function coldShift(gateway, head, body, late) {
  const { url } = await site(head, body);
  const page = await open(undefined);
  const watched = await watchShifts(page);
  await page.route("**/widget.js", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, late));
    await route.continue();
  });
  await page.goto(url);
  await shown(page);
  return { page, moved: await watched.moved() };
}

/** The traffic of the dashboard until it is live: `own`, the files that it is made of, and `data`, who is there and how. */
export async function coldDashboard(gateway) {
  const page = await open(undefined);
  const counted = await traffic(page, gateway);
  await page.goto(gateway);
  await page.getByText("Live", { exact: true }).waitFor();
  await until(() => counted.requests.some((r) => r.url.includes("/v1/directory") && r.all > 0), "the directory has come");
  const data = counted.requests.filter((r) => new URL(r.url).pathname.startsWith("/v1/"));
  const own = counted.requests.filter((r) => !data.includes(r));
  return { page, own, data };
}
