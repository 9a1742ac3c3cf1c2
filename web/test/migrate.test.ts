import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { look } from "../migrate/look.ts";
import { print } from "../migrate/print.ts";
import { report } from "../migrate/report.ts";

const here = join(dirname(fileURLToPath(import.meta.url)), "../migrate");
const corpus = join(here, "testdata");
const folder = mkdtempSync(join(tmpdir(), "migrate-"));
afterAll(() => {
  chmodSync(join(folder, "locked"), 0o755);
  rmSync(folder, { recursive: true, force: true });
});

/** What one file comes to, in short: a line for each find. */
function short(path: string, source: string): string[] {
  return look(path, source).found.map((f) => `${f.name}${f.presence === false ? " (no presence)" : f.presence === "perhaps" ? " (perhaps)" : ""} -> ${f.becomes ?? "nothing"}; lost: ${f.lost.map((l) => l.what).join(", ") || "nothing"}`);
}

const html = (source: string) => short("page.html", source);
const tsx = (source: string) => short("page.tsx", source);
const react = (element: string) => tsx(`import { Person, People } from "@microsoft/mgt-react";\nexport const x = ${element};`).slice(1);
const GUID = "48d31887-5fad-4d73-a9f5-3c356e68a038";

describe("markup", () => {
  it.each([
    [`<mgt-person user-id="${GUID}" show-presence>`, `<presence-badge user-id="${GUID}"></presence-badge>`, "the photo"],
    ['<mgt-person person-query="anna@contoso.com" show-presence avatar-type="initials">', '<presence-badge person-query="anna@contoso.com"></presence-badge>', 'avatar-type="initials"'],
    [`<mgt-person user-id='${GUID}' show-presence avatar-size=large person-image="a.jpg">`, `<presence-badge user-id='${GUID}'><img src="a.jpg" alt=""></presence-badge>`, "nothing"],
    ['<mgt-person person-query="Anna" show-presence person-image="a">', "nothing", 'person-query="Anna"'],
    ['<mgt-person user-id="1234" show-presence person-image="a">', "nothing", 'user-id="1234"'],
    [`<mgt-person user-id="${GUID}"\n  show-presence\n  title="a > b"\n>`, `<presence-badge user-id="${GUID}" title="a > b"></presence-badge>`, "the photo"],
  ])("%s", (source, becomes, lost) => {
    expect(html(source)).toEqual([`mgt-person -> ${becomes}; lost: ${lost}`]);
  });

  it("is not taken from comments, text, other scripts' data or names that only look alike", () => {
    expect(
      html(`<!-- <mgt-person show-presence> --> &lt;mgt-person show-presence&gt; mgt-person
        <textarea><mgt-person show-presence></textarea><title><mgt-person show-presence></title>
        <script type="application/json">{"a":"<mgt-person show-presence>"}</script>
        <script>// <mgt-person show-presence>\n/* document.createElement("mgt-person") */ const mgt = "mgt-person"</script>
        <amgt-person show-presence></amgt-person><mgt-personal show-presence></mgt-personal>`),
    ).toEqual([]);
  });

  it("keeps what a template language fills in, and what binds it", () => {
    expect(short("a.vue", '<template><mgt-person v-if="p" :user-id="p.id" show-presence person-image="a"/></template>')).toEqual(['mgt-person -> <presence-badge :user-id="p.id" v-if="p"><img src="a" alt=""></presence-badge>; lost: nothing']);
    expect(short("a.svelte", '<mgt-person person-query={who.mail} show-presence person-image="a"/>')[0]).toContain("<presence-badge person-query={who.mail}>");
    expect(short("a.hbs", '{{!-- <mgt-person show-presence> --}}<mgt-person user-id="{{id}}" show-presence person-image="a">')).toHaveLength(1);
  });

  it("is read inside strings, sums of strings and templates of scripts, with its place", () => {
    const source = 'import "@microsoft/mgt-components";\nconst a = "<mgt-person user-id=\\"" +\n  id + "\\" show-presence person-image=\'x\'>";';
    const { found } = look("a.js", source);
    expect(found.map((f) => [source.slice(0, f.offset).split("\n").length, f.becomes])).toEqual([[1, undefined], [2, '<presence-badge user-id="${id}"><img src=\'x\' alt=""></presence-badge>']]);
  });

  it("becomes a list where it names a group, and a badge for each whom it names", () => {
    expect(html(`<mgt-people group-id="${GUID}" show-presence>`)).toEqual([`mgt-people -> <presence-list group-id="${GUID}"></presence-list>; lost: nothing`]);
    expect(html('<mgt-people people-queries="a@b.c, Megan" show-presence>')).toEqual(['mgt-people -> <presence-badge person-query="a@b.c"></presence-badge>; lost: Megan']);
  });

  it("that shows no presence is listed, and becomes nothing", () => {
    expect(html(`<mgt-person user-id="${GUID}">`)).toEqual(["mgt-person (no presence) -> nothing; lost: nothing"]);
    expect(react("<Person userId={id} showPresence={false} />")).toEqual(["Person (no presence) -> nothing; lost: nothing"]);
    expect(react("<Person userId={id} showPresence={shown} personImage={i} />")).toEqual(["Person (perhaps) -> <PresenceBadge userId={id}><img src={i} alt=\"\" /></PresenceBadge>; lost: nothing"]);
  });
});

