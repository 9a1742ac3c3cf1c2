import { steadyClock } from "./clock.ts";

/** An element that is to cost nothing while it is far from the window. */
export interface Guest extends Element {
  /** It came near the window, or nobody can tell. */
  near(): void;
  /**
   * Called every few seconds after it went from near the window, `away` milliseconds ago, and while it asks for it by its
   * answer; `away` is 0 while it is near.
   */
  pass(away: number): boolean;
}

/** How far from the window, in pixels, is still near: what is scrolled to should be live when it is seen. */
const MARGIN = "400px";
/** How often time passes for those who asked for it, in milliseconds. One timer serves a whole page. */
const BEAT = 2500;

const now = steadyClock();
/** Since when those are away for whom time passes; undefined for those who are near. */
const restless = new Map<Guest, number | undefined>();
let timer: ReturnType<typeof setTimeout> | undefined;
let observer: IntersectionObserver | undefined;

/** From now on the element is told when it comes near the window. One observer serves a whole page. */
export function follow(guest: Guest): void {
  if (globalThis.IntersectionObserver === undefined) return guest.near();
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries as unknown as { target: Guest; isIntersecting: boolean }[]) {
        if (!isIntersecting) stir(target, now());
        else {
          if (restless.has(target)) restless.set(target, undefined);
          target.near();
        }
      }
    },
    // Not known to the types yet: the same margin within boxes that scroll.
    { rootMargin: MARGIN, scrollMargin: MARGIN } as IntersectionObserverInit,
  );
  observer.observe(guest);
}

export function leave(guest: Guest): void {
  observer?.unobserve(guest);
  restless.delete(guest);
}

/** Time passes for an element, which is near the window unless `away` says since when it is not. */
export function stir(guest: Guest, away?: number): void {
  if (!restless.has(guest) || away !== undefined) restless.set(guest, away);
  timer ??= setTimeout(beat, BEAT);
}

function beat(): void {
  timer = undefined;
  const at = now();
  for (const [guest, away] of restless) if (!guest.pass(away === undefined ? 0 : at - away)) restless.delete(guest);
  if (restless.size > 0) timer = setTimeout(beat, BEAT);
}
