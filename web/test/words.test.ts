import { describe, expect, it } from "vitest";
import { face, FORGOTTEN } from "../src/face.ts";
import { KEYS, LANGUAGES } from "../src/languages.ts";
import { TRANSLATIONS } from "../src/translations.ts";
import type { Presence } from "../src/protocol.ts";
import { known, Words } from "../src/words.ts";
import { id } from "./fake-gateway.ts";

const AVAILABILITIES = ["Available", "AvailableIdle", "Away", "BeRightBack", "Busy", "BusyIdle", "DoNotDisturb", "Offline", "PresenceUnknown", "Lunch"];
const ACTIVITIES = [
  "Available", "Away", "BeRightBack", "Busy", "DoNotDisturb", "InACall", "InAConferenceCall", "Inactive", "InAMeeting", "Offline", "OffWork",
  "OutOfOffice", "PresenceUnknown", "Presenting", "Focusing", "UrgentInterruptionsOnly", "AvailableInactive", "InTheTrain", "",
];
Object.assign(LANGUAGES, TRANSLATIONS);
const OTHERS = Object.keys(LANGUAGES).filter((language) => language !== "en");

function presence(availability: string, activity: string, isOutOfOffice = false, since?: string): Presence {
  return { id: id(1), availability, activity, version: "1", observedAt: "2026-01-31T09:30:00Z", outOfOfficeSettings: { isOutOfOffice }, ...(since && { since: { at: since, withinMs: 0 } }) };
}

function* views() {
  for (const availability of AVAILABILITIES) {
    for (const activity of ACTIVITIES) {
      for (const outOfOffice of [false, true]) {
        for (const stale of [false, true]) {
          for (const age of [undefined, 0, 42_000, 5 * 60_000, FORGOTTEN + 1]) {
            yield { presence: presence(availability, activity, outOfOffice, "2026-01-30T09:00:00Z"), stale, ...(age !== undefined && { age }) };
          }
        }
      }
    }
  }
  for (const absence of ["pending", "gone", "denied"] as const) yield { stale: false, absence };
}

describe("every state in every language", () => {
  it.each(Object.keys(LANGUAGES))("has all words of %s", (language) => {
    const words = LANGUAGES[language]!.split("|");
    expect(words).toHaveLength(KEYS.length);
    expect(words.every((word) => word.trim() === word && word !== "")).toBe(true);
    for (const [key, word] of words.map((word, i) => [KEYS[i]!, word] as const)) {
      expect(word.includes("{}"), `${key}: ${word}`).toBe(["lastknown", "since", "sinceday"].includes(key));
    }
  });

  it.each(Object.keys(LANGUAGES))("says something whole in %s", (language) => {
    const words = new Words(language);
    for (const view of views()) {
      const { label, full, word } = face(view, words);
      for (const text of [label, full, word]) {
        expect(text, JSON.stringify(view)).not.toMatch(/undefined|null|NaN|Invalid|\{|\}|^\s|\s$|, ,|、、|^$/);
        expect(text.split(/, |、/), JSON.stringify(view)).toEqual([...new Set(text.split(/, |、/))]);
      }
    }
  });

  it.each(OTHERS)("leaves no English in %s", (language) => {
    const words = new Words(language);
    const tokens = (text: string) => text.toLowerCase().match(/\p{L}{2,}/gu) ?? [];
    const own = new Set(LANGUAGES[language]!.split("|").flatMap(tokens));
    const english = new Set([...LANGUAGES.en!.split("|").flatMap(tokens), "ago", "seconds", "january", "train"]);
    for (const token of own) english.delete(token); // `Offline` is German, too
    for (const view of views()) {
      const { full, word } = face(view, words);
      for (const token of tokens(full + " " + word)) expect(english.has(token), `${token} in ${full}`).toBe(false);
    }
  });

  it.each(Object.keys(LANGUAGES))("tells statuses apart in %s", (language) => {
    const words = new Words(language);
    const said = ["Available", "Busy", "DoNotDisturb", "Away", "Offline", "PresenceUnknown"].map((a) => face({ presence: presence(a, a), stale: false }, words).label);
    expect(new Set(said).size).toBe(said.length);
  });
});

