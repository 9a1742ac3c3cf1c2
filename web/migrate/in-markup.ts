import { permission, PERMISSION, simple, type Finds } from "./found.ts";
import { readMarkup, type Tag } from "./markup.ts";
import { readScriptUses } from "./in-script.ts";
import { styleFinds } from "./in-style.ts";
import { readStyle } from "./style.ts";
import { successor, type Given } from "./successor.ts";
import type { Text } from "./text.ts";
import { componentOf, isToolkit } from "./toolkit.ts";

/** Looks through markup, in a file of its own or in a string of a script. Scripts and styles inside are read as such. */
export function readMarkupUses(path: string, text: Text, into: Finds): void {
  const { tags, raws } = readMarkup(text);
  for (const tag of tags) {
    element(text, tag, into);
    for (const { name, start, end, value } of tag.attributes) {
      if (name !== "style" || value === undefined) continue;
      for (const s of readStyle(text.chars, start, end)) into.found.push(styleFinds(s, text.at(s.start), text.show(start, end)));
    }
  }
  for (const { tag, start, end } of raws) {
    const given = (name: string) => tag.attributes.find((a) => a.name === name)?.value?.toLowerCase() ?? "";
    if (tag.name === "style") {
      for (const s of readStyle(text.chars, start, end)) into.found.push(styleFinds(s, text.at(s.start), lineAround(text.chars, s.start)));
    } else if (/^(|module|text\/(javascript|babel|typescript|jsx)|application\/javascript)$/.test(given("type"))) {
      const dialect = /^(ts|tsx|typescript)$/.test(given("lang")) || given("type") === "text/typescript" ? ".tsx" : ".js";
      // Blanked before it, so that every offset is the file's.
      const before = text.chars.slice(0, start).replace(/[^\n]/g, " ");
      const script = before + text.chars.slice(start, end);
      readScriptUses(path + dialect, script, into, (offset) => text.at(offset));
    } else if (/template|x-handlebars|ng-template|html/.test(given("type"))) {
      readMarkupUses(path, text.part(start, end), into);
    }
  }
}

function element(text: Text, tag: Tag, into: Finds): void {
  const offset = text.at(tag.start);
  const source = text.show(tag.start, tag.end);
  const known = componentOf(tag.name);
  if (known === undefined) {
    if (tag.name === "script") loader(tag, offset, source, into);
    else if (/^mgt-.*provider$/.test(tag.name)) provider(text, tag, into);
    else if (/^mgt-/.test(tag.name)) into.others.push(tag.name);
    return;
  }
  const given = tag.attributes.map((a): Given => {
    const whole = a.start === a.end && a.value === undefined ? a.name : `${a.name}=${quoted(text, a.start, a.end)}`;
    const code = a.code ?? (a.computed || /^(?:\.|\?|:|v-bind:|bind:|@|\[|\(|on:)/.test(a.name) ? a.value : undefined);
    return { name: a.name, written: whole, ...(a.value !== undefined && code === undefined && { value: a.value }), ...(code !== undefined && { code }) };
  });
  const shows = given.some((g) => /show-?presence/i.test(g.name));
  if ((known.component === "people-picker" || known.component === "login") && !shows) {
    into.others.push(tag.name);
    return;
  }
  const fate = successor({ component: known.component, style: "markup", given, templates: tag.templates });
  if (known.prefix !== undefined) fate.notes.unshift(`the word "${known.prefix}" in its name is a disambiguation of the toolkit's`);
  into.found.push({ kind: "element", offset, name: tag.name, source, ...fate });
}

/** A value with the quotes around it, as it is written. */
function quoted(text: Text, start: number, end: number): string {
  const mark = text.chars[start - 1];
  return mark === '"' || mark === "'" ? `${mark}${text.show(start, end)}${mark}` : text.show(start, end);
}

function loader(tag: Tag, offset: number, source: string, into: Finds): void {
  const src = tag.attributes.find((a) => a.name === "src")?.value ?? "";
  const module = /@microsoft\/mgt[a-z0-9-]*/.exec(src)?.[0];
  if (module === undefined || !isToolkit(module)) return;
  into.found.push(simple("import", offset, module, source, { becomes: '<script type="module" src="https://GATEWAY/widget.js"></script>', note: "keep it while other components of the toolkit remain" }));
}

function provider(text: Text, tag: Tag, into: Finds): void {
  into.others.push(tag.name);
  for (const a of tag.attributes) {
    const named = a.name === "scopes" && a.value !== undefined ? PERMISSION.exec(a.value) : null;
    if (named !== null) into.found.push(permission(text.at(a.start), named[0], text.show(tag.start, tag.end)));
  }
}

/** The line of a source that a place is in, or the part around the place where the line is long. */
export function lineAround(source: string, at: number): string {
  const start = source.lastIndexOf("\n", at - 1) + 1;
  const end = source.indexOf("\n", at);
  return source.slice(Math.max(start, at - 80), Math.min(end < 0 ? source.length : end, at + 160)).trim();
}
