import { nothing, permission, PERMISSION, simple, type Finds } from "./found.ts";
import { lineAround, readMarkupUses } from "./in-markup.ts";
import { readScriptUses } from "./in-script.ts";
import { styleFinds } from "./in-style.ts";
import { withoutComments } from "./markup.ts";
import { readStyle } from "./style.ts";
import { Composition, Text } from "./text.ts";
import { isToolkit } from "./toolkit.ts";

const SCRIPT = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const STYLE = /\.(?:css|scss|less|pcss)$/;
const MARKUP = /\.(?:html?|xhtml|aspx|ascx|master|cshtml|vbhtml|razor|php|phtml|hbs|handlebars|mustache|ejs|erb|jsp|njk|twig|jinja2?|j2|liquid|vue|svelte|astro)$/;
const JSON_FILE = /(?:^|\/)(?:package|package-solution)\.json$/;

/** Whether a file is one that is looked through, by its name. */
export function isSource(path: string): boolean {
  const lower = path.toLowerCase().replaceAll("\\", "/");
  return !/\.min\.(?:js|css)$/.test(lower) && (SCRIPT.test(lower) || STYLE.test(lower) || MARKUP.test(lower) || JSON_FILE.test(lower));
}

/** Without one of these a file has nothing of the toolkit, and is not parsed. */
const TRACE = /mgt-|@microsoft\/mgt|--(?:person|people|presence)-|presence\.read|PresenceService|getUsers?Presence/i;

/** Looks through one file. Throws where it cannot be parsed. */
export function look(path: string, source: string): Finds {
  const finds = nothing();
  if (!TRACE.test(source)) return finds;
  const lower = path.toLowerCase().replaceAll("\\", "/");
  if (JSON_FILE.test(lower)) readPackage(lower, source, finds);
  else if (SCRIPT.test(lower)) readScriptUses(path, source, finds);
  else if (STYLE.test(lower)) for (const s of readStyle(source)) finds.found.push(styleFinds(s, s.start, lineAround(source, s.start)));
  else readPage(path, source, finds);
  finds.found.sort((a, b) => a.offset - b.offset);
  return finds;
}

function readPage(path: string, source: string, finds: Finds): void {
  let text = withoutComments(path, source);
  const front = /\.astro$/i.test(path) ? /^---\n([^]*?)\n---/.exec(text) : null;
  if (front !== null) {
    readScriptUses(path + ".ts", "   \n" + front[1]!, finds);
    text = front[0].replace(/[^\n]/g, " ") + text.slice(front[0].length);
  }
  readMarkupUses(path, /\.(svelte|astro)$/i.test(path) ? braced(text) : new Text(text), finds);
}

/** Attributes in braces, `name={code}`, as Svelte and Astro have them. */
function braced(source: string): Text {
  const composition = new Composition();
  let at = 0;
  for (let start = source.indexOf("={"); start >= 0; start = source.indexOf("={", Math.max(at, start + 1))) {
    let depth = 0;
    let end = start + 1;
    for (; end < source.length; end++) {
      if (source[end] === "{") depth++;
      else if (source[end] === "}" && --depth === 0) break;
    }
    if (end === source.length) break;
    composition.verbatim(source, at, start + 1);
    composition.hole(source.slice(start + 2, end), start + 1);
    at = end + 1;
  }
  composition.verbatim(source, at, source.length);
  return composition.text("");
}

/** The packages that a project names, and the rights that a SharePoint solution asks for. */
function readPackage(path: string, source: string, finds: Finds): void {
  const json = JSON.parse(source.replace(/^\ufeff/, "")) as Record<string, unknown>;
  const at = (word: string) => Math.max(0, source.indexOf(`"${word}"`));
  if (path.endsWith("package-solution.json")) {
    const solution = json["solution"] as { webApiPermissionRequests?: { resource?: string; scope?: string }[] } | undefined;
    for (const request of solution?.webApiPermissionRequests ?? []) {
      const named = PERMISSION.exec(request.scope ?? "");
      if (named === null) continue;
      const found = permission(at(request.scope!), named[0], JSON.stringify(request));
      finds.found.push({ ...found, becomes: '{"resource":"NAME OF THE GATEWAY\'S REGISTRATION","scope":"Presence.Subscribe"}' });
    }
    return;
  }
  for (const kind of ["dependencies", "devDependencies", "peerDependencies"]) {
    for (const [name, version] of Object.entries((json[kind] as Record<string, string> | undefined) ?? {})) {
      if (!isToolkit(name)) continue;
      finds.found.push(simple("package", at(name), name, `"${name}": "${version}"`, { becomes: '"@presence-gateway/client"', note: "take it away when nothing uses it any more" }));
    }
  }
}
