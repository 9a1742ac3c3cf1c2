import { conflation } from "./advice.ts";
import { count, duration, moment, percent, rate, UNKNOWN } from "./amount.ts";
import { make, setText } from "./dom.ts";
import { History } from "./history.ts";
import { Meter } from "./meter.ts";
import { Plot } from "./plot.ts";
import type { Reading, Stats } from "./stats.ts";
import { Tile } from "./tile.ts";

const NAMES = ["used", "p99", "watched", "changes", "reads", "connections", "deliveries", "conflated"] as const;
type Name = (typeof NAMES)[number];

/** The figures of the operator's view: what it depends on, and a tile for each figure, with what it was in the last minutes. */
export class Figures {
  readonly element = make("div", "figures");
  readonly #history = new History(NAMES);
  readonly #standing = new Map<string, HTMLElement>();
  readonly #spent = new Meter("Budget used");
  readonly #swept = new Meter("Of this sweep");
  readonly #full = new Meter("Connections");
  readonly #plots: Record<Name, Plot> = {
    used: plot(),
    p99: plot(),
    watched: plot(),
    changes: plot(),
    reads: plot(),
    connections: plot(),
    deliveries: plot(),
    conflated: plot(),
  };
  readonly #tiles = {
    budget: new Tile("Budget", this.#spent.element, this.#plots.used.element),
    sweep: new Tile("Next sweep", this.#swept.element),
    ages: new Tile("Age of states", this.#plots.p99.element),
    watched: new Tile("Watched users", this.#plots.watched.element),
    changes: new Tile("Changes", this.#plots.changes.element),
    reads: new Tile("Reads", this.#plots.reads.element),
    connections: new Tile("Connections", this.#full.element, this.#plots.connections.element),
    deliveries: new Tile("Deliveries", this.#plots.deliveries.element),
    conflation: new Tile("Conflation", this.#plots.conflated.element),
  };

  constructor() {
    const list = make("dl", "standing");
    for (const name of ["Graph", "Hub", "Lease", "Credential"]) {
      const said = make("dd");
      this.#standing.set(name, said);
      list.append(make("div", "", make("dt", "", name), said));
    }
    this.element.append(list, make("div", "tiles", ...Object.values(this.#tiles).map((t) => t.element)));
  }

  draw(s: Stats): void {
    const { budget, reading, ages, serving } = s;
    this.#history.note(s.at / 1000, {
      used: budget?.used,
      p99: ages.p99,
      watched: reading.watchedUsers,
      changes: reading.changesPerSecond,
      reads: reading.requestsPerSecond,
      connections: serving.connections,
      deliveries: serving.deliveriesPerSecond,
      conflated: conflation(s),
    });
    this.#stand(s);
    this.#reading(s);
    this.#serving(s);
    this.#plot("used", "Reads used of the budget", count);
    this.#plot("p99", "Age of states, 99th percentile", duration);
    this.#plot("watched", "Watched users", count);
    this.#plot("changes", "Changes a second", rate);
    this.#plot("reads", "Reads a second", rate);
    this.#plot("connections", "Connections", count);
    this.#plot("deliveries", "States delivered a second", rate);
    this.#plot("conflated", "Part of new states passed over", percent);
  }

  #reading(s: Stats): void {
    const { at, budget, reading: r, ages } = s;
    const reserve = budget?.reserve ?? 0;
    const spent = budget === undefined ? UNKNOWN : `${count(budget.used)} of ${count(budget.limit)}`;
    const window = budget?.windowSeconds === undefined ? "" : `reads in ${duration(budget.windowSeconds)}`;
    this.#tiles.budget.draw(spent, budget === undefined ? "No process that reads has told." : [window, reserve > 0 ? `${count(reserve)} of them kept for a start after a crash` : ""].filter(Boolean).join("; "), { unknown: budget === undefined });
    this.#spent.draw(budget?.used, budget?.limit, `${spent} ${window}`, reserve);

    const sweep = r.sweep;
    const left = sweep?.endsAt === undefined ? undefined : (sweep.endsAt - at) / 1000;
    const asked = r.watchedUsers === undefined || sweep?.left === undefined ? undefined : Math.max(0, r.watchedUsers - sweep.left);
    const so = asked === undefined ? "" : `${count(asked)} of ${count(r.watchedUsers)} users asked`;
    const takes = r.sweepSeconds === undefined ? "" : `Everyone is asked within ${duration(sweep?.lastSeconds ?? r.sweepSeconds)}${r.intervalSeconds === undefined ? "" : `; ${duration(r.intervalSeconds)} is wanted`}.`;
    this.#tiles.sweep.draw(
      !s.status.live ? "not while reads fail" : r.watchedUsers === 0 ? "nobody to ask" : left === undefined ? UNKNOWN : left < -2 ? `${duration(-left)} late` : left < 0.5 ? "now" : `in ${duration(left)}`,
      asked ? `${so}. ${takes}` : takes,
      { unknown: !s.status.live || (left === undefined && r.watchedUsers !== 0) },
    );
    const whole = sweep?.endsAt === undefined || sweep.startedAt === undefined ? undefined : (sweep.endsAt - sweep.startedAt) / 1000;
    this.#swept.draw(!s.status.live || whole === undefined || left === undefined ? undefined : Math.max(0, whole - left), whole, so || UNKNOWN);

    this.#tiles.ages.draw(
      duration(ages.p50),
      ages.p50 === undefined ? "Nobody’s state is held." : `median; 99 % within ${duration(ages.p99)}, the oldest ${duration(ages.oldest)}`,
      { unknown: ages.p50 === undefined },
    );
    const rest = [ages.pending ? `${count(ages.pending)} not read yet` : "", ages.gone ? `${count(ages.gone)} unknown to Graph` : ""].filter(Boolean).join(", ");
    this.#tiles.watched.draw(count(r.watchedUsers), ages.held === undefined ? "" : `${count(ages.held)} have a state here${rest === "" ? "" : `, ${rest}`}`, { unknown: r.watchedUsers === undefined });
    this.#tiles.changes.draw(rate(r.changesPerSecond), r.regressedReads ? `${count(r.regressedReads)} answers of lagging replicas dropped so far` : "states that turned out to be new", { unknown: r.changesPerSecond === undefined });
    this.#tiles.reads.draw(rate(r.requestsPerSecond), outcomes(r), { unknown: r.requestsPerSecond === undefined });
  }

  #serving(s: Stats): void {
    const v = s.serving;
    this.#tiles.connections.draw(count(v.connections), v.limit === undefined ? "" : `of ${count(v.limit)} that this process takes`, { unknown: v.connections === undefined });
    this.#full.draw(v.connections, v.limit, `${count(v.connections)} of ${count(v.limit)}`);
    this.#tiles.deliveries.draw(
      rate(v.deliveriesPerSecond),
      v.readToSendP50 === undefined ? "states handed to readers’ sockets" : `half sent within ${duration(v.readToSendP50)} of Graph’s answer, 99 % within ${duration(v.readToSendP99)}`,
      { unknown: v.deliveriesPerSecond === undefined },
    );
    const passedOver = conflation(s);
    this.#tiles.conflation.draw(percent(passedOver), "of new states, for readers too slow to take them before the next", { unknown: passedOver === undefined });
  }

  /** What all of it depends on. */
  #stand(s: Stats): void {
    const { at, budget, reading: r, hub, status } = s;
    const paused = budget?.pausedUntil !== undefined && budget.pausedUntil > at;
    this.#say("Graph", ...graph(s, paused));
    this.#say("Hub", hub.connected ? "good" : "bad", hub.kind === "redis" ? (hub.connected ? "Redis, connected" : "Redis, not connected") : hub.connected ? "in memory" : "not connected");
    const who = r.process || (r.here === true ? "this process" : "another process");
    const reads = r.since === undefined ? undefined : `${who}${r.here ? ", this process," : ""} reads since ${moment(r.since, at)}`;
    if (status.reason === "no_poller") this.#say("Lease", "bad", "nobody reads");
    else this.#say("Lease", reads === undefined ? "unknown" : "good", reads ?? UNKNOWN);
    const token = r.credentialExpiresSeconds;
    const certificate = r.certificateExpiresSeconds === undefined ? "" : `; certificate ${life(r.certificateExpiresSeconds)}`;
    if (token !== undefined) this.#say("Credential", token < 120 ? "bad" : "good", `token ${life(token)}${certificate}`);
    else this.#say("Credential", "unknown", r.here === undefined ? UNKNOWN : `end of the token unknown${certificate}`);
  }

  #say(name: string, standing: "good" | "bad" | "warn" | "unknown", text: string): void {
    const said = this.#standing.get(name)!;
    setText(said, text);
    said.dataset.standing = standing;
  }

  #plot(name: Name, what: string, text: (n: number | undefined) => string): void {
    const { times } = this.#history;
    const values = this.#history.of(name);
    const known = values.filter((v) => v !== null);
    const span = times.length < 2 ? 0 : times.at(-1)! - times[0]!;
    const label =
      known.length < 2
        ? `${what}: not known for long enough to be drawn`
        : `${what} over the last ${duration(span)}: now ${text(values.at(-1) ?? undefined)}, between ${text(Math.min(...known))} and ${text(Math.max(...known))}`;
    this.#plots[name].draw(times, [values], label);
  }
}

function plot(): Plot {
  return new Plot([{ colour: "--accent", filled: true }]);
}

function graph({ at, status, budget, reading: r }: Stats, paused: boolean): ["good" | "bad" | "warn" | "unknown", string] {
  if (paused) return ["bad", `paused until ${moment(budget!.pausedUntil, at)}`];
  if (status.reason === "unauthorized") return ["bad", "refuses the credential"];
  if (status.reason === "graph_unavailable") return ["bad", "does not answer"];
  if (r.trouble !== undefined) return ["warn", `the last read failed (${r.trouble.code})`];
  return r.here === undefined ? ["unknown", UNKNOWN] : ["good", "answers"];
}

function life(seconds: number): string {
  return seconds <= 0 ? "has expired" : `good for ${duration(seconds)}`;
}

/** How many requests ended how since the reading process began, the most first. */
function outcomes({ requests, since }: Reading): string {
  const all = [...requests].sort(([, a], [, b]) => b - a);
  if (all.length === 0) return since === undefined ? "" : "none so far";
  return all.map(([code, n]) => `${count(n)} ${code === "200" ? "answered" : /^\d+$/.test(code) ? `refused with ${code}` : `ended: ${code}`}`).join(", ");
}