describe("React", () => {
  it("is told from components of the same name by where they come from", () => {
    expect(tsx('import { Person } from "./Person"; // not @microsoft/mgt-react\nexport const x = <Person userId="1" showPresence />;')).toEqual([]);
    expect(react("<Person userId={id} showPresence personImage={i} />")).toHaveLength(1);
    expect(react("({ Person }: any) => <Person userId={id} showPresence />")).toEqual([]);
    expect(react("() => { const Person = mine; return <Person userId={id} showPresence />; }")).toEqual([]);
  });

  it.each([
    ['import { Person as P } from "@microsoft/mgt-react";', "<P userId={id} showPresence />"],
    ['import * as Mgt from "@microsoft/mgt-react";', "<Mgt.Person userId={id} showPresence />"],
    ['import { Person } from "@microsoft/mgt-react/dist/es6/spfx";', "<Person userId={id} showPresence />"],
    ['import mgt = require("@microsoft/mgt-react");', "<mgt.Person userId={id} showPresence />"],
    ['const { Person: Face } = require("@microsoft/mgt-react");', "<Face userId={id} showPresence />"],
    ['import { Person } from "@microsoft/mgt-react";', "React.createElement(Person, { userId: id, showPresence: true })"],
    ['import { Person } from "@microsoft/mgt-react";', "_jsx(Person, { userId: id, showPresence: true })".replace("_jsx", "jsx")],
  ])("%s %s", (first, element) => {
    expect(tsx(`${first}\nexport const x = ${element};`).slice(1)).toEqual([expect.stringMatching(/ -> <PresenceBadge userId=\{id\} \/>; lost: the photo$/)]);
  });

  it("says where a component is used as a value, and does not say it of names that only look alike", () => {
    expect(react("styled(Person)")).toEqual(["Person -> nothing; lost: nothing"]);
    expect(react("({ Person: 1, a: other.Person })")).toEqual([]);
  });
});

describe("reading presence without an element", () => {
  it("is found by what is imported, not by name", () => {
    const imported = 'import { PresenceService as S, getUsersPresenceByPeople } from "@microsoft/mgt-components";\n';
    expect(tsx(`${imported}S.register(c); getUsersPresenceByPeople(graph, people);`).slice(1).map((f) => f.split(" ->")[0])).toEqual(["PresenceService", "getUsersPresenceByPeople"]);
    expect(tsx('import { PresenceService, getUsersPresenceByPeople } from "./presence"; // instead of @microsoft/mgt-components\nPresenceService.register(getUsersPresenceByPeople);')).toEqual([]);
    expect(tsx('const PresenceService = 1, getUsersPresenceByPeople = () => {};\ngetUsersPresenceByPeople(PresenceService); // mgt-person')).toEqual([]);
  });

  it("needs no permission any more", () => {
    expect(short("config/package-solution.json", '{"solution":{"webApiPermissionRequests":[{"resource":"Microsoft Graph","scope":"Presence.Read.All"},{"resource":"Microsoft Graph","scope":"User.Read"}]}}')).toHaveLength(1);
    expect(tsx('import { Providers } from "@microsoft/mgt-element";\nconst scopes = ["User.Read", "Presence.Read"];')).toHaveLength(2);
    expect(tsx('export const scopes = ["Presence.Read.All"]; // of a service, with nothing of the toolkit')).toEqual([]);
  });
});

