import type { ClientStatus } from "./client.ts";
import { make, setText } from "./dom.ts";
import { Glyph } from "./glyph.ts";
import { span } from "./words.ts";

/** What the gateway's reasons mean to a reader, and who can help. */
const DEGRADED: Record<string, string> = {
  graph_unavailable: "Microsoft Graph does not answer the gateway.",
  throttled: "Microsoft Graph asked the gateway to pause its reads.",
  unauthorized: "Microsoft Graph refuses the gateway’s credential; whoever runs the gateway has to renew it.",
  hub_unavailable: "The gateway has lost the hub it shares with its poller.",
  no_poller: "No poller is reading from Microsoft Graph.",
};
const OFFLINE: Record<string, string> = {
  restarting: "The gateway is restarting.",
  busy: "The gateway is refusing connections because there are too many.",
  silent: "The gateway has fallen silent.",
  no_token: "What this page signs in with cannot be had or renewed.",
  forbidden: "The gateway does not let this page in.",
  protocol: "The gateway and this page do not speak the same language. Reloading the page may help.",
};

/** How the link stands, in a word or two. */
export function linkWord(status: ClientStatus): string {
  switch (status.state) {
    case "live":
      return "Live";
    case "degraded":
      return "Last known";
    case "connecting":
      return "Connecting…";
    case "offline":
      return status.retrying ? "Reconnecting…" : "Not connected";
    case "signed-out":
      return "Signed out";
  }
}

/** What has to be said of the link in a sentence, or nothing while all is well. */
export function notice(status: ClientStatus, held: boolean): string {
  if (status.state === "live" || status.state === "connecting") return "";
  const what =
    status.state === "degraded"
      ? (DEGRADED[status.reason ?? ""] ?? "The gateway cannot read from Microsoft Graph.")
      : status.state === "signed-out"
        ? "The gateway lets only those in who are signed in, and this page is not."
        : (OFFLINE[status.reason ?? ""] ?? "The connection to the gateway is lost.");
  const shown = held ? `What you see is the last known state, as of ${clock(status.since)}.` : "";
  const next = status.state === "offline" && status.retrying ? "Trying again by itself." : "";
  return [what, shown, next].filter((s) => s !== "").join(" ");
}

function clock(at: number): string {
  return new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(new Date(at));
}

export interface NoticeOptions {
  /** The reader wants another attempt now. */
  readonly again: () => void;
  /** A sentence for who does not see the line appear. */
  readonly say: (text: string) => void;
}

/** The corner of the page that says how the link stands, and the line that appears when it does not stand well. */
export class Notice {
  #glyph = new Glyph();
  #word = make("strong", "");
  #age = make("span", "age");
  #text = make("span", "");
  #again = make("button", "again", "Try now");
  #line: HTMLElement;
  #say: (text: string) => void;

  constructor(corner: HTMLElement, line: HTMLElement, { again, say }: NoticeOptions) {
    this.#line = line;
    this.#say = say;
    corner.append(make("span", "icon", this.#glyph.element), make("span", "", this.#word, this.#age));
    this.#again.type = "button";
    this.#again.addEventListener("click", again);
    line.append(this.#text, this.#again);
  }

  draw(status: ClientStatus, held: boolean): void {
    const { state } = status;
    const shape = state === "live" ? "check" : state === "degraded" ? "clock" : state === "connecting" ? "unknown" : "cross";
    const tone = state === "live" ? "green" : state === "degraded" ? "marigold" : state === "connecting" ? "grey" : "red";
    this.#glyph.draw({ shape, tone, stale: false });
    setText(this.#word, linkWord(status));
    setText(this.#age, status.oldest === undefined ? "" : age(status, status.oldest));
    const text = notice(status, held);
    if (text !== this.#text.textContent) this.#say(text === "" ? "Live again." : text);
    setText(this.#text, text);
    this.#line.classList.toggle("shown", this.#text.textContent !== "");
    this.#line.dataset.tone = tone;
    this.#again.hidden = state !== "offline" && state !== "signed-out";
  }
}

function age(status: ClientStatus, oldest: number): string {
  const long = span(Math.max(oldest, 5000));
  return status.state === "live" ? `all confirmed within ${long}` : `oldest confirmed ${long} ago`;
}
