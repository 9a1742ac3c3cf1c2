import type { Person } from "./directory.ts";
import type { Section } from "./roster.ts";

/** People of one section that stand in one column, one a line, below a line with the section's name. */
export interface Part {
  readonly section: Section;
  readonly people: readonly Person[];
  /** The section began in a column before. */
  readonly continued: boolean;
}

/** How much fits on a board. */
export interface Measure {
  /** Lines in a column. */
  readonly lines: number;
  readonly columns: number;
  /** Height of a line in pixels. */
  readonly line: number;
}

/** What a board shows, page by page, each page by columns. */
export interface Board extends Measure {
  readonly pages: readonly (readonly (readonly Part[])[])[];
  /** There are too many people to be paged through: sections stand alone, in numbers. */
  readonly numbers: boolean;
}

/** Lines that a column may have, from the largest letters to the smallest that can be read across a room. */
const LINES = [8, 10, 12, 14, 16];
/** Width of a column in heights of a line, at least. */
const ASPECT = 7.5;
/** Pages that people are shown on at most; more would take too long to come round. */
const MOST = 24;

/** Lays sections out on a board of this size in pixels: in letters as large as fit one page, else in the smallest on several. */
export function layOut(sections: readonly Section[], width: number, height: number): Board {
  const people = sections.reduce((n, s) => n + s.people.length + 1, 0);
  for (const lines of LINES) {
    const measure = fit(lines, width, height);
    if (people > measure.lines * measure.columns) continue;
    const columns = fill(sections, measure.lines);
    if (columns.length <= measure.columns) return { ...measure, numbers: false, pages: [columns] };
  }
  const measure = fit(LINES.at(-1)!, width, height);
  const numbers = people > MOST * measure.lines * measure.columns;
  const columns = fill(numbers ? sections.map((s) => ({ ...s, people: [] })) : sections, measure.lines);
  const pages: (readonly Part[])[][] = [];
  for (let i = 0; i < columns.length; i += measure.columns) pages.push(columns.slice(i, i + measure.columns));
  return { ...measure, numbers, pages };
}

function fit(lines: number, width: number, height: number): Measure {
  const line = height / lines;
  return { lines, line, columns: Math.max(1, Math.floor(width / (line * ASPECT))) };
}

/** Fills columns one after the other. A name of a section never stands last in a column. */
function fill(sections: readonly Section[], lines: number): Part[][] {
  const columns: Part[][] = [];
  let column: Part[] = [];
  let left = lines;
  const turn = () => {
    if (column.length > 0) columns.push(column);
    column = [];
    left = lines;
  };
  for (const section of sections) {
    let from = 0;
    do {
      if (left < Math.min(2, section.people.length + 1)) turn();
      const people = section.people.slice(from, from + left - 1);
      column.push({ section, people, continued: from > 0 });
      left -= people.length + 1;
      from += people.length;
    } while (from < section.people.length);
  }
  turn();
  return columns;
}
