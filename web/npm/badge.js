/** Defines the elements as soon as it is imported; without a browser it does nothing. */
import { defineElements } from "./index.js";

export * from "./index.js";

defineElements();
