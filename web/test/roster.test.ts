import { describe, expect, it } from "vitest";
import { readDirectory } from "../src/directory.ts";
import { Roster } from "../src/roster.ts";
import { id } from "./fake-gateway.ts";

const person = (n: number, name: string, department: string, title = "") => ({ id: id(n), name, department, title });

describe("roster", () => {
  const roster = new Roster();
  roster.replace([person(1, "Zoë Novak", "Sales"), person(2, "José Meyer", "Sales", "Controller"), person(3, "Anna 10", ""), person(4, "Anna 9", "Finance")]);

  it("groups by department, nameless last, people by name", () => {
    const all = roster.sections({ text: "", statuses: new Set() });
    expect(all.map((s) => [s.department, s.people.map((p) => p.name)])).toEqual([["Finance", ["Anna 9"]], ["Sales", ["José Meyer", "Zoë Novak"]], ["", ["Anna 10"]]]);
  });

  it("finds words in any field, without accents or case", () => {
    const find = (text: string) => roster.sections({ text, statuses: new Set() }).flatMap((s) => s.people.map((p) => p.name));
    expect(find("jose SALES")).toEqual(["José Meyer"]);
    expect(find("zoe")).toEqual(["Zoë Novak"]);
    expect(find("controller zoe")).toEqual([]);
  });

  it("counts and filters by status", () => {
    expect(roster.count("unknown")).toBe(4);
    expect(roster.setStatus(id(1), "available")).toBe(true);
    expect(roster.setStatus(id(1), "available")).toBe(false);
    expect(roster.setStatus(id(99), "busy")).toBe(false);
    expect([roster.count("available"), roster.count("unknown"), roster.count("busy")]).toEqual([1, 3, 0]);
    expect(roster.available("Sales")).toBe(1);
    const sections = roster.sections({ text: "", statuses: new Set(["available"]) });
    expect(sections).toMatchObject([{ department: "Sales", total: 2, people: [{ name: "Zoë Novak" }] }]);
  });
});

describe("directory", () => {
  const answers = (...parts: (object | number)[]) => {
    const asked: string[] = [];
    const get = (async (url: URL) => {
      asked.push(url.href);
      const part = parts.shift()!;
      return typeof part === "number" ? new Response("", { status: part }) : Response.json(part);
    }) as unknown as typeof fetch;
    return { asked, get };
  };

  it("reads all parts", async () => {
    const { asked, get } = answers({ people: [{ id: id(1).toUpperCase(), displayName: "Anna" }], next: "abc" }, { people: [{ id: id(2), department: 3 }, { displayName: "nobody" }] });
    expect(await readDirectory("http://gw/", get)).toEqual({ people: [person(1, "Anna", ""), person(2, "00000000…", "")] });
    expect(asked).toEqual(["http://gw/v1/directory", "http://gw/v1/directory?next=abc"]);
  });

  it("never follows a next part to another origin", async () => {
    const { asked, get } = answers({ people: [], next: "https://evil.example/x" });
    await readDirectory("http://gw/", get);
    expect(asked).toHaveLength(1);
  });

  it.each([[401, "forbidden"], [403, "forbidden"], [404, "none"], [503, "away"]])("takes %i for an answer", async (status, reason) => {
    expect(await readDirectory("http://gw/", answers(status).get)).toEqual({ people: undefined, reason });
  });
});
