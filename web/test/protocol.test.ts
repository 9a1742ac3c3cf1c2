import { describe, expect, it } from "vitest";
import { decode, ProtocolError, userId } from "../src/protocol.ts";
import { id, state } from "./fake-gateway.ts";

const text = (m: unknown) => JSON.stringify(m);

describe("decode", () => {
  it("takes a presence with all that the contract names, and drops what it does not", () => {
    const p = {
      ...state(1, "00000001.A0129311063", "Busy"),
      activity: "InTheTrain",
      sequenceNumber: "A0129311063",
      outOfOfficeSettings: { isOutOfOffice: true, message: null },
      statusMessage: { message: { content: "back at 3" } },
      workLocation: { workLocationType: "remote" },
      since: { at: "2026-01-31T09:30:00Z", withinMs: 5000 },
      surprise: { deep: true },
    };
    const delta = decode(text({ type: "delta", presences: [p], surprise: 1 }));
    const { surprise: _, outOfOfficeSettings: __, ...rest } = p;
    expect(delta).toEqual({ type: "delta", presences: [{ ...rest, outOfOfficeSettings: { isOutOfOffice: true } }] });
  });

  it("takes Graph's nulls for absent", () => {
    const given = state(1, "1");
    const p = { ...given, outOfOfficeSettings: null, statusMessage: { message: null }, sequenceNumber: null };
    expect(decode(text({ type: "delta", presences: [p] }))).toEqual({ type: "delta", presences: [{ ...given, statusMessage: {} }] });
  });

  it("ignores types nobody knew", () => {
    expect(decode(text({ type: "weather", presences: 3 }))).toBeUndefined();
  });

  it.each([
    ["not text", new Uint8Array(3)],
    ["not JSON", "{"],
    ["no object", "[]"],
    ["null", "null"],
    ["no type", "{}"],
    ["type of another type", text({ type: 7 })],
    ["presences that are no list", text({ type: "delta", presences: {} })],
    ["a presence that is none", text({ type: "delta", presences: ["x"] })],
    ["an id that is no GUID", text({ type: "delta", presences: [{ ...state(1, "1"), id: "x" }] })],
    ["an id in capitals", text({ type: "delta", presences: [{ ...state(1, "1"), id: "FA8BF3DC-ECA7-46B7-BAD1-DB199B62AFC3" }] })],
    ["no version", text({ type: "delta", presences: [{ ...state(1, "1"), version: undefined }] })],
    ["an empty version", text({ type: "delta", presences: [{ ...state(1, "1"), version: "" }] })],
    ["a version beyond ASCII", text({ type: "delta", presences: [{ ...state(1, "1"), version: "é" }] })],
    ["no availability", text({ type: "delta", presences: [{ ...state(1, "1"), availability: null }] })],
    ["a time that is none", text({ type: "delta", presences: [{ ...state(1, "1"), observedAt: "soon" }] })],
    ["gone users that are no strings", text({ type: "gone", users: [1] })],
    ["an unknown status", text({ type: "status", state: "fine" })],
    ["a heartbeat without time", text({ type: "heartbeat" })],
    ["a hello without heartbeat", text({ type: "hello", heartbeatSeconds: 0 })],
    ["a number that is none", text({ type: "goodbye", reconnectAfterMs: "soon" })],
  ])("refuses %s", (_, frame) => {
    expect(() => decode(frame)).toThrow(ProtocolError);
  });
});

describe("userId", () => {
  it("takes any letter case, and nothing that is no GUID", () => {
    expect(userId(" 00000000-0000-0000-0000-00000000000A ")).toBe(id(10));
    for (const bad of ["", null, undefined, "anna", id(1) + "0", "{" + id(1) + "}", "__proto__"]) expect(userId(bad)).toBeUndefined();
  });
});
