import { QuoteType, Tokenizer } from "htmlparser2";
import type { Text } from "./text.ts";

/** An attribute as it is written. */
export interface Attribute {
  readonly name: string;
  /** Absent where the name stands alone. */
  readonly value?: string;
  /** The value is computed, in whole or in part. */
  readonly computed: boolean;
  /** The code of a value that is computed as a whole. */
  readonly code?: string;
  /** Where the value lies in the text; equal to the end of the name without one. */
  readonly start: number;
  readonly end: number;
}

/** A start tag. */
export interface Tag {
  /** In lower case. */
  readonly name: string;
  /** Where it begins and ends in the text, brackets included. */
  readonly start: number;
  end: number;
  readonly attributes: Attribute[];
  /** `data-type` of each `<template>` right inside; "default" for one without. */
  readonly templates: string[];
}

/** What lies between a start tag and its end tag without being markup. */
export interface Raw {
  readonly tag: Tag;
  readonly start: number;
  readonly end: number;
}

export interface Markup {
  readonly tags: Tag[];
  /** Contents of `<script>` and `<style>`. */
  readonly raws: Raw[];
}

const VOID = new Set(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"]);

/** Reads markup by HTML's own rules for tags, attributes, comments and raw text. What is computed may stand anywhere in it. */
export function readMarkup(text: Text): Markup {
  const tags: Tag[] = [];
  const raws: Raw[] = [];
  const open: Tag[] = [];
  const { chars } = text;
  let tag: Tag | undefined;
  let name: { start: number; end: number } | undefined;
  let value: { start: number; end: number } | undefined;

  const begun = (end: number, empty: boolean) => {
    if (tag === undefined) return;
    tag.end = end + 1;
    const parent = open.at(-1);
    if (tag.name === "template" && parent !== undefined) parent.templates.push(tag.attributes.find((a) => a.name === "data-type")?.value ?? "default");
    if (!empty && !VOID.has(tag.name)) open.push(tag);
    tag = undefined;
  };

  const tokenizer = new Tokenizer(
    { decodeEntities: false },
    {
      onopentagname(start, end) {
        tag = { name: chars.slice(start, end).toLowerCase(), start: start - 1, end, attributes: [], templates: [] };
        tags.push(tag);
      },
      onattribname(start, end) {
        name = { start, end };
        value = undefined;
      },
      onattribdata(start, end) {
        value = { start: value?.start ?? start, end };
      },
      onattribend(quote, end) {
        if (tag === undefined || name === undefined) return;
        const alone = quote === QuoteType.NoValue;
        // Without data the value is empty, and lies before the closing quote.
        const at = value ?? { start: end, end };
        const code = alone ? undefined : text.hole(at.start, at.end);
        tag.attributes.push({
          name: text.show(name.start, name.end),
          ...(!alone && { value: text.show(at.start, at.end) }),
          computed: !alone && text.computed(at.start, at.end),
          ...(code !== undefined && { code }),
          start: alone ? name.end : at.start,
          end: alone ? name.end : at.end,
        });
        name = undefined;
      },
      onopentagend: (end) => begun(end, false),
      onselfclosingtag: (end) => begun(end, true),
      onclosetag(start, end) {
        const closed = chars.slice(start, end).trim().toLowerCase();
        const at = open.findLastIndex((t) => t.name === closed);
        if (at < 0) return;
        const ended = open[at]!;
        open.length = at;
        if (ended.name === "script" || ended.name === "style") raws.push({ tag: ended, start: ended.end, end: start - 2 });
      },
      ontext() {},
      ontextentity() {},
      onattribentity() {},
      oncomment() {},
      oncdata() {},
      ondeclaration() {},
      onprocessinginstruction() {},
      onend() {},
    },
  );
  tokenizer.write(chars);
  tokenizer.end();
  return { tags: tags.filter((t) => t !== tag), raws };
}

/** Comments of template languages, by the names of their files; HTML's own are the tokenizer's business. */
const COMMENTS: readonly (readonly [RegExp, RegExp])[] = [
  [/\.(cshtml|vbhtml|razor)$/, /@\*[^]*?\*@/g],
  [/\.(aspx|ascx|master|ejs|erb|jsp)$/, /<%--[^]*?--%>|<%#[^]*?%>/g],
  [/\.(hbs|handlebars|mustache)$/, /\{\{!--[^]*?--\}\}|\{\{![^]*?\}\}/g],
  [/\.(njk|twig|jinja2?|j2)$/, /\{#[^]*?#\}/g],
  [/\.liquid$/, /\{%-?\s*comment\s*-?%\}[^]*?\{%-?\s*endcomment\s*-?%\}/g],
  [/\.php$/, /<\?(?:php\b)?\s*(?:\/\*[^]*?\*\/|(?:\/\/|#)[^\n]*?)\s*\?>/g],
  [/\.astro$/, /\{\s*\/\*[^]*?\*\/\s*\}/g],
];

/** Blanks what a template language never shows, keeping every offset. */
export function withoutComments(path: string, source: string): string {
  const lower = path.toLowerCase();
  for (const [files, comments] of COMMENTS) {
    if (files.test(lower)) source = source.replace(comments, (c) => c.replace(/[^\n]/g, " "));
  }
  return source;
}
