/**
 * A clock that only goes forward, in milliseconds: it advances by whichever went further since the last look, the
 * page's own monotonic clock (which some systems stop during sleep) or the wall clock (which may be set back). Both
 * errors then fall on the safe side: something is taken for older than it is, never for newer.
 */
export function steadyClock(): () => number {
  let page = performance.now();
  let wall = Date.now();
  let now = 0;
  return () => {
    const p = performance.now();
    const w = Date.now();
    now += Math.max(p - page, w - wall, 0);
    page = p;
    wall = w;
    return now;
  };
}
