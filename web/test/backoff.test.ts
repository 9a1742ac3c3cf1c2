import { describe, expect, it } from "vitest";
import { backoff } from "../src/backoff.ts";

const bounds = { first: 500, most: 30_000 };

describe("backoff", () => {
  it("doubles its bound up to the most", () => {
    expect([0, 1, 2, 5, 6, 7, 5000].map((n) => backoff(n, bounds, () => 1))).toEqual([500, 1000, 2000, 16_000, 30_000, 30_000, 30_000]);
  });

  it("draws anew for each attempt, from nothing up", () => {
    const draws = [0, 0.25, 0.999];
    expect(draws.map((d) => backoff(2, bounds, () => d))).toEqual([0, 500, 1998]);
  });
});
