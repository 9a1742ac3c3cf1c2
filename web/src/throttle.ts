/** Between two runs at least, in milliseconds: what moves more often cannot be read. */
const PACE = 1000;
/** Share of the time that runs may take at most, however long one takes. */
const SHARE = 0.1;

/** Runs something soon after it was asked for, and however often it is asked for only so often that the page stays quick. */
export class Throttle {
  #run: () => void;
  #next = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(run: () => void) {
    this.#run = run;
  }

  soon(): void {
    this.#timer ??= setTimeout(() => this.#go(), Math.max(100, this.#next - performance.now()));
  }

  #go(): void {
    this.#timer = undefined;
    const start = performance.now();
    this.#run();
    const end = performance.now();
    this.#next = end + Math.max(PACE, (end - start) / SHARE);
  }
}
