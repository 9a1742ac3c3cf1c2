import { configured, onConfigured } from "./configure.ts";
import { homeOf } from "./home.ts";
import { LANGUAGES } from "./languages.ts";
import { known, Words } from "./words.ts";

/** Where the gateway has the other languages, in a script that is loaded from it; undefined in a bundle that holds them. */
declare const TRANSLATIONS: string | undefined;

let made = new Map<string, Words>();
const listeners = new Set<() => void>();

/**
 * The words for an element: in the language of the nearest `lang` attribute, beyond shadow roots too, else in the
 * configured one, else in the browser's first that is spoken here, else in English. A language without a region counts
 * times as the reader's own region does. Languages other than English are loaded when they are first asked for; until
 * then, and where they cannot be, it is English.
 */
export function wordsFor(element: Element): Words {
  const browser = globalThis.navigator?.languages ?? [];
  const wished = [langOf(element), configured.locale ?? "", ...browser, "en"].filter(known);
  if (LANGUAGES[known(wished[0]!)!] === undefined) learn();
  const here = wished.find((tag) => known(tag)! in LANGUAGES)!;
  const tag = here.length > 2 ? here : (browser.find((tag) => known(tag) === here) ?? here);
  let words = made.get(tag);
  if (words === undefined) made.set(tag, (words = new Words(canonical(tag) ?? here, configured.labels)));
  return words;
}

/** Calls when words may be others than before: something was configured, or the page changed its language. The result ends it. */
export function onWords(listener: () => void): () => void {
  if (listeners.size === 0) begin();
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Loads the other languages, once. */
let learn = () => {
  learn = () => {};
  const loaded = typeof TRANSLATIONS === "string" ? import(homeOf(import.meta.url) + TRANSLATIONS) : import("./translations.ts");
  (loaded as Promise<typeof import("./translations.ts")>).then(
    ({ TRANSLATIONS: more }) => {
      Object.assign(LANGUAGES, more);
      changed();
    },
    () => {}, // English is spoken, too
  );
};

function changed(): void {
  made = new Map();
  for (const listener of [...listeners]) listener();
}

/** Begins to listen, once: thousands of elements on a page share it. */
let begin = () => {
  begin = () => {};
  onConfigured(changed);
  new MutationObserver(changed).observe(document.documentElement, { attributeFilter: ["lang"] });
};

/** Whether words are in the language that an element's place says it is in. */
export function speaks(element: Element, words: Words): boolean {
  return known(langOf(element)) === known(words.tag);
}

function langOf(element: Element): string {
  for (let at: Element | undefined = element; at !== undefined; at = (at.getRootNode() as ShadowRoot).host) {
    const lang = at.closest("[lang]")?.getAttribute("lang");
    if (lang) return lang;
  }
  return "";
}

/** The tag as `Intl` takes it; undefined for what is none. */
function canonical(tag: string): string | undefined {
  try {
    return Intl.getCanonicalLocales(tag.replaceAll("_", "-"))[0];
  } catch {
    return undefined;
  }
}
