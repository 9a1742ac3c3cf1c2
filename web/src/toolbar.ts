import { EVERYONE, type Choice, type Grouping, type Sort } from "./address.ts";
import { Counts } from "./counts.ts";
import { byId, make } from "./dom.ts";
import type { FluentStatus } from "./fluent.ts";
import type { Roster } from "./roster.ts";

export interface ToolbarOptions {
  readonly roster: Roster;
  /** Another choice was made; `typing`: letter by letter. */
  readonly onChoose: (choice: Choice, typing: boolean) => void;
}

/** What chooses among people: search, states, team or department, grouping and order. It shows the choice, and holds none. */
export class Toolbar {
  #options: ToolbarOptions;
  #choice: Choice = EVERYONE;
  #search = byId<HTMLInputElement>("search");
  #counts: Counts;
  #within = make("select");
  #by = make("select");
  #sort = make("select");

  constructor(options: ToolbarOptions) {
    this.#options = options;
    this.#counts = new Counts(byId("counts"), (statuses) => this.#choose({ statuses }));
    byId("arrange").append(labelled("Show", this.#within), labelled("Group by", this.#by), labelled("Sort by", this.#sort));
    this.#search.addEventListener("input", () => this.#choose({ text: this.#search.value }, true));
    this.#search.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.#search.value !== "") this.#choose({ text: "" });
    });
    this.#within.addEventListener("change", () => {
      const [kind, name = ""] = this.#within.value.split(/:(.*)/s);
      this.#choose({ team: kind === "team" ? name : "", department: kind === "department" ? name : "" });
    });
    this.#by.addEventListener("change", () => this.#choose({ by: this.#by.value as Grouping }));
    this.#sort.addEventListener("change", () => this.#choose({ sort: this.#sort.value as Sort }));
  }

  /** Shows a choice, as the address has it. */
  show(choice: Choice): void {
    this.#choice = choice;
    if (this.#search.value.trim() !== choice.text.trim()) this.#search.value = choice.text;
    this.#counts.choose(choice.statuses);
    this.#within.value = choice.team !== "" ? `team:${choice.team}` : choice.department !== "" ? `department:${choice.department}` : "";
    this.#by.value = choice.by ?? this.#options.roster.grouping;
    this.#sort.value = choice.sort;
  }

  /** Offers the teams, departments and orders there are. */
  offer(): void {
    const { teams, departments, timed } = this.#options.roster;
    const groups = [
      choices("Teams", teams.map(({ id, name }) => [`team:${id}`, name])),
      choices("Departments", departments.map((name) => [`department:${name}`, name])),
    ];
    fill(this.#within, [option("", "Everyone"), ...groups.filter((g) => g.childElementCount > 0)]);
    fill(this.#by, [...(teams.length > 0 ? [option("team", "Team")] : []), option("department", "Department"), option("none", "Nothing")]);
    fill(this.#sort, [option("name", "Name"), option("state", "Most reachable first"), ...(timed ? [option("since", "Longest as they are")] : [])]);
    this.show(this.#choice);
  }

  /** Brings the counts up to date. */
  count(): void {
    this.#counts.draw((status: FluentStatus) => this.#options.roster.count(status));
  }

  focus(): void {
    this.#search.focus();
    this.#search.select();
  }

  /** Chooses everyone again. */
  clear(): void {
    this.#choose({ text: "", statuses: new Set(), team: "", department: "" });
  }

  #choose(part: Partial<Choice>, typing = false): void {
    this.#options.onChoose({ ...this.#choice, ...part }, typing);
  }
}

function labelled(text: string, select: HTMLSelectElement): HTMLLabelElement {
  return make("label", "pick", make("span", "", text), select);
}

function option(value: string, text: string): HTMLOptionElement {
  const o = make("option", "", text);
  o.value = value;
  return o;
}

function choices(label: string, entries: readonly (readonly [value: string, text: string])[]): HTMLOptGroupElement {
  const group = make("optgroup", "", ...entries.map(([value, text]) => option(value, text)));
  group.label = label;
  return group;
}

/** Replaces what a select offers, unless it offers that already: an open one would close. */
function fill(select: HTMLSelectElement, content: readonly HTMLElement[]): void {
  const offered = content.map((e) => e.textContent).join("\n");
  if (select.dataset.offered === offered) return;
  select.dataset.offered = offered;
  select.replaceChildren(...content);
}
