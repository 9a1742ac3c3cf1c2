// Builds web/dist from web/src. The same sources give the same bytes. With --check it changes nothing and fails when
// what is committed is not what the sources give.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

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
  legalComments: "none",
  // Names hold hashes of paths too: those of the packages as the sources see them, wherever they are kept.
  preserveSymlinks: true,
  write: false,
  logLevel: "warning",
};

async function bundle(entry) {
  const { outputFiles } = await build({ ...how, entryPoints: [source(entry)] });
  return outputFiles[0].contents;
}

/** Bundles a script and, in files of their own, what it loads only when it is wanted. Gives the path of the script. */
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
  return relative("dist", first);
}

const files = new Map();

function hashed(name, bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex").slice(0, 12);
  const path = `assets/${name.replace(/\.(\w+)$/, `-${hash}.$1`)}`;
  files.set(path, Buffer.from(bytes));
  return path;
}

files.set("widget.js", Buffer.from(await bundle("widget.ts")));
const names = {
  ICON: hashed("icon.svg", await readFile(source("icon.svg"))),
  STYLE: hashed("dashboard.css", await bundle("dashboard.css")),
  SCRIPT: await split("dashboard.ts"),
};
const page = (await readFile(source("index.html"), "utf8")).replace(/"(ICON|STYLE|SCRIPT)"/g, (_, name) => `"${names[name]}"`);
files.set("index.html", Buffer.from(page));

if (process.argv.includes("--check")) {
  const committed = (await readdir(dist, { recursive: true, withFileTypes: true }))
    .filter((e) => e.isFile())
    .map((e) => relative(dist, join(e.parentPath, e.name)));
  const wrong = new Set(committed.filter((path) => !files.has(path)));
  for (const [path, bytes] of files) {
    if (!committed.includes(path) || !bytes.equals(await readFile(join(dist, path)))) wrong.add(path);
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
  console.log(`${path.padEnd(40)} ${String(bytes.length).padStart(7)} B ${String(gzipSync(bytes, { level: 9 }).length).padStart(7)} B gzip`);
}
