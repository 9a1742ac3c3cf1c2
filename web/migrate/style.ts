import { STYLES } from "./toolkit.ts";

/** A place in a style sheet that names something of the toolkit. */
export interface Styled {
  /** The custom property, or the selector's word. */
  readonly name: string;
  readonly start: number;
  readonly end: number;
  readonly selector: boolean;
}

const WORD = /--[\w-]+|(?<![\w-])mgt-[\w-]+|::part\(\s*detail-line\s*\)/g;

/** Finds the toolkit's custom properties and tags in CSS, SCSS or Less; comments and strings are passed over. */
export function readStyle(source: string, start = 0, end = source.length): Styled[] {
  const code = source.slice(start, end).replace(/\/\*[^]*?(?:\*\/|$)|(?<![:\w])\/\/[^\n]*|\burl\([^)]*\)|"(?:\\[^]|[^"\\\n])*"|'(?:\\[^]|[^'\\\n])*'/g, (passed) => passed.replace(/[^\n]/g, " "));
  const found: Styled[] = [];
  for (const match of code.matchAll(WORD)) {
    const name = match[0];
    const selector = !name.startsWith("--");
    if (!selector && !STYLES.has(name)) continue;
    found.push({ name, start: start + match.index, end: start + match.index + name.length, selector });
  }
  return found;
}
