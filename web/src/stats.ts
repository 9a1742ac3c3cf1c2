/** Why readers are told that states may be old; the gateway's `status` has the same. */
export type Reason = "graph_unavailable" | "throttled" | "unauthorized" | "hub_unavailable" | "no_poller" | (string & {});

/** What an operator is told by `GET /v1/stats`. What the gateway does not know is undefined, and never 0. Times are Unix ms. */
export interface Stats {
  readonly at: number;
  readonly version: string;
  /** Which process answered. */
  readonly process: { readonly name: string; readonly since: number | undefined };
  readonly status: { readonly live: boolean; readonly reason: Reason | undefined; readonly since: number | undefined };
  readonly budget: Budget | undefined;
  readonly reading: Reading;
  readonly ages: { readonly held: number | undefined; readonly pending: number | undefined; readonly gone: number | undefined; readonly p50: number | undefined; readonly p99: number | undefined; readonly oldest: number | undefined };
  readonly serving: Serving;
  readonly hub: { readonly kind: string; readonly connected: boolean };
}

/** Reads that Graph allows. */
export interface Budget {
  readonly used: number;
  readonly limit: number;
  readonly windowSeconds: number | undefined;
  /** Of the limit, what only the first window after an unclean start may spend. */
  readonly reserve: number | undefined;
  readonly onReserve: boolean;
  /** Of the full pace, 0 to 1. */
  readonly pace: number | undefined;
  readonly pausedUntil: number | undefined;
}

/** How the reading goes, in whichever process does it. */
export interface Reading {
  readonly here: boolean | undefined;
  readonly process: string;
  readonly ageSeconds: number | undefined;
  readonly since: number | undefined;
  readonly watchedUsers: number | undefined;
  readonly intervalSeconds: number | undefined;
  readonly sweepSeconds: number | undefined;
  readonly sweep: { readonly startedAt: number | undefined; readonly endsAt: number | undefined; readonly left: number | undefined; readonly lastSeconds: number | undefined } | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly changesPerSecond: number | undefined;
  /** Since it began to read, by the status of Graph's answer. */
  readonly requests: ReadonlyMap<string, number>;
  readonly regressedReads: number | undefined;
  readonly credentialExpiresSeconds: number | undefined;
  readonly certificateExpiresSeconds: number | undefined;
  readonly trouble: { readonly since: number | undefined; readonly reason: Reason; readonly code: string; readonly text: string } | undefined;
}

/** What the process that answered does for its readers. */
export interface Serving {
  readonly connections: number | undefined;
  readonly limit: number | undefined;
  readonly draining: boolean;
  readonly deliveriesPerSecond: number | undefined;
  readonly conflatedPerSecond: number | undefined;
  readonly readToSendP50: number | undefined;
  readonly readToSendP99: number | undefined;
}

/** Makes sense of an answer; throws where it is none. */
export function readStats(json: unknown): Stats {
  const all = fields(json);
  const at = time(all.at);
  if (at === undefined) throw new TypeError("not the figures of a gateway");
  const [process, status, budget, reading, ages, serving, hub] = ["process", "status", "budget", "reading", "ages", "serving", "hub"].map((name) => fields(all[name])) as [F, F, F, F, F, F, F];
  const used = number(budget.used);
  const limit = number(budget.limit);
  return {
    at,
    version: text(all.version),
    process: { name: text(process.name), since: time(process.since) },
    status: { live: status.state === "live", reason: text(status.reason) || undefined, since: time(status.since) },
    budget:
      used === undefined || limit === undefined
        ? undefined
        : {
            used,
            limit,
            windowSeconds: number(budget.windowSeconds),
            reserve: number(budget.reserve),
            onReserve: budget.onReserve === true,
            pace: number(budget.pace),
            pausedUntil: time(budget.pausedUntil),
          },
    reading: readReading(reading),
    ages: { held: number(ages.held), pending: number(ages.pending), gone: number(ages.gone), ...readAges(ages) },
    serving: {
      connections: number(serving.connections),
      limit: number(serving.limit),
      draining: serving.draining === true,
      deliveriesPerSecond: number(serving.deliveriesPerSecond),
      conflatedPerSecond: number(serving.conflatedPerSecond),
      readToSendP50: number(serving.readToSendP50Seconds),
      readToSendP99: number(serving.readToSendP99Seconds),
    },
    hub: { kind: text(hub.kind), connected: hub.connected === true },
  };
}

function readReading(f: F): Reading {
  const sweep = fields(f.sweep);
  const trouble = fields(f.trouble);
  return {
    here: f.from === "this process" ? true : f.from === "another process" ? false : undefined,
    process: text(f.process),
    ageSeconds: number(f.ageSeconds),
    since: time(f.since),
    watchedUsers: number(f.watchedUsers),
    intervalSeconds: number(f.intervalSeconds),
    sweepSeconds: number(f.sweepSeconds),
    sweep: f.sweep === undefined ? undefined : { startedAt: time(sweep.startedAt), endsAt: time(sweep.endsAt), left: number(sweep.left), lastSeconds: number(sweep.lastSeconds) },
    requestsPerSecond: number(f.requestsPerSecond),
    changesPerSecond: number(f.changesPerSecond),
    requests: new Map(Object.entries(fields(f.requests)).flatMap(([code, n]) => (number(n) === undefined ? [] : [[code, n as number]]))),
    regressedReads: number(f.regressedReads),
    credentialExpiresSeconds: number(f.credentialExpiresSeconds),
    certificateExpiresSeconds: number(f.certificateExpiresSeconds),
    trouble: f.trouble === undefined ? undefined : { since: time(trouble.since), reason: text(trouble.reason), code: text(trouble.code), text: text(trouble.text) },
  };
}

/** Of no states at all there is no age: the gateway then says 0. */
function readAges(f: F): Pick<Stats["ages"], "p50" | "p99" | "oldest"> {
  if (!((number(f.held) ?? 0) > 0)) return { p50: undefined, p99: undefined, oldest: undefined };
  return { p50: number(f.p50Seconds), p99: number(f.p99Seconds), oldest: number(f.oldestSeconds) };
}

type F = Record<string, unknown>;

function fields(v: unknown): F {
  return typeof v === "object" && v !== null ? (v as F) : {};
}

function text(v: unknown): string {
  return typeof v === "string" ? v : "";
}

function number(v: unknown): number | undefined {
  return typeof v === "number" && Number.isFinite(v) ? v : undefined;
}

function time(v: unknown): number | undefined {
  const at = typeof v === "string" ? Date.parse(v) : NaN;
  return Number.isNaN(at) ? undefined : at;
}
