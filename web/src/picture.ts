import UPlot, { type AlignedData, type Options } from "uplot";
import { STATUSES } from "./address.ts";
import { mark } from "./counts.ts";
import { make, setText } from "./dom.ts";
import type { FluentStatus } from "./fluent.ts";
import { extremes, type Point } from "./session.ts";
import { statusWord } from "./words.ts";

const HEIGHT = 200;

/**
 * Colours of the areas: each status's own, except that those which share one differ in lightness, as they lie beside each
 * other. What tells them apart without colour is their order, which the table repeats.
 */
const FILLS: Record<FluentStatus, string> = {
  available: "#13a10e",
  busy: "#d13438",
  "do-not-disturb": "#8f1d21",
  away: "#d99a1c",
  "out-of-office": "#c239b3",
  offline: "#767676",
  unknown: "#b9b9c0",
};

/** The counts of a session as a picture, areas on top of each other, and as a table for who cannot see it. */
export class Picture {
  #root: HTMLElement;
  #canvas = make("div", "picture");
  #read = make("p", "reading");
  #rows: { cells: HTMLElement[] }[];
  #drawing: UPlot | undefined;
  #points: readonly Point[] = [];

  constructor(root: HTMLElement) {
    this.#root = root;
    this.#rows = STATUSES.map(() => ({ cells: [make("td"), make("td"), make("td")] }));
    const head = make("tr", "", make("th", "", "State"), make("th", "", "Now"), make("th", "", "Least"), make("th", "", "Most"));
    for (const th of head.children) (th as HTMLTableCellElement).scope = "col";
    const body = STATUSES.map((status, i) => {
      const th = make("th", "", mark(status), ` ${statusWord(status)}`);
      th.scope = "row";
      th.style.setProperty("--fill", FILLS[status]);
      return make("tr", "", th, ...this.#rows[i]!.cells);
    });
    const table = make("table", "numbers", make("caption", "unseen", "People by state since this page was opened"), make("thead", "", head), make("tbody", "", ...body));
    this.#canvas.setAttribute("role", "img");
    root.replaceChildren(make("div", "pictured", this.#canvas, this.#read), table);
    new ResizeObserver(() => this.#drawing?.setSize({ width: this.#canvas.clientWidth || 1, height: HEIGHT })).observe(this.#canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#renew());
  }

  draw(points: readonly Point[]): void {
    this.#points = points;
    if (this.#drawing === undefined) this.#renew();
    else this.#drawing.setData(stacked(points));
    const numbers = extremes(points);
    numbers.forEach(({ last, least, most }, i) => {
      [last, least, most].forEach((n, j) => setText(this.#rows[i]!.cells[j]!, Number.isFinite(n) ? String(n) : "–"));
    });
    const first = points[0];
    const text = first === undefined ? "Nothing was counted yet." : `People by state since ${clock(first.at)}. The table beside it has the numbers.`;
    this.#canvas.ariaLabel = text;
    if (this.#read.dataset.at === undefined) setText(this.#read, first === undefined ? "" : `Since ${clock(first.at)}, when this page was opened. Nothing of it is kept.`);
  }

  #renew(): void {
    this.#drawing?.destroy();
    const { color } = getComputedStyle(this.#root);
    this.#drawing = new UPlot(this.#options(color), stacked(this.#points), this.#canvas);
  }

  #options(ink: string): Options {
    const axis = { stroke: ink, font: "12px system-ui, sans-serif", grid: { stroke: "#80808033", width: 1 }, ticks: { show: false } };
    return {
      width: this.#canvas.clientWidth || 1,
      height: HEIGHT,
      legend: { show: false }, // the only part that would write HTML
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: { y: { range: (_, __, most) => [0, Math.max(1, most)] } },
      axes: [
        { ...axis, values: (_, ticks, __, ___, step) => ticks.map((t) => clock(t * 1000, step < 60)), space: 96, size: 30 },
        { ...axis, size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000] },
      ],
      // The highest area is drawn first, and each below it covers what is not its own.
      series: [{}, ...[...STATUSES].reverse().map((status) => ({ label: status, stroke: ink, width: 0.5, fill: FILLS[status], points: { show: false } }))],
      hooks: { setCursor: [(plot) => this.#point(plot.cursor.idx ?? undefined)] },
    };
  }

  /** Says the numbers below the pointer. */
  #point(index: number | undefined): void {
    const point = index === undefined ? undefined : this.#points[index];
    if (point === undefined) {
      delete this.#read.dataset.at;
      return;
    }
    this.#read.dataset.at = String(point.at);
    const numbers = point.counts?.map((n, i) => `${n} ${statusWord(STATUSES[i]!).toLowerCase()}`).join(", ");
    setText(this.#read, `${clock(point.at)}: ${numbers ?? "not known, as the gateway could not be reached or could not read"}`);
  }
}

/** Data of the plot: times in seconds, then for each area the sum of it and all below it, the highest first. */
function stacked(points: readonly Point[]): AlignedData {
  const times = points.map((p) => p.at / 1000);
  const sums = STATUSES.map((_, i) => points.map(({ counts }) => counts?.slice(0, i + 1).reduce((sum, n) => sum + n, 0) ?? null));
  return [times, ...sums.reverse()];
}

function clock(at: number, seconds = false): string {
  return new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", ...(seconds && { second: "2-digit" }) }).format(new Date(at));
}
