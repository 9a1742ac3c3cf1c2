import UPlot from "uplot";
import { make } from "./dom.ts";

/** One line of a plot. */
export interface Line {
  /** A custom property of the page whose value is the line's colour, such as `--accent`. */
  readonly colour: string;
  /** Whether the room below it is filled. */
  readonly filled?: boolean;
}

/** Something that has to be drawn again, in other colours, when the page's colours change. */
const plots = new Set<Plot>();

for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)"]) {
  matchMedia(query).addEventListener("change", () => {
    for (const plot of plots) plot.redraw();
  });
}

/** A small plot over time without axes. What it shows is also its name, for those who cannot see it. */
export class Plot {
  /** To be put on the page, where it takes the width there is. */
  readonly element = make("div", "plot");
  readonly #lines: readonly Line[];
  readonly #height: number;
  #drawn: UPlot | undefined;
  #data: [number[], ...(number | null)[][]];

  constructor(lines: readonly Line[], height = 44) {
    this.#lines = lines;
    this.#height = height;
    this.#data = [[], ...lines.map(() => [])];
    this.element.setAttribute("role", "img");
    this.element.style.height = `${height}px`;
    new ResizeObserver(([entry]) => this.#fit(Math.floor(entry!.contentRect.width))).observe(this.element);
    plots.add(this);
  }

  /** Draws values at times, in Unix seconds and rising; null is a gap. `label` says in words what is to be seen. */
  draw(times: readonly number[], values: readonly (readonly (number | null)[])[], label: string): void {
    this.element.setAttribute("aria-label", label);
    this.#data = [[...times], ...values.map((v) => [...v])];
    this.#drawn?.setData(this.#data);
  }

  /** Draws the same again, in the colours of now. */
  redraw(): void {
    this.#drawn?.redraw();
  }

  #fit(width: number): void {
    if (width <= 0) return;
    if (this.#drawn !== undefined) this.#drawn.setSize({ width, height: this.#height });
    else this.#drawn = this.#make(width);
  }

  #make(width: number): UPlot {
    const { element } = this;
    const colour = (name: string) => {
      // Colours of the system's choice replace the page's own; a canvas has to be told.
      const style = getComputedStyle(element);
      return matchMedia("(forced-colors: active)").matches ? style.color : resolve(style.getPropertyValue(name), element);
    };
    return new UPlot(
      {
        width,
        height: this.#height,
        padding: [3, 1, 2, 1],
        legend: { show: false },
        cursor: { show: false },
        select: { show: false, left: 0, top: 0, width: 0, height: 0 },
        axes: [{ show: false }, { show: false }],
        // A plot of what hardly changes shows that it hardly does.
        scales: { x: { time: false }, y: { range: (_, _low, high) => [0, Math.max(1e-6, 1.15 * (high ?? 0))] } },
        series: [
          {},
          ...this.#lines.map(({ colour: name, filled }) => ({
            stroke: () => colour(name),
            width: 1.5,
            points: { show: false },
            spanGaps: false,
            ...(filled && { fill: () => faint(colour(name)) }),
          })),
        ],
      },
      this.#data,
      element,
    );
  }
}

/** A colour as a canvas takes it: what the page says may depend on the scheme. */
function resolve(value: string, element: HTMLElement): string {
  const probe = make("span");
  probe.style.color = value;
  element.append(probe);
  const colour = getComputedStyle(probe).color;
  probe.remove();
  return colour;
}

function faint(colour: string): string {
  return `color-mix(in srgb, ${colour} 14%, transparent)`;
}
