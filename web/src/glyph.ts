import type { Face } from "./face.ts";
import type { Shape, Tone } from "./fluent.ts";

/**
 * Fluent's colours, except where they have less than 3:1 against one of white, #f5f5f5 and #1f1f1f: marigold (#eaa300)
 * is darkened, neutral grey (#616161) lightened. One set serves light and dark pages alike, because a badge cannot see
 * what it lies on; each colour also carries its white mark with more than 3:1.
 */
export const TONES: Record<Tone, string> = {
  green: "#13a10e",
  red: "#d13438",
  marigold: "#b97c00",
  berry: "#c239b3",
  grey: "#767676",
};

const CHECK = "M4.9 8.3 7.2 10.6 11.3 6";
const CLOCK = "M8 4.4V8.2L10.6 10.2";
const BAR = "M4.9 8H11.1";
const ARROW = "M11 8H5.3M7.6 5.5 5.1 8l2.5 2.5";
const CROSS = "M5.9 5.9l4.2 4.2M10.1 5.9 5.9 10.1";
/** Stand for the disc inside the broken ring of a state only last known. */
const DOT = "M8 8h.01";
const RING = "M8 5.7a2.3 2.3 0 1 1 0 4.6 2.3 2.3 0 1 1 0-4.6";

/** The mark of each shape on a 16 by 16 grid, and whether its disc is filled. */
const SHAPES: Record<Shape, { readonly mark: string; readonly filled: boolean }> = {
  check: { mark: CHECK, filled: true },
  "open-check": { mark: CHECK, filled: false },
  disc: { mark: "", filled: true },
  "open-disc": { mark: "", filled: false },
  bar: { mark: BAR, filled: true },
  "open-bar": { mark: BAR, filled: false },
  clock: { mark: CLOCK, filled: true },
  arrow: { mark: ARROW, filled: false },
  cross: { mark: CROSS, filled: false },
  unknown: { mark: "", filled: false },
};

const SVG = "http://www.w3.org/2000/svg";

/** Styles of the glyph, for a shadow root or a document. Hosts set its size. */
export const glyphStyles = `
.glyph{display:block;width:100%;height:100%;overflow:visible;fill:none;stroke-linecap:round;stroke-linejoin:round;color:var(--presence-icon-color,var(--tone))}
${Object.entries(TONES).map(([tone, color]) => `.glyph[data-tone=${tone}]{--tone:${color}}`).join("\n")}
.glyph .back{fill:var(--presence-background-color,none)}
.glyph .disc{stroke:currentColor;stroke-width:1.7}
.glyph .mark{stroke:currentColor;stroke-width:1.7}
.glyph.filled .disc{fill:currentColor}
.glyph.filled .mark{stroke:#fff}
.glyph.broken .disc{stroke-dasharray:3.3 2.05;stroke-linecap:butt}
.glyph .dot{stroke-width:5.4}
@media (forced-colors:active){
.glyph{forced-color-adjust:none;color:CanvasText}
.glyph .back{fill:Canvas}
.glyph.filled .mark{stroke:Canvas}
}`;

/**
 * A drawing of a face, built node by node, since markup and inline styles are what strict content security policies
 * forbid. A broken ring means that nobody knows now: empty where nothing is known, around the mark of the last state
 * known otherwise.
 */
export class Glyph {
  readonly element: SVGSVGElement;
  #mark: SVGElement;
  #drawn = "";

  constructor() {
    this.element = shape("svg", { class: "glyph", viewBox: "0 0 16 16", "aria-hidden": "true", part: "icon" }) as SVGSVGElement;
    this.#mark = shape("path", { class: "mark", d: "" });
    this.element.append(shape("circle", { class: "back", cx: "8", cy: "8", r: "8" }), shape("circle", { class: "disc", cx: "8", cy: "8", r: "6.8" }), this.#mark);
  }

  /** Draws a face; does nothing when it looks as before. */
  draw(face: Pick<Face, "shape" | "tone" | "stale">): void {
    const look = `${face.shape} ${face.tone} ${face.stale}`;
    if (look === this.#drawn) return;
    this.#drawn = look;
    const { mark, filled } = SHAPES[face.shape];
    const dot = face.stale && face.shape === "disc";
    const ring = face.stale && face.shape === "open-disc";
    this.element.classList.toggle("filled", filled && !face.stale);
    this.element.classList.toggle("broken", face.stale || face.shape === "unknown");
    this.#mark.classList.toggle("dot", dot);
    this.#mark.setAttribute("d", dot ? DOT : ring ? RING : mark);
    this.element.dataset.tone = face.tone;
    this.element.dataset.shape = face.shape;
  }
}

function shape(name: string, attributes: Record<string, string>): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}
