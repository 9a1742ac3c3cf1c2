/** `GET /widget.js`: the browser client and `<presence-badge>`, one module with nothing else to load. */
import { define, PresenceBadge } from "./presence-badge.ts";

export { clientFor } from "./clients.ts";
export { Client, type ClientOptions, type ClientStatus, type View } from "./client.ts";
export type { Presence } from "./protocol.ts";
export type { LinkStatus } from "./socket.ts";
export { PresenceBadge };

define();
