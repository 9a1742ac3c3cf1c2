// Builds the npm package: `node npm/build.mjs FOLDER` writes it to FOLDER/npm, and the tarball that npm installs beside it.
import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const web = dirname(here);
const out = resolve(process.argv[2] ?? join(web, "../bin"));
const folder = join(out, "npm");

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
for (const name of ["package.json", "README.md", "badge.js", "badge.d.ts", "index.d.ts", "react.js", "react.d.ts", "custom-elements.json"]) {
  await cp(join(here, name), join(folder, name));
}
await cp(join(web, "../LICENSE"), join(folder, "LICENSE"));
await cp(join(web, "migrate/migrate.mjs"), join(folder, "migrate.mjs"));

await build({
  entryPoints: [join(web, "src/elements.ts")],
  outfile: join(folder, "index.js"),
  bundle: true,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  // The package holds all of a list; an import of what cannot be known before it runs is a warning of every other bundler.
  define: { LIST: "undefined" },
  minifySyntax: true,
  legalComments: "inline",
  // Lists come whole: there is no gateway to load the rest of them from.
  define: { LIST: "undefined" },
  minifySyntax: true,
  logLevel: "warning",
});

// Types, one file for each source that others' types speak of. They name each other as the sources do, which a package
// must not.
const types = join(folder, "types");
const tsc = createRequire(import.meta.url).resolve("typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", join(here, "tsconfig.json"), "--outDir", types], { stdio: "inherit" });
const reached = new Set(["elements"]);
for (const name of reached) {
  const path = join(types, `${name}.d.ts`);
  const text = await readFile(path, "utf8");
  await writeFile(path, text.replace(/((?:from |import\()"\.\/([\w-]+))\.ts"/g, (_, before, other) => (reached.add(other), `${before}.js"`)));
}
for (const file of await readdir(types)) if (!reached.has(file.replace(".d.ts", ""))) await rm(join(types, file));

const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
const [{ filename, size }] = JSON.parse(execFileSync("npm", ["pack", "--json", "--pack-destination", out], { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }));
const tarball = join(out, `presence-gateway-client-${version}.tgz`);
if (join(out, filename) !== tarball) await rename(join(out, filename), tarball);
console.log(`${tarball} ${size} B`);
