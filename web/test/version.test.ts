import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compareVersions } from "../src/version.ts";

const vectors = new URL("../../internal/presence/testdata/versions.json", import.meta.url);

describe("versions", () => {
  it("sort byte by byte", () => {
    expect(compareVersions("00000001.A9", "00000001.A10")).toBe(1);
    expect(compareVersions("00000001.A", "00000001.A")).toBe(0);
    expect(compareVersions("00000001.Z", "00000001.a")).toBe(-1);
    expect(compareVersions("1", "10")).toBe(-1);
  });

  it.runIf(existsSync(vectors))("agree with the gateway on the shared vectors", () => {
    const { order } = JSON.parse(readFileSync(vectors, "utf8")) as { order: string[] };
    expect(order.length).toBeGreaterThan(1);
    order.forEach((a, i) => order.forEach((b, j) => expect(compareVersions(a, b), `${a} ? ${b}`).toBe(Math.sign(i - j))));
  });
});
