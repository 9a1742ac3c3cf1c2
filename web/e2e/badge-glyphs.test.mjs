// Every state that a badge draws, looked at as pixels, and read as names: on light and dark pages, in forced colours, live
// and last known, in every language. Real states of a real gateway.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { axe, done, folder, label, open, shoot, startGateway, startSite, startTenant, strictPolicy, until } from "./house.mjs";

/** What a tenant says, the shape that is drawn for it, whether that has a mark, and its names in English, German, French and Japanese. */
const STATES = [
  [["Available"], "check", true, "Available", "Verfügbar", "Disponible", "連絡可能"],
  [["Available", "Available", { outOfOffice: true }], "open-check", true, "Available, out of office", "Verfügbar, außer Haus", "Disponible, absent du bureau", "連絡可能、外出中"],
  [["Busy", "InACall"], "disc", false, "Busy, in a call", "Beschäftigt, in einem Anruf", "Occupé, dans un appel", "取り込み中、通話中"],
  [["Busy", "Busy", { outOfOffice: true }], "open-disc", false, "Busy, out of office", "Beschäftigt, außer Haus", "Occupé, absent du bureau", "取り込み中、外出中"],
  [["DoNotDisturb", "Presenting"], "bar", true, "Do not disturb, presenting", "Nicht stören, präsentiert", "Ne pas déranger, en présentation", "応答不可、発表中"],
  [["DoNotDisturb", "DoNotDisturb", { outOfOffice: true }], "open-bar", true, "Do not disturb, out of office", "Nicht stören, außer Haus", "Ne pas déranger, absent du bureau", "応答不可、外出中"],
  [["BeRightBack"], "clock", true, "Away, be right back", "Abwesend, bin gleich zurück", "Absent, de retour bientôt", "退席中、一時退席中"],
  [["Offline", "OutOfOffice", { outOfOffice: true }], "arrow", true, "Out of office", "Außer Haus", "Absent du bureau", "外出中"],
  [["Offline"], "cross", true, "Offline", "Offline", "Hors connexion", "オフライン"],
  [["PresenceUnknown"], "unknown", false, "Unknown", "Status unbekannt", "Statut inconnu", "状態不明"],
];
const LANGUAGES = ["en", "de", "fr", "ja"];
const PAGES = ["#ffffff", "#f5f5f5", "#1f1f1f"];
const SCALE = 4;
const SIZES = ["tiny", "extra-small", "small", "medium", "large", "extra-large"];

/** The sizes shown in a language: one is enough where only words differ. */
const sizes = (lang) => (lang === "en" ? SIZES : ["medium"]);

let tenant, gateway, site, ids;

before(async () => {
  tenant = await startTenant({ users: STATES.length + 2 });
  const people = (await tenant.people()).map((p) => p.id);
  for (const [i, [state]] of STATES.entries()) await tenant.put(people[i], ...state);
  // The last three are told apart by nothing: one whom the policy hides, one who opted out, one who does not exist.
  ids = [...people, "00000000-0000-4000-8000-000000000000"];
  const optedOut = join(folder, "opted-out");
  writeFileSync(optedOut, people.at(-1));
  gateway = await startGateway(tenant, {
    watch: { users: ids, directory: false },
    privacy: { opted_out_users_file: optedOut },
    gateway: { origins: ["*"], auth: { anonymous: true }, policy: [{ who: { anonymous: true }, allow: { users: ids.filter((id) => id !== people.at(-2)) } }] },
  });
  const script = `<script type="module" src="${gateway.url}/widget.js"></script>`;
  const badge = (id, more = "") => `<presence-badge user-id="${id}" ${more}></presence-badge>`;
  const pages = {
    // One large badge of each state on one colour, each in a box of its own.
    pixels: (query) =>
      `<body style="background:${query.get("page")}">${script}<main><h1 hidden>Pixels</h1>` +
      ids.map((id) => `<p>${badge(id, 'size="extra-large"')}</p>`).join("") + "</main>",
    sheet: () =>
      `${script}<main><h1>Every state</h1>` +
      LANGUAGES.map((lang) => `<section lang="${lang}"><h2>${lang}</h2>` + ids.map((id) => sizes(lang).map((size) => badge(id, `size="${size}"`)).join(" ")).join(" · ") + "</section>").join("") +
      "</main>",
  };
  // Whole pixels, so that equal drawings are equal.
  const style = `<style>body{font:14px/2 sans-serif;margin:16px}p{height:28px;margin:8px;line-height:0}p presence-badge{vertical-align:top}@media (prefers-color-scheme:dark){body{background:#1f1f1f;color:#fff}}</style>`;
  const policy = strictPolicy(gateway.url)["content-security-policy"] + "; style-src 'unsafe-inline'";
  site = await startSite(
    (url) => {
      const page = pages[url.pathname.slice(1)];
      return page && `<!doctype html><html lang="en"><title>States</title>${style}${page(url.searchParams)}</html>`;
    },
    { "content-security-policy": policy },
  );
});

