/** `GET /widget.js`: the browser client and `<presence-badge>`, one module with nothing else to load; `<presence-list>` loads its rest. */
import { servedBy } from "./configure.ts";
import { defineElements } from "./elements.ts";
import { homeOf } from "./home.ts";

export * from "./elements.ts";

// Where this script came from is the gateway, unless the page or an element names another.
servedBy(homeOf(import.meta.url));
defineElements();
