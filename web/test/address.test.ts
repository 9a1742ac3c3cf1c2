import { describe, expect, it } from "vitest";
import { EVERYONE, readPlace, writePlace } from "../src/address.ts";

describe("address", () => {
  it("keeps a place through writing and reading, whatever its names hold", () => {
    const place = {
      view: "wallboard" as const,
      choice: { text: "josé & co #1", statuses: new Set(["busy", "available"] as const), team: "4a136ab0-c572-49fc-94db-9a8cb07757db", department: "R&D? 100%, all", by: "department" as const, sort: "since" as const },
    };
    expect(readPlace(writePlace(place))).toEqual(place);
  });

  it("is short where nothing is chosen, and the same for the same place", () => {
    expect(writePlace({ view: "people", choice: EVERYONE })).toBe("#people");
    const states = (...statuses: ("busy" | "available")[]) => writePlace({ view: "people", choice: { ...EVERYONE, statuses: new Set(statuses) } });
    expect(states("busy", "available")).toBe("#people?states=available,busy");
    expect(states("available", "busy")).toBe(states("busy", "available"));
  });

  it("begins with everyone for what it does not know", () => {
    for (const strange of ["", "#", "#elsewhere", "#people?by=mood&sort=shoe&states=tired&unheard=of", "#%E0%A4%A"]) {
      expect(readPlace(strange)).toEqual({ view: "people", choice: EVERYONE });
    }
  });
});
