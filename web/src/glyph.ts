import type { Face } from "./face.ts";
import type { Shape, Tone } from "./fluent.ts";
import { ARROW, BAR, CHECK, CLOCK, CROSS, DISC, RING } from "./marks.ts";

/**
 * Fluent's colours, except where they have less than 3:1 against one of white, #f5f5f5 and #1f1f1f: marigold (#eaa300)
 * is darkened, neutral grey (#616161) lightened. One set serves light and dark pages alike, because a badge cannot see
 * what it lies on. A mark on a disc is a hole in it, and so has the same contrast.
 */
export const TONES: Record<Tone, string> = {
  green: "#13a10e",
  red: "#d13438",
  marigold: "#b97c00",
  berry: "#c239b3",
  grey: "#767676",
};

/** The marks of the shapes that have one; an open shape has that of the full one. */
const MARKS: Readonly<Record<string, string>> = { check: CHECK, bar: BAR, clock: CLOCK, arrow: ARROW, cross: CROSS };
const FILLED: readonly Shape[] = ["check", "disc", "bar", "clock"];

/** Stand inside a broken ring for the disc, and for the open disc, of a state only last known. */
const DOT = "M8 5a3 3 0 1 0 0 6a3 3 0 1 0 0-6";
const HOLLOW = DOT + "M8 6.7a1.3 1.3 0 1 0 0 2.6a1.3 1.3 0 1 0 0-2.6";

/** Fluent's ring in so many pieces, each followed by a gap half as long. */
function broken(pieces: number): string {
  const at = (turn: number, radius: number) =>
    [Math.sin(turn * 2 * Math.PI), -Math.cos(turn * 2 * Math.PI)].map((v) => +(8 + radius * v).toFixed(2)).join(" ");
  let d = "";
  for (let i = 0; i < pieces; i++) {
    const [from, to] = [(i - 1 / 3) / pieces, (i + 1 / 3) / pieces];
    d += `M${at(from, 8)}A8 8 0 0 1 ${at(to, 8)}L${at(to, 6)}A6 6 0 0 0 ${at(from, 6)}z`;
  }
  return d;
}
const BROKEN = broken(6);
/** Of a state of someone out of office, so that it does not look like that of someone in. */
const DOTTED = broken(12);

/**
 * The outline of a shape, live or only last known. A broken ring means that nobody knows now: empty where nothing is
 * known, around the mark of the last state known otherwise.
 */
export function outline(shape: Shape, stale: boolean): string {
  const full = shape.replace("open-", "");
  const mark = MARKS[full] ?? "";
  if (shape === "unknown") return BROKEN;
  if (!stale) return (FILLED.includes(shape) ? DISC : RING) + mark;
  return full === shape ? BROKEN + (shape === "disc" ? DOT : mark) : DOTTED + (mark || HOLLOW);
}

/** Styles of the glyph, for a shadow root or a document. Hosts set its size. */
export const glyphStyles = `
.glyph{display:block;width:100%;height:100%;border-radius:50%;background:var(--presence-background-color,none);fill:var(--presence-icon-color,var(--tone));fill-rule:evenodd}
${Object.entries(TONES).map(([tone, color]) => `.glyph[data-tone=${tone}]{--tone:${color}}`).join("\n")}
@media (forced-colors:active){.glyph{forced-color-adjust:none;background:Canvas;fill:CanvasText}}`;

const SVG = "http://www.w3.org/2000/svg";
let model: SVGSVGElement | undefined;

/** A glyph that shows the unknown. It is built node by node, since markup is what strict content security policies forbid. */
function first(): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({ class: "glyph", viewBox: "0 0 16 16", "aria-hidden": "true", part: "icon" })) svg.setAttribute(name, value);
  svg.append(document.createElementNS(SVG, "path"));
  show(svg, "unknown", "grey", false);
  return svg;
}

function show(svg: SVGSVGElement, shape: Shape, tone: Tone, stale: boolean): void {
  svg.firstElementChild!.setAttribute("d", outline(shape, stale));
  svg.dataset.shape = shape;
  svg.dataset.tone = tone;
}

/** A drawing of a face. It begins with the unknown. */
export class Glyph {
  readonly element: SVGSVGElement;
  #drawn = "unknown";

  /** Draws into an element that was a glyph's, or a copy of one that shows the unknown; else makes one. */
  constructor(element = (model ??= first()).cloneNode(true) as SVGSVGElement) {
    this.element = element;
  }

  /** Draws a face; does nothing when it looks as before. */
  draw({ shape, tone, stale }: Pick<Face, "shape" | "tone" | "stale">): void {
    const look = stale ? shape + "?" : shape;
    if (look === this.#drawn) return;
    this.#drawn = look;
    show(this.element, shape, tone, stale);
  }
}
