import { describe, expect, it } from "vitest";
import { EVERYONE, type Choice } from "../src/address.ts";
import { readDirectory } from "../src/directory.ts";
import { Roster } from "../src/roster.ts";
import { id } from "./fake-gateway.ts";

const person = (n: number, name: string, department: string, title = "", groups: string[] = []) => ({ id: id(n), name, department, title, groups });
const names = (roster: Roster, choice: Partial<Choice> = {}, kept?: string) =>
  roster.select({ ...EVERYONE, ...choice }, kept).sections.map((s) => [s.name, s.people.map((p) => p.name)]);

describe("roster", () => {
  const roster = new Roster();
  roster.replace([person(1, "Zoë Novak", "Sales"), person(2, "José Meyer", "Sales", "Controller"), person(3, "Anna 10", ""), person(4, "Anna 9", "Finance")]);

  it("groups by department, nameless last, people by name", () => {
    expect(names(roster)).toEqual([["Finance", ["Anna 9"]], ["Sales", ["José Meyer", "Zoë Novak"]], ["No department", ["Anna 10"]]]);
    expect(names(roster, { by: "none" })).toEqual([["Everyone", ["Anna 9", "Anna 10", "José Meyer", "Zoë Novak"]]]);
  });

  it("finds words in any field, without accents or case", () => {
    const find = (text: string) => names(roster, { text, by: "none" }).flatMap(([, people]) => people);
    expect(find("jose SALES")).toEqual(["José Meyer"]);
    expect(find("zoe")).toEqual(["Zoë Novak"]);
    expect(find("controller zoe")).toEqual([]);
  });

  it("counts and filters by status, and keeps who is being looked at", () => {
    expect(roster.count("unknown")).toBe(4);
    expect(roster.set(id(1), "available")).toBe(true);
    expect(roster.set(id(1), "available")).toBe(false);
    expect(roster.set(id(99), "busy")).toBe(false);
    expect([roster.count("available"), roster.count("unknown"), roster.count("busy")]).toEqual([1, 3, 0]);
    const statuses = new Set(["available" as const]);
    expect(roster.select({ ...EVERYONE, statuses })).toMatchObject({ people: 1, sections: [{ name: "Sales", total: 2, people: [{ name: "Zoë Novak" }] }] });
    expect(roster.available("Sales")).toBe(1);
    expect(names(roster, { statuses }, id(4))).toEqual([["Finance", ["Anna 9"]], ["Sales", ["Zoë Novak"]]]);
  });

  it("keeps states, and the numbers made of them, when other people come", () => {
    const moving = new Roster();
    moving.replace([person(1, "A", "X"), person(2, "B", "X")]);
    moving.set(id(1), "available");
    moving.replace([person(1, "A", "Y"), person(3, "C", "Y")]);
    moving.select(EVERYONE);
    expect([moving.available("Y"), moving.count("available"), moving.count("unknown")]).toEqual([1, 1, 1]);
    moving.set(id(1), "away");
    expect([moving.available("Y"), moving.count("available")]).toEqual([0, 0]);
  });
});

describe("teams", () => {
  const groups = [{ id: "g2", name: "Team 10" }, { id: "g1", name: "Team 9" }, { id: "all", name: "All staff" }, { id: "none", name: "Empty" }];
  const roster = new Roster();
  roster.replace([person(1, "Anna", "Sales", "", ["all", "g1", "g2"]), person(2, "Ben", "Sales", "", ["all", "g1"]), person(3, "Cleo", "Finance", "", ["all"])], groups);
  roster.set(id(1), "available");

  it("are the groups that tell people apart; someone in several stands in each and counts once", () => {
    expect(roster.grouping).toBe("team");
    expect(roster.teams.map((t) => t.name)).toEqual(["Team 9", "Team 10"]);
    expect(names(roster)).toEqual([["Team 9", ["Anna", "Ben"]], ["Team 10", ["Anna"]], ["In no team", ["Cleo"]]]);
    expect([roster.available("g1"), roster.available("g2"), roster.count("available"), roster.select(EVERYONE).people]).toEqual([1, 1, 1, 3]);
  });

  it("are shown alone when chosen, under their departments when those are asked for", () => {
    expect(names(roster, { team: "g1" })).toEqual([["Team 9", ["Anna", "Ben"]]]);
    expect(names(roster, { team: "g2", by: "department" })).toEqual([["Sales", ["Anna"]]]);
    expect(names(roster, { department: "Finance" })).toEqual([["In no team", ["Cleo"]]]);
  });

  it("give way to departments where the gateway has none", () => {
    const flat = new Roster();
    flat.replace([person(1, "Anna", "Sales", "", ["all"])], [{ id: "all", name: "All staff" }]);
    expect([flat.grouping, names(flat)]).toEqual(["department", [["Sales", ["Anna"]]]]);
  });
});

describe("order", () => {
  const roster = new Roster();
  roster.replace([person(1, "Anna", ""), person(2, "Ben", ""), person(3, "Cleo", ""), person(4, "Dora", "")]);
  roster.set(id(1), "offline", 2000);
  roster.set(id(2), "busy", 3000);
  roster.set(id(3), "available");
  roster.set(id(4), "busy", 1000);

  it("is the most reachable first, or who is longest as they are", () => {
    const order = (sort: Choice["sort"]) => names(roster, { sort })[0]![1];
    expect(order("name")).toEqual(["Anna", "Ben", "Cleo", "Dora"]);
    expect(order("state")).toEqual(["Cleo", "Ben", "Dora", "Anna"]);
    expect(order("since")).toEqual(["Dora", "Anna", "Ben", "Cleo"]);
    expect(roster.timed).toBe(true);
  });

  it("counts a state entered anew as news", () => {
    expect([roster.set(id(4), "busy", 1000), roster.set(id(4), "busy", 5000)]).toEqual([false, true]);
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
    const groups = [{ id: "G1", displayName: "Sales" }, { displayName: "none" }];
    const { asked, get } = answers({ people: [{ id: id(1).toUpperCase(), displayName: "Anna", groups: ["G1", 7] }], groups, next: "abc" }, { people: [{ id: id(2), department: 3 }, { displayName: "nobody" }], groups });
    expect(await readDirectory("http://gw/", get)).toEqual({ people: [person(1, "Anna", "", "", ["g1"]), person(2, "00000000…", "")], groups: [{ id: "g1", name: "Sales" }] });
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
