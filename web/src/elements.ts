/** What pages and programs use by name: the client, what configures it, and the elements. Importing it defines nothing. */
import { PresenceBadge } from "./presence-badge.ts";
import { PresenceList } from "./presence-list.ts";

export { Client, type ClientOptions, type ClientStatus, type View } from "./client.ts";
export { clientFor } from "./clients.ts";
export { configure, type Configuration, type Labels } from "./configure.ts";
export { PresenceBadge, PresenceList };
export type { Presence } from "./protocol.ts";
export type { LinkStatus, TokenSource } from "./socket.ts";
export type { Absence } from "./store.ts";

/** What `presence-signin` tells. */
export interface SignInRequest {
  /** The gateway that wants a sign-in: what `configure` takes a `getToken` for. */
  readonly gateway: string;
}

/** Defines the elements, once, whichever script of the page comes first; without a browser it does nothing. */
export function defineElements(): void {
  for (const [name, element] of Object.entries({ "presence-badge": PresenceBadge, "presence-list": PresenceList })) {
    if (globalThis.customElements?.get(name) === undefined) globalThis.customElements?.define(name, element);
  }
}
