// The paths of src/marks.ts, from the icons that Fluent publishes (@fluentui/svg-icons): of each presence icon that is a
// ring around a mark, the mark; and the disc and the ring themselves.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Fluent's file for each of our names. */
const ICONS = {
  DISC: "presence_busy_16_filled",
  RING: "presence_unknown_16_regular",
  CHECK: "presence_available_16_regular",
  BAR: "presence_dnd_16_regular",
  CLOCK: "presence_away_16_regular",
  CROSS: "presence_offline_16_regular",
  ARROW: "presence_oof_16_regular",
};

async function path(icon) {
  const svg = await readFile(require.resolve(`@fluentui/svg-icons/icons/${icon}.svg`), "utf8");
  const [, d] = /viewBox="0 0 16 16"><path d="([^"]+)"\/><\/svg>/.exec(svg) ?? [];
  if (d === undefined) throw new Error(`${icon}: not one path on a grid of 16 by 16`);
  return d;
}

/** The mark of an icon: its first outline. What follows must be the two circles of a ring. */
function mark(icon, d) {
  const second = d.search(/(?<=.)M/);
  const ring = d.slice(second);
  if (second < 0 || !/a8 8 0/i.test(ring) || !/a6 6 0/i.test(ring) || d.slice(0, second).includes("m")) {
    throw new Error(`${icon}: not a mark and a ring`);
  }
  const outline = d.slice(0, second);
  return outline.endsWith("z") ? outline : outline + "z";
}

/** The whole text of src/marks.ts. */
export async function marks() {
  const { version } = JSON.parse(await readFile(require.resolve("@fluentui/svg-icons/package.json"), "utf8"));
  const lines = [];
  for (const [name, icon] of Object.entries(ICONS)) {
    const d = await path(icon);
    lines.push(`export const ${name} = "${name === "DISC" || name === "RING" ? d : mark(icon, d)}";`);
  }
  return `/*! Fluent System Icons, (c) Microsoft, MIT */
// Written by marks.mjs from @fluentui/svg-icons ${version}; not to be changed by hand. Outlines on a grid of 16 by 16, for
// the even-odd rule: a mark on the disc is a hole in it.
${lines.join("\n")}
`;
}