describe("a folder", () => {
  cpSync(corpus, folder, { recursive: true });
  for (const name of ["node_modules/x", "dist", ".cache", "portal/node_modules"]) {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "index.html"), "<mgt-person user-id='installed or built' show-presence>");
  }
  writeFileSync(join(folder, "binary.html"), "\0<mgt-person show-presence>");
  writeFileSync(join(folder, "huge.html"), "<mgt-person show-presence>".padEnd(3 << 20));
  writeFileSync(join(folder, "wide.html"), Buffer.from(`\ufeff<mgt-person user-id="${GUID}" show-presence person-image="i">`, "utf16le"));
  mkdirSync(join(folder, "locked"));
  symlinkSync("..", join(folder, "clean", "loop"));

  it("comes to what was read in the corpus by eye", () => {
    expect(print(report(corpus))).toBe(readFileSync(join(here, "corpus.txt"), "utf8"));
  });

  it("is gone through without what is installed, built, hidden, binary or linked, and says what it did not look at", () => {
    const { uses, problems, summary } = report(folder);
    expect(uses.filter((u) => /node_modules|dist|cache|binary|loop|huge/.test(u.file))).toEqual([]);
    expect(uses.filter((u) => u.file === "wide.html")).toHaveLength(1);
    expect(summary.leftOut).toEqual({ ".cache": 1, dist: 1, node_modules: 2 });
    expect(problems).toEqual([
      { file: "huge.html", message: "not looked at: 3.0 MB is more than a source has (at most 2 MB)" },
      { file: "legacy/broken.js", message: "not understood: Unexpected token (2:6); it names the toolkit in line 1: look at it by hand" },
    ]);
  });

  it("is read by the built script alone, whatever a folder forbids, and the exit code is 0", () => {
    const alone = join(mkdtempSync(join(tmpdir(), "alone-")), "migrate.mjs");
    chmodSync(dirname(alone), 0o755);
    copyFileSync(join(here, "migrate.mjs"), alone);
    chmodSync(folder, 0o755);
    chmodSync(join(folder, "locked"), 0);
    writeFileSync(join(folder, "secret.html"), "<mgt-person show-presence>", { mode: 0 });
    // Nothing is forbidden to root.
    const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const ran = spawnSync(process.execPath, [alone, folder, "--json"], { encoding: "utf8", cwd: "/", ...nobody });
    expect(ran.stderr).toBe("");
    expect(ran.status).toBe(0);
    const { problems, summary } = JSON.parse(ran.stdout) as ReturnType<typeof report>;
    expect(problems).toContainEqual({ file: "locked", message: "the folder cannot be read: permission denied" });
    expect(problems).toContainEqual({ file: "secret.html", message: "cannot be read: permission denied" });
    expect(summary.presence).toBeGreaterThan(30);
    rmSync(dirname(alone), { recursive: true });
  });

  it("has long lines, of which it tells the part that matters", () => {
    const { found } = look("bundle.js", `${"a();".repeat(10_000)}b=document.createElement("mgt-person");${"a();".repeat(10_000)}`);
    expect(found).toHaveLength(1);
    expect(found[0]!.source.length).toBeLessThan(250);
    expect(found[0]!.source).toContain('createElement("mgt-person")');
  });

  it("that is not there, and words that mean nothing, are refused", () => {
    const run = (...words: string[]) => spawnSync(process.execPath, [join(here, "migrate.mjs"), ...words], { encoding: "utf8" });
    expect(run(join(folder, "none"))).toMatchObject({ status: 2, stderr: `migrate: there is no ${join(folder, "none")}\n` });
    expect(run()).toMatchObject({ status: 2 });
    expect(run("--xml").stderr).toMatch(/^migrate: there is no --xml\n\nUsage/);
    expect(run("--help")).toMatchObject({ status: 0, stderr: "" });
  });

  it("is read by what the sources give: the committed script is theirs", () => {
    const ran = spawnSync(process.execPath, [join(here, "build.mjs"), "--check"], { encoding: "utf8" });
    expect(ran.stderr).toBe("");
    expect(ran.status).toBe(0);
  });
});
