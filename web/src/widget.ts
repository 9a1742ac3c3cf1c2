/** `GET /widget.js`: the browser client and `<presence-badge>`, one module with nothing else to load. */
import { servedBy } from "./configure.ts";
import { defineElements } from "./elements.ts";

export * from "./elements.ts";

// Where this script came from is the gateway, unless the page or an element names another.
// Whoever pins it loads it from assets/, one step down.
servedBy(new URL(/\/assets\/[^/]*$/.test(import.meta.url) ? "../" : "./", import.meta.url).href);
defineElements();
