import { look } from "./look.ts";
import type { Found } from "./found.ts";
import { Lines } from "./text.ts";
import { componentOf } from "./toolkit.ts";
import { walk } from "./tree.ts";

/** A use, with its place. */
export interface Use extends Omit<Found, "offset"> {
  readonly file: string;
  /** Both from 1. */
  readonly line: number;
  readonly column: number;
}

/** Everything found in a folder: what `--json` prints. */
export interface Report {
  readonly folder: string;
  readonly uses: readonly Use[];
  readonly problems: readonly { readonly file: string; readonly message: string }[];
  readonly summary: {
    /** Files looked through. */
    readonly files: number;
    readonly filesWithUses: number;
    readonly uses: number;
    /** Elements that show presence, or may. */
    readonly presence: number;
    /** Of those, for how many a line takes their place. */
    readonly replaceable: number;
    /** Uses of which something does not carry over. */
    readonly losing: number;
    /** The toolkit's other components, which are no business of presence, and how often they occur. */
    readonly others: Readonly<Record<string, number>>;
    /** Folders that were left out, by name. */
    readonly leftOut: Readonly<Record<string, number>>;
  };
}

/** Looks through a folder or a file. Throws where there is none. */
export function report(folder: string): Report {
  const uses: Use[] = [];
  const problems: { file: string; message: string }[] = [];
  const others: Record<string, number> = {};
  const prefixes = new Set<string>();
  const walked = walk(folder, {
    problem: (file, message) => problems.push({ file, message }),
    file(file, source) {
      try {
        const finds = look(file, source);
        const lines = new Lines(source);
        for (const { offset, ...found } of finds.found) uses.push({ file, ...lines.place(offset), ...found });
        for (const other of finds.others) others[other] = (others[other] ?? 0) + 1;
        for (const prefix of finds.prefixes) prefixes.add(prefix);
      } catch (error) {
        problems.push({ file, message: `not understood: ${(error as Error).message.split("\n")[0]}; it names the toolkit${where(source)}: look at it by hand` });
      }
    },
  });
  for (const use of uses) announced(use, prefixes);
  const shown = uses.filter((u) => u.kind === "element" && u.presence !== false);
  return {
    folder,
    uses,
    problems,
    summary: {
      files: walked.files,
      filesWithUses: new Set(uses.map((u) => u.file)).size,
      uses: uses.length,
      presence: shown.length,
      replaceable: shown.filter((u) => u.becomes !== undefined).length,
      losing: uses.filter((u) => u.lost.length > 0).length,
      others,
      leftOut: Object.fromEntries(walked.leftOut),
    },
  };
}

function where(source: string): string {
  const lines = new Lines(source);
  const at = [...source.matchAll(/mgt-|@microsoft\/mgt/g)].slice(0, 5).map((m) => lines.place(m.index).line);
  return at.length === 0 ? "" : ` in line ${[...new Set(at)].join(", ")}`;
}

/** A word inside a tag's name is the toolkit's only where some file of the folder says so. */
function announced(use: Use, prefixes: ReadonlySet<string>): void {
  const prefix = use.kind === "element" ? componentOf(use.name)?.prefix : undefined;
  if (prefix === undefined || prefixes.has(prefix)) return;
  (use.notes as string[])[0] = `nothing here calls withDisambiguation("${prefix}"): make sure that ${use.name} is the toolkit's`;
}