const all = (page) => page.locator("presence-badge");

/** Waits until every badge shows what its state is, live or last known. */
async function settled(page, stale = false) {
  await until(async () => {
    const said = await all(page).evaluateAll((badges) => badges.map((b) => b.shadowRoot.querySelector("[role=img]").ariaLabel));
    return said.every((text, i) => {
      const name = STATES[i % ids.length]?.[3] ?? "Unknown";
      return name === "Unknown" ? /^(Last known: )?Unknown/.test(text) : stale ? text.startsWith(`Last known: ${name}`) : text === name;
    });
  }, "every badge shows its state", 20_000);
}

/** The pixels of every badge of a page, [red, green, blue] each, and how many there are on a side; by one picture. */
async function pixels(page, reader) {
  const boxes = await all(page).evaluateAll((badges) => badges.map((b) => b.getBoundingClientRect()).map(({ x, y, width }) => [x, y, width]));
  const png = await page.screenshot({ type: "png" });
  const packed = await reader.evaluate(
    async ({ data, boxes, scale }) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${data}`)).blob());
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d", { willReadFrequently: true });
      context.drawImage(bitmap, 0, 0);
      return boxes.map(([x, y, width]) => {
        const { data: rgba } = context.getImageData(x * scale, y * scale, width * scale, width * scale);
        return Array.from({ length: rgba.length / 4 }, (_, i) => (rgba[4 * i] << 16) | (rgba[4 * i + 1] << 8) | rgba[4 * i + 2]);
      });
    },
    { data: png.toString("base64"), boxes, scale: SCALE },
  );
  return packed.map((colours) => ({ side: Math.sqrt(colours.length), colours: colours.map((c) => [c >> 16, (c >> 8) & 255, c & 255]) }));
}

function luminance([r, g, b]) {
  const [x, y, z] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
}

function contrast(a, b) {
  const [dark, light] = [luminance(a), luminance(b)].sort((m, n) => m - n);
  return (light + 0.05) / (dark + 0.05);
}

/** The colours of some pixels, the most frequent first, with their shares; those only of edges are left out. */
function shares(colours) {
  const count = new Map();
  for (const c of colours) count.set(String(c), (count.get(String(c)) ?? 0) + 1);
  return [...count].sort((a, b) => b[1] - a[1]).map(([c, n]) => ({ colour: c.split(",").map(Number), share: n / colours.length })).filter(({ share }) => share > 0.02);
}

/** What is drawn on what: the outline against the page, and the mark against what is around it. */
function measure({ side, colours }, back) {
  const middle = (side - 1) / 2;
  const within = (radius) => colours.filter((_, i) => Math.hypot((i % side) - middle, Math.floor(i / side) - middle) <= radius * side);
  const drawn = shares(colours).find(({ colour }) => contrast(colour, back) > 1.2)?.colour ?? back;
  const [field, mark] = shares(within(0.3));
  return { drawn, outline: contrast(drawn, back), mark: mark === undefined ? undefined : contrast(field.colour, mark.colour) };
}

/** Which pixels are drawn, whatever their colour. */
function mask({ colours }, back) {
  return colours.map((c) => contrast(c, back) > 1.6);
}

function difference(a, b) {
  return a.filter((v, i) => v !== b[i]).length / a.length;
}

const hex = ([r, g, b]) => `#${[r, g, b].map((v) => v.toString(16).padStart(2, "0")).join("")}`;

test("every shape has a contrast of 3:1, measured from pixels, and none is told by colour alone", async () => {
  const reader = await open("about:blank");
  const looks = [];
  const look = async (page, back, stale, colours) => {
    const masks = [];
    const drawings = await pixels(page, reader);
    for (const [i, [, shape, marked]] of STATES.entries()) {
      const seen = drawings[i];
      masks.push([shape, mask(seen, back)]);
      if (!colours) continue;
      const { drawn, outline, mark } = measure(seen, back);
      looks.push(`${hex(back)} ${stale ? "last " : "live "} ${shape.padEnd(10)} ${hex(drawn)} ${outline.toFixed(2)} ${mark?.toFixed(2) ?? "-"}`);
      assert.ok(outline >= 3, `${shape} on ${hex(back)}, ${stale ? "last known" : "live"}: ${hex(drawn)} has ${outline.toFixed(2)}:1`);
      const hollow = stale && (shape === "disc" || shape === "open-disc");
      if (marked || hollow) assert.ok(mark >= 3, `the mark of ${shape} on ${hex(back)}, ${stale ? "last known" : "live"}: ${mark?.toFixed(2)}:1`);
    }
    // Nobody can tell from a badge why it knows nothing: neither by its pixels (but for how the edges of equal paths come
    // out), nor by its nodes, nor by what it gives to scripts.
    const [unknown, ...hidden] = drawings.slice(STATES.length - 1);
    for (const { colours } of hidden) {
      const most = Math.max(...colours.flatMap((colour, i) => colour.map((v, k) => Math.abs(v - unknown.colours[i][k]))));
      assert.ok(most <= 48, `what is not known differs by ${most}`);
    }
    const given = await all(page).evaluateAll((badges) => badges.map((e) => JSON.stringify([e.presence ?? null, e.shadowRoot.innerHTML])));
    assert.equal(new Set(given.slice(STATES.length)).size, 1);
    return masks;
  };
  const apart = (masks, where) => {
    for (const [i, [a, one]] of masks.entries()) {
      for (const [b, other] of masks.slice(i + 1)) assert.ok(difference(one, other) > 0.02, `${a} and ${b} have different shapes ${where}: ${difference(one, other).toFixed(3)}`);
    }
  };
  const pages = [];
  for (const colour of PAGES) {
    const page = await open(`${site.url}/pixels?page=${encodeURIComponent(colour)}`, { deviceScaleFactor: SCALE, viewport: { width: 200, height: 700 } });
    await settled(page);
    pages.push([page, [1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16))]);
  }
  const shapes = { colours: [], forced: [] };
  const forced = async (page) => {
    await page.emulateMedia({ forcedColors: "active", colorScheme: "dark" });
    const [{ colours }] = await pixels(page, reader);
    return colours[0]; // a corner, beside the disc
  };
  try {
    for (const [page, back] of pages) shapes.colours = await look(page, back, false, true);
    await shoot(pages[2][0], "glyphs-dark");
    apart(shapes.colours, "live");
    await tenant.faults({ status: { status: 503 } });
    for (const [page, back] of pages) {
      await settled(page, true);
      const masks = await look(page, back, true, true);
      apart([...shapes.colours, ...masks.filter(([shape]) => shape !== "unknown").map(([shape, m]) => [`last known ${shape}`, m])], "live and last known");
    }
    await shoot(pages[2][0], "glyphs-dark-last");
    const [page] = pages[0];
    const canvas = await forced(page);
    const last = await look(page, canvas, true, false);
    await tenant.faults({});
    await settled(page);
    const live = await look(page, canvas, false, false);
    apart([...live, ...last.filter(([shape]) => shape !== "unknown").map(([shape, m]) => [`last known ${shape}`, m])], "in forced colours");
  } finally {
    await tenant.faults({});
  }
  console.log(["page    state shape      colour  outline mark", ...looks].join("\n"));
  for (const [page] of pages) await done(page);
  await done(reader);
});

test("name and role of every state, in every language, are in the accessibility tree, and nothing is announced", async () => {
  const page = await open(`${site.url}/sheet`);
  const session = await page.context().newCDPSession(page);
  await session.send("Accessibility.enable");
  const names = (of) => ids.map((_, i) => (STATES[i] ?? STATES.at(-1))[3 + LANGUAGES.indexOf(of)]);
  const images = async () => {
    const { nodes } = await session.send("Accessibility.getFullAXTree");
    for (const { role, properties } of nodes) {
      const live = properties?.find((p) => p.name === "live")?.value.value;
      assert.ok(live === undefined || live === "off", `${role?.value} is a live region`);
    }
    return nodes.filter((n) => !n.ignored && n.role?.value === "image").map((n) => n.name.value);
  };
  const wanted = LANGUAGES.flatMap((lang) => names(lang).flatMap((name) => sizes(lang).map(() => name)));
  await until(async () => JSON.stringify(await images()) === JSON.stringify(wanted), "the names of all badges");
  assert.deepEqual(await all(page).evaluateAll((badges) => badges.filter((b) => b.shadowRoot.querySelector("[part=badge]").title !== b.shadowRoot.querySelector("[part=badge]").ariaLabel).length), 0, "tooltips say what names say");
  await axe(page, "every state in every language");
  await shoot(page, "sheet-light", { fullPage: true });
  await page.emulateMedia({ colorScheme: "dark" });
  await axe(page, "every state on a dark page");
  await shoot(page, "sheet-dark", { fullPage: true });
  await page.emulateMedia({ forcedColors: "active", colorScheme: "dark" });
  await shoot(page, "sheet-forced", { fullPage: true });
  // The page changes its language while it stands.
  await page.evaluate(() => {
    for (const section of document.querySelectorAll("section")) section.removeAttribute("lang");
    document.documentElement.lang = "fr-CA";
  });
  await until(async () => (await images()).join() === LANGUAGES.flatMap((lang) => names("fr").flatMap((name) => sizes(lang).map(() => name))).join(), "the page speaks French");
  await done(page);
});

test("the words are the page's own where it has its own, and the language the configured one where the page has none", async () => {
  const page = await open(`${site.url}/sheet`);
  await page.evaluate(async (script) => {
    const { configure } = await import(script);
    for (const e of document.querySelectorAll("[lang]")) e.removeAttribute("lang");
    configure({ locale: "de-AT", labels: { InACall: "Am Telefon" } });
  }, `${gateway.url}/widget.js`);
  await until(async () => (await label(all(page).nth(2 * SIZES.length))) === "Beschäftigt, Am Telefon", "the page's own word");
  assert.equal(await label(all(page).first()), "Verfügbar");
  // Whoever reads it aloud knows the language, where the page does not say it.
  const lang = () => all(page).first().evaluate((e) => e.shadowRoot.querySelector("[role=img]").getAttribute("lang"));
  assert.equal(await lang(), "de-AT");
  await page.evaluate(() => (document.documentElement.lang = "en"));
  await until(async () => (await label(all(page).first())) === "Available", "the page's language");
  assert.equal(await lang(), null);
  await done(page);
});
