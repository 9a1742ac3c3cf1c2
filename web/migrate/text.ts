/** A stretch of text that was taken from a source, character by character, with holes where the source computes something. */
export class Text {
  #from: readonly number[] | undefined;
  #holes: readonly string[];
  #mark: string;

  /** Without `from` the text is the source itself. `mark` stands before the brace of what is computed. */
  constructor(
    readonly chars: string,
    from?: readonly number[],
    holes: readonly string[] = [],
    mark = "$",
  ) {
    this.#from = from;
    this.#holes = holes;
    this.#mark = mark;
  }

  /** Where a character stands in the source. */
  at(index: number): number {
    return this.#from === undefined ? index : (this.#from[Math.min(index, this.#from.length - 1)] ?? 0);
  }

  /** A part as the source's writer would put it: what is computed in braces. */
  show(start: number, end: number): string {
    return this.chars.slice(start, end).replace(HOLES, (c) => `${this.#mark}{${this.#holes[c.charCodeAt(0) - FIRST] ?? ""}}`);
  }

  /** A part, as a text of its own. */
  part(start: number, end: number): Text {
    const from = this.#from?.slice(start, end) ?? Array.from({ length: end - start }, (_, i) => start + i);
    return new Text(this.chars.slice(start, end), from, this.#holes, this.#mark);
  }

  /** The code of a part that is one hole and nothing else. */
  hole(start: number, end: number): string | undefined {
    return end - start === 1 ? this.#holes[this.chars.charCodeAt(start) - FIRST] : undefined;
  }

  /** Whether a part has a hole anywhere. */
  computed(start: number, end: number): boolean {
    return this.#holes.length > 0 && HOLE.test(this.chars.slice(start, end));
  }
}

/** Holes are characters that Unicode gives to nobody. */
const FIRST = 0xe000;
const LAST = 0xf8ff;
const HOLE = /[\ue000-\uf8ff]/;
const HOLES = /[\ue000-\uf8ff]/g;

const ESCAPES: Record<string, string> = { n: "\n", r: "\r", t: "\t", b: " ", f: " ", v: " ", 0: " " };

/** Puts a text together from the pieces of a template or of a sum of strings. */
export class Composition {
  #chars: string[] = [];
  #from: number[] = [];
  #holes: string[] = [];

  /** Adds what stands in the source between two places, with its escapes undone. */
  literal(source: string, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const from = i;
      let c = source[i]!;
      if (c === "\\" && i + 1 < end) {
        c = source[++i]!;
        const code = /^(?:x([\da-f]{2})|u([\da-f]{4})|u\{([\da-f]+)\})/i.exec(source.slice(i, i + 10));
        if (code !== null) {
          i += code[0].length - 1;
          const point = parseInt((code[1] ?? code[2] ?? code[3])!, 16);
          c = point <= 0x10ffff ? String.fromCodePoint(point) : " ";
        } else if (c === "\n") continue;
        else c = ESCAPES[c] ?? c;
      }
      for (const unit of c.split("")) {
        this.#chars.push(unit);
        this.#from.push(from);
      }
    }
  }

  /** Adds what stands in the source between two places, as it is. */
  verbatim(source: string, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      this.#chars.push(source[i]!);
      this.#from.push(i);
    }
  }

  /** Adds a hole for something computed. */
  hole(code: string, at: number): void {
    if (FIRST + this.#holes.length > LAST) return;
    this.#chars.push(String.fromCharCode(FIRST + this.#holes.length));
    this.#from.push(at);
    this.#holes.push(code);
  }

  text(mark = "$"): Text {
    return new Text(this.#chars.join(""), this.#from, this.#holes, mark);
  }
}

/** Turns offsets of a file into lines and columns, both from 1. */
export class Lines {
  #starts = [0];

  constructor(source: string) {
    for (let at = source.indexOf("\n"); at >= 0; at = source.indexOf("\n", at + 1)) this.#starts.push(at + 1);
  }

  place(offset: number): { line: number; column: number } {
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! <= offset) low = middle;
      else high = middle;
    }
    return { line: low + 1, column: offset - this.#starts[low]! + 1 };
  }
}
