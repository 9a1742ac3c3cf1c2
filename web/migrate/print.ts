import type { Report, Use } from "./report.ts";

/** A report for people: each use with its place, what it becomes and what is lost; then a summary. */
export function print({ uses, problems, summary }: Report): string {
  const lines: string[] = [];
  for (const use of uses) lines.push(...one(use), "");
  for (const { file, message } of problems) lines.push(`${file}: ${message}`);
  if (problems.length > 0) lines.push("");
  lines.push(
    uses.length === 0
      ? `Nothing of Microsoft Graph Toolkit's presence in ${count(summary.files, "file")}.`
      : `${count(summary.uses, "use")} in ${count(summary.filesWithUses, "file")} of ${summary.files}: ` +
          `${count(summary.presence, "element")} ${summary.presence === 1 ? "shows" : "show"} presence, ${summary.replaceable} of them with a line to take ${summary.presence === 1 ? "its" : "their"} place; ` +
          `${count(summary.losing, "use")} ${summary.losing === 1 ? "loses" : "lose"} something.`,
  );
  const others = Object.entries(summary.others).map(([name, n]) => (n === 1 ? name : `${name} (${n})`));
  if (others.length > 0) lines.push(`Of the toolkit, and no business of presence: ${others.join(", ")}.`);
  if (problems.length > 0) lines.push(`${count(problems.length, "file or folder", "files or folders")} not looked at: see above.`);
  const left = Object.entries(summary.leftOut).map(([name, n]) => (n === 1 ? name : `${name} (${n})`));
  if (left.length > 0) lines.push(`Left out: ${left.join(", ")}.`);
  return lines.join("\n") + "\n";
}

function one({ file, line, column, name, source, kind, presence, becomes, lost, notes }: Use): string[] {
  const lines = [`${file}:${line}:${column}  ${kind} ${name}${presence === "perhaps" ? " (perhaps with presence)" : presence === false ? " (without presence)" : ""}`, `    is       ${short(source)}`];
  if (becomes !== undefined) lines.push(`    becomes  ${becomes}`);
  for (const { what, why } of lost) lines.push(`    lost     ${what === name ? "" : `${short(what, 60)}: `}${why}`);
  for (const note of notes) lines.push(`    note     ${note}`);
  return lines;
}

function short(text: string, most = 160): string {
  const line = text.replace(/\s+/g, " ").trim();
  return line.length <= most ? line : `${line.slice(0, most - 1)}…`;
}

function count(n: number, one: string, many = `${one}s`): string {
  return `${n} ${n === 1 ? one : many}`;
}
