import type { FluentStatus } from "./fluent.ts";
import { KEYS, LANGUAGES, SPOKEN, STATUSES, WORDS } from "./languages.ts";
import type { Presence } from "./protocol.ts";

/** Activities, and availabilities sent as such, that only repeat the status. */
const PLAIN = /^((available|busy)?(idle)?|donotdisturb|away|offline|unknown)$/;

/** What badges say, in one language. */
export class Words {
  /** For `Intl`: the language with its region, such as `de-AT`. */
  readonly tag: string;
  #words = new Map<string, string>();
  /** Words of the page's own, which stay as they are wherever they stand. */
  #own = new Set<string>();
  #plain: boolean;
  /** Formats cost more to make than all else a badge says: of days past, and of today. */
  #clocks: Intl.DateTimeFormat[] = [];
  #agos: Intl.RelativeTimeFormat | undefined;

  /**
   * `labels` replace words: by the name of a Graph availability or activity (`DoNotDisturb`, `InACall`, one of the
   * tenant's own too) or of a phrase (`lastKnown`, `since`, `sinceDay`, `nobody`, `signedOut`), in any letter case. An
   * unknown language is English.
   */
  constructor(tag = "en", labels: Readonly<Record<string, string>> = {}) {
    this.tag = tag;
    const language = languageOf(tag);
    this.#plain = language !== "en";
    LANGUAGES[language]!.split("|").forEach((word, i) => this.#words.set(KEYS[i]!, word));
    for (const [name, word] of Object.entries(labels)) {
      this.#words.set(plain(name), word);
      this.#own.add(plain(name));
    }
  }

  /** A status as a word. */
  status(status: FluentStatus): string {
    return this.#words.get(plain(status))!;
  }

  /** A phrase of `KEYS`, with what is put into it. */
  phrase(key: string, what = ""): string {
    return this.#words.get(key)!.replace("{}", () => what);
  }

  /** What stands beside a badge: what someone is doing, and that they are out of office where the status does not say so. */
  beside(status: FluentStatus, outOfOffice: boolean, presence: Presence | undefined): string {
    const key = activity(presence);
    const away = outOfOffice && status !== "out-of-office";
    const doing = (!away || key !== "outofoffice") && this.#doing(presence);
    // Inactive alone would contradict the badge beside it.
    const said = doing && key !== "inactive" ? [doing] : [this.status(status), ...(doing ? [this.#inside(key, doing)] : [])];
    if (away) said.push(this.#inside("outofoffice").replaceAll(" ", "\u00a0"));
    return this.#list(said);
  }

  /** Status and activity together: what a screen reader says. */
  label(status: FluentStatus, outOfOffice: boolean, presence: Presence | undefined): string {
    const key = activity(presence);
    const doing = this.#doing(presence);
    // Off work is drawn as out of office, but it is not that.
    if (status === "out-of-office" && !outOfOffice && doing) return doing;
    const said = [this.status(status)];
    if (doing && doing !== said[0]) said.push(this.#inside(key, doing));
    if (outOfOffice && status !== "out-of-office" && key !== "outofoffice") said.push(this.#inside("outofoffice"));
    return this.#list(said);
  }

  /** A label and since when it holds: a time of today, or a day and a time. */
  since(label: string, at: string, now = new Date()): string {
    const time = new Date(at);
    const today = time.toDateString() === now.toDateString();
    this.#clocks[+today] ??= new Intl.DateTimeFormat(this.tag, { timeStyle: "short", ...(!today && { dateStyle: "medium" }) });
    const said = this.#clocks[+today]!.format(time);
    return this.#list([label, this.phrase(today ? "since" : "sinceday", said)]);
  }

  /** A label of what is only last known, and how long ago that was, in milliseconds, where that is known. */
  lastKnown(label: string, ms?: number): string {
    return this.phrase("lastknown", ms === undefined ? label : this.#list([label, this.#ago(ms)]));
  }

  #ago(ms: number): string {
    const seconds = Math.max(1, Math.round(ms / 1000));
    const ago = (this.#agos ??= new Intl.RelativeTimeFormat(this.tag));
    return seconds < 100 ? ago.format(-seconds, "second") : ago.format(-Math.round(seconds / 60), "minute");
  }

  /** The activity, where it says more than the status. A value that nobody knew is spelled out, in English, which it is. */
  #doing(presence: Presence | undefined): string | undefined {
    const key = activity(presence);
    const at = KEYS.indexOf(key);
    if ((at >= STATUSES && at < WORDS) || key === "outofoffice" || this.#own.has(key)) return this.#words.get(key);
    return PLAIN.test(key) || this.#plain ? undefined : spell(presence!.activity);
  }

  /** A word as it stands after another: not with a capital, unless it is the page's own. */
  #inside(key: string, word = this.#words.get(key)!): string {
    return this.#own.has(key) ? word : word.charAt(0).toLowerCase() + word.slice(1);
  }

  #list(said: readonly string[]): string {
    return said.join(languageOf(this.tag) === "ja" ? "、" : ", ");
  }
}

/** The language of `SPOKEN` that a tag means; undefined for none of them. */
export function known(tag: string): string | undefined {
  const language = tag.split(/[-_]/)[0]!.toLowerCase();
  return SPOKEN.includes(language) ? language : undefined;
}

function languageOf(tag: string): string {
  return known(tag) ?? "en";
}

function activity(presence: Presence | undefined): string {
  return plain(presence?.activity ?? "").replace(/^available(?=inactive)/, "");
}

/** Names compare without regard to letter case, hyphens and the prefix of `PresenceUnknown`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/^presence|-/g, "");
}

/** `InTheTrain` as `In the train`, at most 40 letters of it. */
function spell(value: string): string {
  const words = value.slice(0, 40).replace(/([a-z0-9])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** English, which the dashboard speaks. */
export const ENGLISH = new Words();

/** A status as a word, in English. */
export function statusWord(status: FluentStatus): string {
  return ENGLISH.status(status);
}

/** A span of time, in milliseconds, as English words: `a moment`, `40 seconds`, `5 minutes`, `2 hours`. */
export function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 5) return "a moment";
  if (seconds < 100) return `${seconds} seconds`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} minutes`;
  return `${Math.round(minutes / 60)} hours`;
}
