import { describe, expect, it } from "vitest";
import { face } from "../src/face.ts";
import { fluent } from "../src/fluent.ts";
import { TONES } from "../src/glyph.ts";
import type { Presence } from "../src/protocol.ts";
import { id } from "./fake-gateway.ts";

function presence(availability: string, activity: string, isOutOfOffice?: boolean): Presence {
  return { id: id(1), availability, activity, version: "1", observedAt: "2026-01-31T09:30:00Z", ...(isOutOfOffice !== undefined && { outOfOfficeSettings: { isOutOfOffice } }) };
}

describe("fluent", () => {
  it.each([
    ["Available", "Available", false, "available", "check", "green"],
    ["AvailableIdle", "Available", false, "available", "check", "green"],
    ["Available", "OutOfOffice", undefined, "available", "open-check", "green"],
    ["Available", "Available", true, "available", "open-check", "green"],
    ["Busy", "InACall", false, "busy", "disc", "red"],
    ["BusyIdle", "Busy", undefined, "busy", "disc", "red"],
    ["Busy", "OutOfOffice", undefined, "busy", "open-disc", "red"],
    ["DoNotDisturb", "Presenting", false, "do-not-disturb", "bar", "red"],
    ["DoNotDisturb", "Presenting", true, "do-not-disturb", "open-bar", "red"],
    ["Away", "Away", false, "away", "clock", "marigold"],
    ["BeRightBack", "BeRightBack", false, "away", "clock", "marigold"],
    ["Away", "OutOfOffice", undefined, "away", "arrow", "berry"],
    ["Offline", "Offline", false, "offline", "cross", "grey"],
    ["Offline", "OffWork", false, "out-of-office", "arrow", "berry"],
    ["Offline", "OutOfOffice", true, "out-of-office", "arrow", "berry"],
    ["Offline", "Offline", true, "out-of-office", "arrow", "berry"],
    ["PresenceUnknown", "PresenceUnknown", false, "unknown", "unknown", "grey"],
    ["InTheTrain", "InTheTrain", undefined, "unknown", "unknown", "grey"],
    ["constructor", "__proto__", undefined, "unknown", "unknown", "grey"],
    ["doNotDisturb", "focusing", undefined, "do-not-disturb", "bar", "red"],
  ] as const)("draws %s / %s (out of office: %s)", (availability, activity, ooo, status, shape, tone) => {
    expect(fluent(presence(availability, activity, ooo))).toMatchObject({ status, shape, tone });
  });

  it("never lets two statuses share a shape", () => {
    const shapes = ["Available", "Busy", "DoNotDisturb", "Away", "Offline", "New"].map((a) => fluent(presence(a, a)).shape);
    expect(new Set(shapes).size).toBe(shapes.length);
  });
});

describe("tones", () => {
  const luminance = (hex: string) => {
    const [r, g, b] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const contrast = (a: string, b: string) => {
    const [x, y] = [luminance(a), luminance(b)].sort((m, n) => n - m);
    return (x! + 0.05) / (y! + 0.05);
  };
  it.each(Object.entries(TONES))("%s stands out 3:1 from light and dark pages", (_, color) => {
    for (const page of ["#ffffff", "#f5f5f5", "#1f1f1f"]) expect(contrast(color, page), `${color} on ${page}`).toBeGreaterThanOrEqual(3);
  });
});

describe("face", () => {
  it.each([
    [presence("Busy", "InACall"), "Busy, in a call", "In a call"],
    [presence("Available", "Available"), "Available", "Available"],
    [presence("Available", "Available", true), "Available, out of office", "Available, out\u00a0of\u00a0office"],
    [presence("Busy", "InAMeeting", true), "Busy, in a meeting, out of office", "In a meeting, out\u00a0of\u00a0office"],
    [presence("Available", "AvailableInactive"), "Available, inactive", "Available, inactive"],
    [presence("Offline", "OffWork"), "Off work", "Off work"],
    [presence("Offline", "OutOfOffice"), "Out of office", "Out of office"],
    [presence("InTheTrain", "InTheTrain"), "Unknown, in the train", "In the train"],
    [presence("Busy", "<img src=x>"), "Busy, <img src=x>", "<img src=x>"],
  ])("says what it shows", (p, label, word) => {
    expect(face({ presence: p, stale: false })).toMatchObject({ label, word, stale: false });
  });

  it("keeps the last shape when stale, says how old it is, and gives up after a quarter of an hour", () => {
    const p = presence("Busy", "Busy");
    expect(face({ presence: p, stale: true, age: 5 * 60_000 })).toMatchObject({ shape: "disc", stale: true, label: "Last known: Busy, 5 minutes ago" });
    expect(face({ presence: p, stale: true })).toMatchObject({ shape: "disc", label: "Last known: Busy" });
    expect(face({ presence: p, stale: true, age: 15 * 60_000 + 1 })).toMatchObject({ shape: "unknown", status: "unknown", label: "Unknown" });
    expect(face({ presence: p, stale: false, age: 16 * 60_000 })).toMatchObject({ shape: "disc", label: "Busy" });
  });

  it("looks the same for pending, denied and gone", () => {
    const faces = (["pending", "denied", "gone"] as const).map((absence) => face({ stale: false, absence }));
    expect(faces[1]).toEqual(faces[0]);
    expect(faces[2]).toEqual(faces[0]);
    expect(faces[0]!.label).toBe("Unknown");
  });
});
