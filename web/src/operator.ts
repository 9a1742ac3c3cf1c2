import { advise, type Advice } from "./advice.ts";
import { duration, moment } from "./amount.ts";
import { make, setText } from "./dom.ts";
import { Figures } from "./figures.ts";
import { Glyph } from "./glyph.ts";
import { readStats, type Stats } from "./stats.ts";

export interface OperatorOptions {
  /** Base address of the gateway. */
  readonly gateway: string;
  /** `fetch`, signed in as whoever is here. */
  readonly get: typeof fetch;
}

/** How often the figures are read while the view is shown, in milliseconds. */
const EVERY = 2000;
/** How long one answer may take, in milliseconds. */
const PATIENCE = 8000;
/** From when on figures look old, in milliseconds. */
const OLD = 6000;

/** Why there are no figures, in words, and what helps. */
type Refusal = readonly [title: string, text: string];
const REFUSALS: Record<number, Refusal> = {
  401: ["Sign in to see how the gateway does", "The gateway shows its figures to operators alone, and this page is not signed in, or no longer. Sign in again at the top of the page."],
  403: ["For operators alone", "You are signed in, but not as an operator. Whoever runs the gateway can name a role of yours, or the name of your API key, under gateway.auth.operator_role."],
  404: ["This gateway has no figures", "It is of a version that does not know GET /v1/stats."],
  503: ["Not yet", "The gateway cannot tell yet who you are, or is still starting. This view tries again by itself."],
};
const AWAY: Refusal = ["The gateway does not answer", "Look whether its process runs, and at the way to it. This view tries again by itself; nothing has to be reloaded."];

/** The operator's view: how the gateway does, from `GET /v1/stats`. It asks only while it is shown and seen. */
export class Operator {
  readonly #options: OperatorOptions;
  readonly #head = make("p", "detail");
  readonly #advice = make("div", "advice");
  /** Says what is new among the advice, and only that, to those who listen to the page. */
  readonly #heard = make("p", "heard");
  readonly #figures = new Figures();
  readonly #refusal = make("div", "empty");
  #shown = false;
  #asking: AbortController | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The last figures, and when they came by this page's own clock. */
  #stats: Stats | undefined;
  #came = 0;
  #failed: Refusal | undefined;

  constructor(root: HTMLElement, options: OperatorOptions) {
    this.#options = options;
    this.#heard.setAttribute("role", "status");
    this.#refusal.hidden = true;
    this.#figures.element.hidden = true;
    root.replaceChildren(make("h2", "", "How the gateway does"), this.#head, this.#heard, this.#refusal, this.#advice, this.#figures.element);
    document.addEventListener("visibilitychange", () => this.#look());
  }

  show(): void {
    this.#shown = true;
    this.#look();
  }

  hide(): void {
    this.#shown = false;
    this.#look();
  }

  #look(): void {
    const seen = this.#shown && document.visibilityState === "visible";
    if (seen && this.#timer === undefined && this.#asking === undefined) void this.#read();
    if (seen) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#asking?.abort();
    this.#asking = undefined;
  }

  async #read(): Promise<void> {
    this.#timer = undefined;
    const asking = (this.#asking = new AbortController());
    try {
      const response = await this.#options.get(new URL("v1/stats", this.#options.gateway), { signal: AbortSignal.any([asking.signal, AbortSignal.timeout(PATIENCE)]) });
      this.#failed = response.ok ? undefined : (REFUSALS[response.status] ?? AWAY);
      if (response.ok) {
        this.#stats = readStats(await response.json());
        this.#came = performance.now();
      } else if (response.status === 401 || response.status === 403) {
        this.#stats = undefined; // they are nobody's to see any longer
      }
    } catch {
      if (asking.signal.aborted) return;
      this.#failed = AWAY;
    }
    if (asking.signal.aborted) return;
    this.#asking = undefined;
    this.#timer = setTimeout(() => void this.#read(), EVERY);
    this.#draw();
  }

  #draw(): void {
    const stats = this.#stats;
    const failed = this.#failed;
    this.#refusal.hidden = failed === undefined;
    if (failed !== undefined && this.#refusal.firstChild?.textContent !== failed[0]) {
      this.#refusal.replaceChildren(make("h3", "", failed[0]), make("p", "", failed[1]));
    }
    const age = performance.now() - this.#came;
    const old = stats !== undefined && failed !== undefined && age > OLD;
    this.#figures.element.hidden = stats === undefined;
    this.#figures.element.classList.toggle("stale", old);
    if (stats === undefined) {
      setText(this.#head, "");
      this.#advise([]);
      this.#say(failed?.[0] ?? "");
      return;
    }
    setText(this.#head, old ? `Figures of ${duration(age / 1000)} ago, which may be true no longer.` : whose(stats));
    if (failed !== undefined) {
      this.#advise([]);
      this.#say(failed[0]);
      return;
    }
    this.#figures.draw(stats);
    const advice = advise(stats);
    this.#advise(advice);
    this.#say(advice.length === 0 ? "All is well." : advice.filter((a) => a.tone !== "info").map((a) => a.title).join(". "));
  }

  #say(text: string): void {
    // A number in a title that changes is no news.
    const kind = text.replaceAll(/[\d.,:]+/g, "#");
    if (this.#heard.dataset.kind === kind) return;
    this.#heard.dataset.kind = kind;
    this.#heard.textContent = text;
  }

  #advise(advice: readonly Advice[]): void {
    const wanted = this.#failed === undefined && this.#stats !== undefined && advice.length === 0 ? [WELL] : advice;
    while (this.#advice.children.length > wanted.length) this.#advice.lastElementChild!.remove();
    wanted.forEach((a, i) => {
      const card = this.#advice.children[i] ?? this.#advice.appendChild(blank());
      const [title, means, remedy] = card.querySelectorAll("h3, p");
      if (card instanceof HTMLElement && card.dataset.tone !== a.tone) {
        card.dataset.tone = a.tone;
        const glyph = new Glyph();
        glyph.draw({ ...SIGNS[a.tone], stale: false });
        card.querySelector(".icon")!.replaceChildren(glyph.element);
      }
      setText(title!, a.title);
      setText(means!, a.means);
      setText(remedy!, a.remedy);
    });
  }
}

const WELL = { tone: "well", title: "All is well", means: "", remedy: "" } as const;
const SIGNS = {
  well: { shape: "check", tone: "green" },
  info: { shape: "unknown", tone: "grey" },
  warn: { shape: "clock", tone: "marigold" },
  bad: { shape: "cross", tone: "red" },
} as const;

function blank(): HTMLElement {
  const icon = make("span", "icon");
  icon.setAttribute("aria-hidden", "true");
  return make("article", "", icon, make("div", "", make("h3"), make("p"), make("p", "remedy")));
}

/** Whose figures these are. */
function whose({ at, process, version, reading: r }: Stats): string {
  const name = process.name || "This process";
  const up = process.since === undefined ? "" : `, up since ${moment(process.since, at)}`;
  const told = r.here === false ? ` The reading is told by ${r.process || "another process"}, ${(r.ageSeconds ?? 0) < 2.5 ? "just now" : `${duration(r.ageSeconds)} ago`}.` : "";
  return `Answered by ${name}${version === "" ? "" : ` (${version})`}${up}.${told}`;
}
