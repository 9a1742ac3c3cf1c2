import { describe, expect, it } from "vitest";
import { layOut } from "../src/board.ts";
import type { Section } from "../src/roster.ts";
import { id } from "./fake-gateway.ts";

const section = (key: string, people: number): Section => ({
  key,
  name: key,
  total: people,
  people: Array.from({ length: people }, (_, i) => ({ id: id(i), name: `${key} ${i}`, title: "", department: "", groups: [] })),
});
const [W, H] = [1920, 960];

describe("wallboard", () => {
  it("takes the largest letters that show everybody at once", () => {
    const few = layOut([section("a", 5)], W, H);
    const more = layOut([section("a", 30)], W, H);
    expect([few.pages.length, more.pages.length]).toEqual([1, 1]);
    expect(few.line).toBe(H / 8);
    expect(more.line).toBeLessThan(few.line);
  });

  it("shows everybody exactly once over its pages, each column within its height", () => {
    const sections = [section("a", 14), section("b", 70), section("c", 2), section("d", 15), section("e", 160)];
    const board = layOut(sections, W, H);
    expect(board.pages.length).toBeGreaterThan(1);
    for (const page of board.pages) {
      expect(page.length).toBeLessThanOrEqual(board.columns);
      for (const column of page) {
        expect(column.reduce((n, part) => n + 1 + part.people.length, 0)).toBeLessThanOrEqual(board.lines);
        expect(column.at(-1)!.people.length, "no name of a team stands last alone").toBeGreaterThan(0);
      }
    }
    const parts = board.pages.flat(2);
    for (const { key, people } of sections) {
      const shown = parts.filter((p) => p.section.key === key);
      expect(shown.flatMap((p) => p.people)).toEqual(people);
      expect(shown.map((p) => p.continued)).toEqual(shown.map((_, i) => i > 0));
    }
  });

  it("shows teams in numbers where people are too many to be paged through", () => {
    const board = layOut(Array.from({ length: 100 }, (_, i) => section(`t${i}`, 100)), W, H);
    expect(board.numbers).toBe(true);
    expect(board.pages.flat(2).map((p) => [p.section.key, p.people.length])).toEqual(Array.from({ length: 100 }, (_, i) => [`t${i}`, 0]));
  });

  it("fits a phone and an empty choice", () => {
    expect(layOut([section("a", 3)], 340, 600).columns).toBe(1);
    expect(layOut([], W, H).pages.flat()).toEqual([]);
  });
});
