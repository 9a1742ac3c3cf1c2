import { make, setText } from "./dom.ts";

export interface OperatorOptions {
  /** Base address of the gateway. */
  readonly gateway: string;
  /** `fetch`, signed in as whoever is here. */
  readonly get: typeof fetch;
}

/** How often the figures are read while the view is shown, in milliseconds. */
const EVERY = 5000;

/** The operator's view: how the gateway does, from `GET /v1/stats`. It asks only while it is shown. */
export class Operator {
  #options: OperatorOptions;
  #figures = make("dl", "figures");
  #said = make("p", "detail");
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(root: HTMLElement, options: OperatorOptions) {
    this.#options = options;
    root.replaceChildren(make("h2", "", "How the gateway does"), this.#said, this.#figures);
  }

  show(): void {
    this.#timer ??= setInterval(() => void this.#read(), EVERY);
    void this.#read();
  }

  hide(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  async #read(): Promise<void> {
    try {
      const response = await this.#options.get(new URL("v1/stats", this.#options.gateway));
      if (!response.ok) throw new Error(String(response.status));
      this.#draw(await response.json());
      setText(this.#said, "");
    } catch {
      setText(this.#said, "The figures cannot be read. The view tries again by itself.");
    }
  }

  #draw(stats: Record<string, unknown>): void {
    const rows = Object.entries(stats).flatMap(([group, figures]) =>
      typeof figures === "object" && figures !== null
        ? Object.entries(figures).filter(([, v]) => typeof v !== "object").map(([name, v]) => [`${group}: ${name}`, String(v)] as const)
        : [],
    );
    this.#figures.replaceChildren(...rows.flatMap(([name, v]) => [make("dt", "", name), make("dd", "", v)]));
  }
}
