// Builds migrate.mjs, one file that runs with Node alone. The same sources give the same bytes. With --check it changes
// nothing and fails when what is committed is not what the sources give.
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const built = join(here, "migrate.mjs");

/** The script, with the licences of what is in it. */
export async function bundle() {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(here, "cli.ts")],
    absWorkingDir: join(here, ".."),
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: ["node18"],
    charset: "utf8",
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "warning",
  });
  const packages = [...new Set(Object.keys(metafile.inputs).map((path) => /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]).filter(Boolean))].sort();
  const licences = await Promise.all(packages.map(async (name) => `${name}\n\n${(await readFile(join(here, "../node_modules", name, "LICENSE"), "utf8")).trim()}`));
  const notice = `/*\nMicrosoft Graph Toolkit's presence in a folder of sources: see docs/migration.md. Built from web/migrate/*.ts. It contains:\n\n${licences.join("\n\n")}\n*/\n`;
  return `#!/usr/bin/env node\n${notice}${outputFiles[0].text}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const script = await bundle();
  if (!process.argv.includes("--check")) await writeFile(built, script, { mode: 0o755 });
  else if (script !== (await readFile(built, "utf8"))) {
    console.error('web/migrate/migrate.mjs does not match its sources: run "npm run build" and commit the result');
    process.exit(1);
  }
}
