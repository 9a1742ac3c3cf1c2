/**
 * `GET /widget.js`: the browser client and `<presence-badge>`, one module with nothing else to load. Only a list, a language
 * other than English and a second tab fetch one more each.
 */
import { servedBy } from "./configure.ts";
import { defineElements } from "./elements.ts";
import { homeOf } from "./home.ts";

export * from "./elements.ts";

// Where this script came from is the gateway, unless the page or an element names another.
servedBy(homeOf(import.meta.url));
defineElements();
