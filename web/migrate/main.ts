import { print } from "./print.ts";
import { report } from "./report.ts";

const USAGE = `Usage: node migrate.mjs FOLDER [--json]
       npx @presence-gateway/client migrate FOLDER [--json]

Lists what a folder of sources uses of Microsoft Graph Toolkit's presence (mgt-person and its kin), what each use becomes
with Presence Gateway's <presence-badge>, and what will not carry over. Nothing is changed.

It reads HTML and what contains it (Vue, Svelte, Astro, Razor, ASP.NET, PHP, Handlebars and others), JavaScript, TypeScript
and JSX, style sheets, package.json and package-solution.json. It leaves out node_modules, bower_components, dist, folders
that begin with a dot, minified and binary files, and does not follow symbolic links.

What it cannot see: tags whose name is computed; components passed on through files of your own (the import is listed, the
uses are not); values that are computed; properties set on an element in a file that has nothing else of the toolkit's;
markup that a server sends; Pug, Markdown and templates in other languages; styles of inherited custom properties under other names.

Exit code: 0, whatever is found; 2 for a wrong call.
`;

/** Runs the command with the words behind its name, of which the first may be "migrate"; returns its exit code. */
export function main(words: readonly string[]): number {
  // The package has this command alone, so that its name may be left out.
  if (words[0] === "migrate" && words.some((w, i) => i > 0 && !w.startsWith("-"))) words = words.slice(1);
  const json = words.includes("--json");
  const folders = words.filter((w) => w !== "--json");
  if (folders.some((f) => f === "--help" || f === "-h")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const [folder] = folders;
  if (folder === undefined || folders.length > 1 || folder.startsWith("-")) {
    process.stderr.write(folder?.startsWith("-") ? `migrate: there is no ${folder}\n\n${USAGE}` : USAGE);
    return 2;
  }
  let found;
  try {
    found = report(folder);
  } catch (error) {
    process.stderr.write(`migrate: ${(error as NodeJS.ErrnoException).code === "ENOENT" ? `there is no ${folder}` : (error as Error).message}\n`);
    return 2;
  }
  process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : print(found));
  return 0;
}
