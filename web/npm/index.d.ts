import type { LinkStatus, Presence, PresenceBadge, PresenceList, SignInRequest } from "./types/elements.js";

export * from "./types/elements.js";

declare global {
  interface HTMLElementTagNameMap {
    "presence-badge": PresenceBadge;
    "presence-list": PresenceList;
  }
  interface HTMLElementEventMap {
    /** Someone's state changed; the detail is the state, undefined where there is none. */
    "presence-change": CustomEvent<Presence | undefined>;
    /** The way to the gateway changed. */
    "presence-status": CustomEvent<LinkStatus>;
    /** The gateway wants a sign-in, and there is none that works. */
    "presence-signin": CustomEvent<SignInRequest>;
  }
}
