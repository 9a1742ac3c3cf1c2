import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { address, decode, ProtocolError, userId, type Snapshot } from "../src/protocol.ts";
import { id, state } from "./fake-gateway.ts";

const text = (m: unknown) => JSON.stringify(m);
const nobody = { type: "delta", joined: new Map(), left: new Map() };

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
    expect(delta).toEqual({ ...nobody, presences: [{ ...rest, outOfOfficeSettings: { isOutOfOffice: true } }] });
  });

  it("takes Graph's nulls for absent", () => {
    const given = state(1, "1");
    const p = { ...given, outOfOfficeSettings: null, statusMessage: { message: null }, sequenceNumber: null };
    expect(decode(text({ type: "delta", presences: [p] }))).toEqual({ ...nobody, presences: [{ ...given, statusMessage: {} }] });
  });

  it("takes whom names stand for as maps, in which no name is special", () => {
    const frame = `{"type":"snapshot","id":1,"presences":[],"resolved":{"__proto__":"${id(1)}","anna@x":"${id(2)}"},"members":{"${id(3)}":["${id(1)}"],"${id(4)}":[]}}`;
    const m = decode(frame) as Snapshot;
    expect([...m.resolved]).toEqual([["__proto__", id(1)], ["anna@x", id(2)]]);
    expect([...m.members]).toEqual([[id(3), [id(1)]], [id(4), []]]);
    const delta = decode(text({ type: "delta", joined: { [id(3)]: [id(1)] }, left: { [id(4)]: [id(2)] } }));
    expect(delta).toEqual({ type: "delta", presences: [], joined: new Map([[id(3), [id(1)]]]), left: new Map([[id(4), [id(2)]]]) });
  });

  it("takes every message that the gateway's own tests hold", () => {
    const folder = new URL("../../gateway/wire/testdata/golden/", import.meta.url);
    const names = readdirSync(folder).filter((name) => name !== "list.json"); // which is an answer over HTTP
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      const message = decode(readFileSync(new URL(name, folder), "utf8").trim());
      expect(message?.type, name).toBe(name.replace(/[-.].*/, ""));
    }
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
    ["an address that resolves to no id", text({ type: "snapshot", resolved: { "anna@x": "anna" } })],
    ["addresses that are no map", text({ type: "snapshot", resolved: [] })],
    ["a group that is none", text({ type: "snapshot", members: { sales: [] } })],
    ["members that are no list", text({ type: "snapshot", members: { [id(1)]: id(2) } })],
    ["members that are no ids", text({ type: "snapshot", members: { [id(1)]: ["anna"] } })],
    ["who joined a group that is none", text({ type: "delta", joined: { sales: [id(1)] } })],
    ["leavers that are no ids", text({ type: "delta", left: { [id(1)]: [null] } })],
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

describe("address", () => {
  it("takes any letter case, and nothing that is no address", () => {
    expect(address(" Anna.Meyer@Example.COM ")).toBe("anna.meyer@example.com");
    for (const bad of ["", null, undefined, "anna", "@x", "a@", "a b@x", "a@b@c", "#a@b", id(1)]) expect(address(bad)).toBeUndefined();
  });
});
