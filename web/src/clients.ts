import { Client } from "./client.ts";
import { baseOf, configured, missing, onConfigured, tokenFor } from "./configure.ts";
import type { TokenSource } from "./socket.ts";
import { shared } from "./tabs.ts";

const clients = new Map<string, Client>();

/**
 * The one client of a page for a gateway, or for the one meant where none is named, over the connection of all tabs of
 * the origin. It signs in with what the page configured for that gateway and follows the page: it wakes with the network
 * and the reader, and sleeps with the page. Where there is no gateway, it says so: `offline` for the reason `no_gateway`.
 */
export function clientFor(gateway?: string): Client {
  const base = (gateway ? baseOf(gateway) : configured.gateway) ?? "";
  let client = clients.get(base);
  if (client === undefined) {
    const getToken: TokenSource = (options) => tokenFor(base, options);
    client = new Client({ gateway: base, getToken, dial: shared(getToken) });
    clients.set(base, client);
    if (base === "") setTimeout(() => (gateway || !configured.gateway) && missing(gateway || undefined), PATIENCE);
    if (globalThis.document) follow(client);
  }
  return client;
}

/** Follows the page. */
function follow(client: Client): void {
  addEventListener("online", () => client.nudge());
  // A page with an open socket or a lock is not kept for going back to, and one that is frozen can lead nobody.
  addEventListener("pageshow", () => client.resume());
  addEventListener("pagehide", () => client.suspend());
  document.addEventListener("resume", () => client.resume());
  document.addEventListener("freeze", () => client.suspend());
  let resting: ReturnType<typeof setTimeout> | undefined;
  const look = () => {
    clearTimeout(resting);
    if (document.visibilityState === "hidden") resting = setTimeout(() => client.rest(true), HIDDEN);
    else {
      client.rest(false);
      client.nudge();
    }
  };
  document.addEventListener("visibilitychange", look);
  if (document.visibilityState === "hidden") look();
}

/** How long after a page was hidden it stops costing anything, in milliseconds. */
const HIDDEN = 30_000;

/** How long a page may take to `configure` after it first asked for a client, in milliseconds. */
const PATIENCE = 1000;

// There may be something to sign in with by now, or somebody else.
onConfigured((gateway) => gateway !== undefined && clients.get(gateway)?.nudge(true));
