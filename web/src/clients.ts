import { Client } from "./client.ts";
import type { TokenSource } from "./socket.ts";

const clients = new Map<string, Client>();

/** The one client of a page for a gateway. It follows the page: it wakes with the network and the reader, and sleeps with the page. */
export function clientFor(gateway: string, getToken?: TokenSource): Client {
  const origin = new URL(gateway, globalThis.location?.href).href;
  let client = clients.get(origin);
  if (client === undefined) {
    const made = (client = new Client({ gateway: origin, ...(getToken && { getToken }) }));
    clients.set(origin, made);
    addEventListener("online", () => made.nudge());
    addEventListener("pageshow", () => made.resume());
    addEventListener("pagehide", () => made.suspend());
    document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && made.nudge());
  }
  return client;
}