describe("words", () => {
  const call = presence("Busy", "InACall");
  const ooo = presence("Busy", "InAMeeting", true);
  it.each([
    ["en", "Busy, in a call", "In a call", "Last known: Busy, in a call, 5 minutes ago", "Busy, in a meeting, out of office", "Unknown"],
    ["de", "Beschäftigt, in einem Anruf", "In einem Anruf", "Zuletzt bekannt: Beschäftigt, in einem Anruf, vor 5 Minuten", "Beschäftigt, in einer Besprechung, außer Haus", "Status unbekannt"],
    ["fr", "Occupé, dans un appel", "Dans un appel", "Dernier état connu\u00a0: Occupé, dans un appel, il y a 5 minutes", "Occupé, en réunion, absent du bureau", "Statut inconnu"],
    ["ja", "取り込み中、通話中", "通話中", "最後に確認した状態: 取り込み中、通話中、5 分前", "取り込み中、会議中、外出中", "状態不明"],
  ])("are those of %s", (language, now, beside, last, away, unknown) => {
    const words = new Words(language);
    expect(face({ presence: call, stale: false }, words)).toMatchObject({ label: now, full: now, word: beside });
    expect(face({ presence: call, stale: true, age: 5 * 60_000 }, words).full).toBe(last);
    expect(face({ presence: ooo, stale: false }, words).full).toBe(away);
    expect(face({ stale: false }, words).full).toBe(unknown);
  });

  it.each([
    ["en", 1000, "1 second ago"], ["en", 0, "1 second ago"], ["en", 60_000, "60 seconds ago"], ["en", 110_000, "2 minutes ago"],
    ["de", 1000, "vor 1 Sekunde"], ["de", 240_000, "vor 4 Minuten"], ["fr", 1000, "il y a 1 seconde"], ["ja", 240_000, "4 分前"],
  ])("count in %s: %i ms", (language, age, ago) => {
    expect(new Words(language).lastKnown("x", age)).toContain(ago);
  });

  it("tell since when, by the clock of the reader's region, and the day where that is another", () => {
    const at = new Date(2026, 0, 31, 10, 42);
    const later = new Date(2026, 0, 31, 18, 0);
    const tomorrow = new Date(2026, 1, 1, 0, 5);
    const said = (tag: string, now: Date) => new Words(tag).since("x", at.toISOString(), now).replaceAll("\u202f", " ");
    expect(said("en-GB", later)).toBe("x, since 10:42");
    expect(said("en-US", later)).toBe("x, since 10:42 AM");
    expect(said("de", later)).toBe("x, seit 10:42");
    expect(said("fr", later)).toBe("x, depuis 10:42");
    expect(said("ja", later)).toBe("x、10:42から");
    expect(said("en-GB", tomorrow)).toBe("x, since 31 Jan 2026, 10:42");
    expect(said("fr", tomorrow)).toBe("x, depuis le 31 janv. 2026, 10:42");
    expect(said("de", tomorrow)).toContain("seit 31.01.2026");
  });

  it("do not tell since when of what is only last known", () => {
    const p = presence("Busy", "Busy", false, "2026-01-31T09:00:00Z");
    expect(face({ presence: p, stale: true, age: 60_000 }).full).toBe("Last known: Busy, 60 seconds ago");
    expect(face({ presence: p, stale: false }).full).toMatch(/^Busy, since /);
    expect(face({ presence: p, stale: false }).label).toBe("Busy");
  });

  it("are the page's own where it has its own, as they are", () => {
    const words = new Words("de", { InACall: "Am Telefon", "do-not-disturb": "RUHE", InTheTrain: "im Zug", lastKnown: "Stand: {}", PresenceUnknown: "Keine Angabe $&" });
    expect(face({ presence: call, stale: false }, words).label).toBe("Beschäftigt, Am Telefon");
    expect(face({ presence: presence("DoNotDisturb", "Presenting"), stale: false }, words).label).toBe("RUHE, präsentiert");
    expect(face({ presence: presence("Busy", "InTheTrain"), stale: false }, words).label).toBe("Beschäftigt, im Zug");
    expect(face({ presence: call, stale: true }, words).label).toBe("Stand: Beschäftigt, Am Telefon");
    expect(face({ stale: false }, words).label).toBe("Keine Angabe $&");
    expect(words.lastKnown("$& $1")).toBe("Stand: $& $1");
  });

  it("of an unknown language are English, and only names that Graph could send are looked up", () => {
    expect(new Words("pl").status("busy")).toBe("Busy");
    expect(known("de_AT")).toBe("de");
    expect(known("JA")).toBe("ja");
    expect(known("constructor")).toBeUndefined();
    expect(known("")).toBeUndefined();
    expect(face({ presence: presence("Busy", "lastKnown"), stale: false }).label).toBe("Busy, last known");
  });
});
