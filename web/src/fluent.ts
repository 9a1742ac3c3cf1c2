import type { Presence } from "./protocol.ts";

/** The statuses of Fluent's PresenceBadge that Graph can mean. */
export type FluentStatus = "available" | "busy" | "do-not-disturb" | "away" | "offline" | "out-of-office" | "unknown";

/** The shapes that tell them apart without colour. */
export type Shape =
  | "check" | "open-check" | "disc" | "open-disc" | "bar" | "open-bar" | "clock" | "arrow" | "cross" | "unknown";

/** Colour families; the values stand in `glyph.ts`. */
export type Tone = "green" | "red" | "marigold" | "berry" | "grey";

export interface Fluent {
  readonly status: FluentStatus;
  readonly outOfOffice: boolean;
  readonly shape: Shape;
  readonly tone: Tone;
}

/**
 * Graph's availability, in lower case, to Fluent's status. The second line holds values that Graph's documentation also
 * lists as availabilities, though the wire has them as activities.
 */
const STATUS: Record<string, FluentStatus> = {
  available: "available", availableidle: "available", busy: "busy", busyidle: "busy", donotdisturb: "do-not-disturb",
  away: "away", berightback: "away", offline: "offline",
  inacall: "busy", inameeting: "busy", focusing: "do-not-disturb", presenting: "do-not-disturb", outofoffice: "out-of-office",
};

const SHAPE: Record<FluentStatus, readonly [Shape, Tone]> = {
  available: ["check", "green"],
  busy: ["disc", "red"],
  "do-not-disturb": ["bar", "red"],
  away: ["clock", "marigold"],
  offline: ["cross", "grey"],
  "out-of-office": ["arrow", "berry"],
  unknown: ["unknown", "grey"],
};

/** Of these Fluent has an open shape for whoever is out of office. */
const OPEN: readonly FluentStatus[] = ["available", "busy", "do-not-disturb"];

/**
 * How Fluent shows a presence. Values are compared without regard to letter case, as the documents disagree on it;
 * whatever is new is `unknown`, never Offline. Out of office comes from the activity or from the flag, whichever says so.
 * Off work is drawn as out of office, as Microsoft's toolkit did, not as Teams' yellow clock.
 */
export function fluent(presence: Presence | undefined): Fluent {
  const availability = presence?.availability.toLowerCase() ?? "";
  const activity = presence?.activity.toLowerCase() ?? "";
  const outOfOffice = activity === "outofoffice" || presence?.outOfOfficeSettings?.isOutOfOffice === true;
  let status = (Object.hasOwn(STATUS, availability) && STATUS[availability]) || "unknown";
  if (status === "offline" && (outOfOffice || activity === "offwork")) status = "out-of-office";
  const [shape, tone] = SHAPE[outOfOffice && status === "away" ? "out-of-office" : status];
  return { status, outOfOffice, shape: outOfOffice && OPEN.includes(status) ? (`open-${shape}` as Shape) : shape, tone };
}
