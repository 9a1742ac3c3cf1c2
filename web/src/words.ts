import type { FluentStatus } from "./fluent.ts";
import type { Presence } from "./protocol.ts";

const STATUS: Record<FluentStatus, string> = {
  available: "Available",
  busy: "Busy",
  "do-not-disturb": "Do not disturb",
  away: "Away",
  offline: "Offline",
  "out-of-office": "Out of office",
  unknown: "Unknown",
};

/** Activities that say more than their availability. The others repeat it. */
const ACTIVITY: Record<string, string> = {
  berightback: "Be right back",
  inacall: "In a call",
  inaconferencecall: "In a conference call",
  inameeting: "In a meeting",
  presenting: "Presenting",
  focusing: "Focusing",
  urgentinterruptionsonly: "Urgent interruptions only",
  inactive: "Inactive",
  availableinactive: "Inactive",
  offwork: "Off work",
  outofoffice: "Out of office",
};
const PLAIN = new Set(["available", "availableidle", "busy", "busyidle", "donotdisturb", "away", "offline", "presenceunknown", ""]);

/** A status as a word. */
export function statusWord(status: FluentStatus): string {
  return STATUS[status];
}

/** What stands beside a badge: what someone is doing, and that they are out of office where the status does not say so. */
export function word(status: FluentStatus, outOfOffice: boolean, presence: Presence | undefined): string {
  let activity = activityWord(status, presence);
  // Alone it would contradict the badge beside it.
  if (activity === ACTIVITY.inactive) activity = `${STATUS[status]}, inactive`;
  if (!outOfOffice || status === "out-of-office") return activity;
  return `${activity === ACTIVITY.outofoffice ? STATUS[status] : activity}, out\u00a0of\u00a0office`;
}

/** What someone is doing, in a few words: the activity where it says more than the status. A value nobody knew is spelled out. */
function activityWord(status: FluentStatus, presence: Presence | undefined): string {
  const activity = presence?.activity ?? "";
  const key = activity.toLowerCase();
  if (Object.hasOwn(ACTIVITY, key)) return ACTIVITY[key]!;
  return PLAIN.has(key) ? STATUS[status] : spell(activity);
}

/** Status and activity together: what a screen reader says and a tooltip shows. */
export function label(status: FluentStatus, outOfOffice: boolean, presence: Presence | undefined): string {
  const activity = activityWord(status, presence);
  // Off work is drawn as out of office, but it is not that.
  if (status === "out-of-office" && !outOfOffice) return activity;
  const words = [STATUS[status]];
  if (!words.includes(activity)) words.push(activity.charAt(0).toLowerCase() + activity.slice(1));
  if (outOfOffice && status !== "out-of-office" && activity !== ACTIVITY.outofoffice) words.push("out of office");
  return words.join(", ");
}

/** `InTheTrain` as `In the train`, at most 40 letters of it. */
function spell(value: string): string {
  const words = value.slice(0, 40).replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A span of time, in milliseconds, as words: `a moment`, `40 seconds`, `5 minutes`, `2 hours`. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 5) return "a moment";
  if (seconds < 100) return `${seconds} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}
