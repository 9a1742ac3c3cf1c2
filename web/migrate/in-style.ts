import { simple, type Found } from "./found.ts";
import type { Styled } from "./style.ts";
import { componentOf, STYLES } from "./toolkit.ts";

/** What becomes of a place in a style sheet. */
export function styleFinds(s: Styled, offset: number, source: string): Found {
  if (!s.selector) {
    const fate = STYLES.get(s.name)!;
    return simple("style", offset, s.name, source, fate.same ? { becomes: s.name, note: "carries over as it is" } : { why: fate.why });
  }
  if (s.name.startsWith("::part")) return simple("selector", offset, s.name, source, { why: "the badge draws no text; its parts are badge and icon" });
  const known = componentOf(s.name);
  const becomes = known?.component === "person" ? "presence-badge" : known?.component === "people" ? "presence-list" : undefined;
  return simple("selector", offset, s.name, source, becomes === undefined ? { why: "there is no such component" } : { becomes });
}
