import { lstatSync, opendirSync, readFileSync, type Dirent } from "node:fs";
import { join, relative, sep } from "node:path";
import { isSource } from "./look.ts";

/** Folders that hold what was installed or built, and folders that begin with a dot, are left out. */
const LEFT_OUT = new Set(["node_modules", "bower_components", "jspm_packages", "dist"]);
/** Larger files are no sources that a person wrote, in bytes. */
const LARGEST = 2 * 1024 * 1024;

export interface Visitor {
  file(path: string, source: string): void;
  /** What was not looked at though it might matter, in one line. */
  problem(path: string, message: string): void;
}

/** What a walk came by. */
export interface Walked {
  files: number;
  /** Folders left out, by name. */
  leftOut: Map<string, number>;
}

/** Goes through a folder, or a single file, in the order of names. Symbolic links are not followed. Paths have slashes. */
export function walk(root: string, visitor: Visitor): Walked {
  const walked: Walked = { files: 0, leftOut: new Map() };
  const name = (path: string) => (relative(root, path) || path).split(sep).join("/");
  if (lstatSync(root).isFile()) {
    one(root, root, visitor, walked);
    return walked;
  }
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: Dirent[];
    try {
      entries = read(folder);
    } catch (error) {
      visitor.problem(name(folder), `the folder cannot be read: ${because(error)}`);
      continue;
    }
    const below: string[] = [];
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        if (LEFT_OUT.has(entry.name) || entry.name.startsWith(".")) walked.leftOut.set(entry.name, (walked.leftOut.get(entry.name) ?? 0) + 1);
        else below.push(path);
      } else if (entry.isFile() && isSource(path)) one(path, name(path), visitor, walked);
    }
    folders.push(...below.reverse());
  }
  return walked;
}

function read(folder: string): Dirent[] {
  const entries: Dirent[] = [];
  const open = opendirSync(folder);
  try {
    for (let entry = open.readSync(); entry !== null; entry = open.readSync()) entries.push(entry);
  } finally {
    open.closeSync();
  }
  return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function one(path: string, shown: string, visitor: Visitor, walked: Walked): void {
  try {
    const { size } = lstatSync(path);
    if (size > LARGEST) return visitor.problem(shown, `not looked at: ${(size / 1024 / 1024).toFixed(1)} MB is more than a source has (at most ${LARGEST / 1024 / 1024} MB)`);
    const bytes = readFileSync(path);
    const wide = bytes[0] === 0xff && bytes[1] === 0xfe;
    if (!wide && bytes.subarray(0, 8192).includes(0)) return; // binary, whatever its name says
    walked.files++;
    visitor.file(shown, bytes.toString(wide ? "utf16le" : "utf8"));
  } catch (error) {
    visitor.problem(shown, `cannot be read: ${because(error)}`);
  }
}

/** The system's own words for an error, without the path, which is told before. */
function because(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return { EACCES: "permission denied", EPERM: "permission denied", ENOENT: "it went away", EMFILE: "too many open files", ELOOP: "too many links" }[code ?? ""] ?? message;
}
