// Builds web/dist from web/src. The same sources give the same bytes. With --check it changes nothing and fails when
// what is committed is not what the sources give.
import { gzipAsync } from "@gfx/zopfli";
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, brotliDecompressSync, constants, gunzipSync } from "node:zlib";
import { minify } from "terser";
import { marks } from "./marks.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const source = (name) => join(here, "src", name);

const how = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  legalComments: "eof",
  // Names hold hashes of paths too: those of the packages as the sources see them, wherever they are kept.
  preserveSymlinks: true,
  write: false,
  logLevel: "warning",
};

const checking = process.argv.includes("--check");
const wrong = new Set();

// A source that is written, too: the icons' outlines.
const outlines = await marks();
if ((await readFile(source("marks.ts"), "utf8").catch(() => "")) !== outlines) {
  if (checking) wrong.add("src/marks.ts");
  else await writeFile(source("marks.ts"), outlines);
}

async function bundle(entry, define = {}) {
  const { outputFiles } = await build({ ...how, entryPoints: [source(entry)], define });
  return outputFiles[0].contents;
}

/** Bundles a script and, in files of their own, what it loads only when it is wanted. Gives the paths of the script and of what it needs at once. */
async function split(entry) {
  const outdir = join(dist, "assets");
  const { outputFiles, metafile } = await build({
    ...how,
    entryPoints: [source(entry)],
    outdir,
    splitting: true,
    metafile: true,
    entryNames: "[name]-[hash]",
    chunkNames: "[name]-[hash]",
  });
  for (const { path, contents } of outputFiles) files.set(relative(dist, path), Buffer.from(contents));
  const [first] = Object.entries(metafile.outputs).find(([, output]) => output.entryPoint === `src/${entry}`);
  const path = relative("dist", first);
  const needed = metafile.outputs[first].imports.filter((i) => i.kind === "import-statement").map((i) => relative("dist", i.path));
  return { path, needed };
}

/** Makes a bundled script as small as it gets: every page that embeds a badge loads it. */
async function small(bundled) {
  const { code } = await minify(Buffer.from(bundled).toString(), {
    module: true,
    ecma: 2022,
    compress: { passes: 3, sequences: false, hoist_funs: true, unsafe_arrows: true, unsafe_methods: true, pure_getters: true },
    format: { comments: /^!/ },
  });
  return Buffer.from(code);
}

const files = new Map();

function hashed(name, bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const path = `assets/${name.replace(/\.(\w+)$/, `-${hash}.$1`)}`;
  files.set(path, Buffer.from(bytes));
  return path;
}

/** What `integrity` holds of a file (Subresource Integrity). */
function integrity(path) {
  return `sha384-${createHash("sha384").update(files.get(path)).digest("base64")}`;
}

/** Names a file in the page; the browser takes nothing else for it. */
function named(path) {
  return `"${path}" integrity="${integrity(path)}"`;
}

const list = hashed("list.js", await small(await bundle("list-view.ts")));
const tabs = hashed("tabs.js", await small(await bundle("place.ts")));
const translations = hashed("translations.js", await small(await bundle("translations.ts")));
const loaded = { LIST: list, TABS: tabs, TRANSLATIONS: translations };
files.set("widget.js", await small(await bundle("widget.ts", Object.fromEntries(Object.entries(loaded).map(([name, path]) => [name, JSON.stringify(path)])))));
const script = await split("dashboard.ts");
const names = {
  ICON: `"${hashed("icon.svg", await readFile(source("icon.svg")))}"`,
  STYLE: named(hashed("dashboard.css", await bundle("dashboard.css"))),
  SCRIPT: named(script.path),
};
const page = (await readFile(source("index.html"), "utf8"))
  .replace(/"(ICON|STYLE|SCRIPT)"/g, (_, name) => names[name])
  .replace(/(?=<script)/, script.needed.map((path) => `<link rel="modulepreload" href=${named(path)}>\n`).join(""));
files.set("index.html", Buffer.from(page));

// Compressed here, where it may take its time: this gzip is a thirtieth smaller than the usual one at its best.
for (const [path, bytes] of [...files]) {
  if (bytes.length < 512) continue;
  files.set(`${path}.br`, brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }));
  files.set(`${path}.gz`, Buffer.from(await gzipAsync(bytes, { numiterations: 50 })));
}

/** How to read a compressed form again, by the end of its name. */
const expand = { ".br": brotliDecompressSync, ".gz": gunzipSync };

/** Another version of the compressor may give other bytes: what they stand for is what counts. */
function same(path, bytes, found) {
  const expanded = expand[extname(path)];
  if (expanded === undefined) return bytes.equals(found);
  try {
    return expanded(found).equals(expanded(bytes));
  } catch {
    return false;
  }
}

if (checking) {
  const committed = (await readdir(dist, { recursive: true, withFileTypes: true }))
    .filter((e) => e.isFile())
    .map((e) => relative(dist, join(e.parentPath, e.name)));
  for (const path of committed) if (!files.has(path)) wrong.add(path);
  for (const [path, bytes] of files) {
    if (!committed.includes(path) || !same(path, bytes, await readFile(join(dist, path)))) wrong.add(path);
  }
  if (wrong.size > 0) {
    console.error(`web/dist does not match web/src (${[...wrong].sort().join(", ")}): run "npm run build" and commit the result`);
    process.exit(1);
  }
  console.log(`web/dist matches web/src (${files.size} files)`);
} else {
  await rm(dist, { recursive: true, force: true });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(dist, path)), { recursive: true });
    await writeFile(join(dist, path), bytes);
  }
}
for (const [path, bytes] of [...files].sort()) {
  if (extname(path) in expand) continue;
  const sizes = { "": bytes, gzip: files.get(`${path}.gz`) ?? bytes, br: files.get(`${path}.br`) ?? bytes };
  console.log(path.padEnd(40), ...Object.entries(sizes).map(([coding, { length }]) => `${String(length).padStart(7)} B ${coding}`));
}
