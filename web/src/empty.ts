import type { ClientStatus } from "./client.ts";
import { make } from "./dom.ts";

/** What a list without people depends on. */
export interface Emptiness {
  readonly status: ClientStatus;
  /** People on the page, shown or not. */
  readonly people: number;
  /** All that can be known of who there is has been read. */
  readonly complete: boolean;
  readonly demo: boolean;
}

/** A list without people says why, and what would help and who can do it. */
export class Empty {
  #root: HTMLElement;
  #clear: HTMLButtonElement;
  #shown = "";

  constructor(root: HTMLElement, onClear: () => void) {
    this.#root = root;
    this.#clear = make("button", "again", "Show everyone");
    this.#clear.type = "button";
    this.#clear.addEventListener("click", onClear);
  }

  /** Draws the reason, or nothing without one. */
  draw(state: Emptiness | undefined): void {
    const [title, ...texts] = state === undefined ? [""] : reason(state);
    this.#root.hidden = title === "";
    if (this.#shown === title) return;
    this.#shown = title!;
    const rows = [make("h2", "", title!), ...texts.map((t) => make("p", "", ...codes(t)))];
    this.#root.replaceChildren(...rows, ...((state?.people ?? 0) > 0 ? [this.#clear] : []));
  }
}

/** Why nobody is shown: a title and a few sentences, keys of the configuration between backticks. */
export function reason({ status, people, complete, demo }: Emptiness): [title: string, ...texts: string[]] {
  const { state, reason, refused } = status;
  if (people > 0) return ["No one matches", "Nobody here fits what is searched for and chosen."];
  if (reason === "forbidden") {
    return [
      "The gateway refuses this page",
      "It takes connections only from pages of its own address and of those it was told of. Whoever runs it can add this page’s origin under `gateway.origins`, or correct `public_url`.",
    ];
  }
  if (state === "signed-out" || refused === "unauthenticated") {
    return [
      "Only for people the gateway knows",
      "It offers no way to sign in here. Whoever runs it can set up sign-in under `gateway.auth.login`, or API keys under `gateway.auth.api_keys_file`, or open it to everyone with `gateway.auth.anonymous`.",
    ];
  }
  if (refused === "forbidden") {
    return ["Not for you to see", "No rule lets you see anyone. Whoever runs the gateway decides who sees whom under `gateway.policy`."];
  }
  if (state === "offline") return ["The gateway is away", "This page shows people as soon as it answers. Nothing has to be reloaded."];
  if (!complete) return ["Getting everyone together…", "Waiting for the gateway’s first answer."];
  if (demo) return ["Nobody to show", "The simulated tenant has no people. Start the demo with `--users` 300, for example."];
  return [
    "Nobody to show yet",
    "Either the gateway watches no one: whoever runs it names people under `watch.users`, `watch.users_file` or `watch.groups`.",
    "Or no rule lets you see those it watches: that is decided under `gateway.policy`.",
  ];
}

/** Text with what stands between backticks as code. */
function codes(text: string): (Node | string)[] {
  return text.split("`").map((part, i) => (i % 2 === 1 ? make("code", "", part) : part));
}
