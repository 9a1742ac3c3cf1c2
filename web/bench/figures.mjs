// How figures are told: quantiles, their spread over runs, and tables as a README takes them.
import { loadavg, cpus } from "node:os";

/** The value that a share of all are at or below; undefined of none. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** A number as people read it: three digits that mean something. */
export function short(value) {
  if (value === undefined || Number.isNaN(value)) return "none";
  return Number.isInteger(value) || value >= 1000 ? Math.round(value).toLocaleString("en") : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

/** The least and the most of several runs: `4.71 to 4.80`, or one number where they agree. */
export function spread(values, unit = "") {
  const told = values.filter((v) => v !== undefined);
  if (told.length === 0) return "none";
  const [least, most] = [short(Math.min(...told)), short(Math.max(...told))];
  return `${least === most ? least : `${least} to ${most}`}${unit && ` ${unit}`}`;
}

/** Prints rows, the first of which names the columns, aligned, as Markdown. */
export function table(rows) {
  const widths = rows[0].map((_, i) => Math.max(3, ...rows.map((r) => String(r[i]).length)));
  const line = (cells) => `| ${cells.map((c, i) => String(c).padEnd(widths[i])).join(" | ")} |`;
  console.log([line(rows[0]), line(widths.map((w) => "-".repeat(w))), ...rows.slice(1).map(line)].join("\n"));
}

/** Says what stands above a table, and how busy the machine was: on a busy one times mean little. */
export function heading(text) {
  console.log(`\n${text}\n(${cpus().length} cores, load ${loadavg()[0].toFixed(2)} a minute before)\n`);
}
