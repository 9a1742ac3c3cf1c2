/** What stands where a figure is not known. */
export const UNKNOWN = "unknown";

const whole = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const hundredths = new Intl.NumberFormat(undefined, { maximumFractionDigits: 2 });

/** A number of things. */
export function count(n: number | undefined): string {
  return n === undefined ? UNKNOWN : whole.format(n);
}

/** So many in a second. */
export function rate(n: number | undefined): string {
  return n === undefined ? UNKNOWN : `${(n < 10 ? hundredths : n < 1000 ? tenths : whole).format(n)}/s`;
}

/** A part of a whole, 0 to 1. */
export function percent(part: number | undefined): string {
  return part === undefined ? UNKNOWN : `${(part < 0.1 ? tenths : whole).format(100 * part)} %`;
}

/** A short time, in seconds, as a figure: `25 ms`, `3.2 s`, `4 min`, `2 h`, `12 days`. */
export function duration(seconds: number | undefined): string {
  if (seconds === undefined) return UNKNOWN;
  const s = Math.max(0, seconds);
  if (s > 0 && s < 0.95) return `${whole.format(Math.max(1, 1000 * s))} ms`;
  if (s < 9.95) return `${tenths.format(s)} s`;
  if (s < 99.5) return `${whole.format(s)} s`;
  if (s < 5970) return `${whole.format(s / 60)} min`;
  if (s < 48 * 3600) return `${whole.format(s / 3600)} h`;
  return `${whole.format(s / 86_400)} days`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const clockToTheSecond = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const clockAndDay = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A time of day, Unix ms: to the second where it is near, with the day where it is more than half a day away. */
export function moment(at: number | undefined, now: number): string {
  if (at === undefined) return UNKNOWN;
  const away = Math.abs(now - at);
  return (away < 600_000 ? clockToTheSecond : away < 12 * 3_600_000 ? clock : clockAndDay).format(at);
}
