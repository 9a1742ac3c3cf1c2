import { count, duration, moment, percent } from "./amount.ts";
import type { Reason, Stats } from "./stats.ts";

/** What stands badly, what that means, and what to do about it. */
export interface Advice {
  /** `bad` hurts readers now; `warn` may soon, or some of them; `info` explains what is as it should be. */
  readonly tone: "bad" | "warn" | "info";
  readonly title: string;
  readonly means: string;
  readonly remedy: string;
}

const DAY = 86_400;

/** All that an operator should know of figures, the worst first; nothing where all is well. */
export function advise(stats: Stats): Advice[] {
  const found = [outage(stats), ...reading(stats), ...serving(stats)].filter((a): a is Advice => a !== undefined);
  const order = { bad: 0, warn: 1, info: 2 };
  return found.sort((a, b) => order[a.tone] - order[b.tone]);
}

/** Why readers are told that what they see may be old. */
function outage(s: Stats): Advice | undefined {
  if (s.status.live) return undefined;
  const told = OUTAGES[s.status.reason ?? ""] ?? OUTAGES.graph_unavailable!;
  const [title, means, remedy] = told(s);
  const since = s.status.since === undefined ? "" : ` Readers have been told since ${moment(s.status.since, s.at)} that what they see is the last known state.`;
  return { tone: "bad", title, means: means + since, remedy };
}

const OUTAGES: Record<Reason, (s: Stats) => [title: string, means: string, remedy: string]> = {
  throttled: (s) => [
    "Graph asked for a pause",
    s.budget?.pausedUntil === undefined
      ? "Graph refused reads because there were too many (429)."
      : `Graph refused reads because there were too many (429). None leaves before ${moment(s.budget.pausedUntil, s.at)}, in ${duration((s.budget.pausedUntil - s.at) / 1000)}.`,
    "Wait: reading goes on by itself, more slowly at first. If it comes again, another program spends the same application’s limit, or graph.budget.requests is more than Graph allows here: give the gateway an application of its own, or lower the budget.",
  ],
  unauthorized: (s) => [
    "Graph refuses the credential",
    s.reading.trouble?.text || `Graph or its login answered ${s.reading.trouble?.code || "401 or 403"} to what graph.credential presents.`,
    "Renew the credential, or grant what it lacks: a changed file is tried within 2 s. presence-gateway check --config FILE says what is wrong and where.",
  ],
  graph_unavailable: (s) => [
    "Graph does not answer",
    s.reading.trouble === undefined ? "No read has succeeded lately." : `No read has succeeded lately; the last one ended with ${outcome(s.reading.trouble.code)}.`,
    `Look at Microsoft’s service health, and at the way from ${s.reading.process || "the process that reads"} to Graph: network, DNS, HTTPS_PROXY. A read is tried every 10 s at the latest, so that it goes on by itself.`,
  ],
  hub_unavailable: () => [
    "Redis is away",
    "This process does not hear what others read, and nobody can be sure who reads. Readers keep what they hold.",
    "Look at Redis and the way to it (hub.redis). presence-gateway check --config FILE says what it answers. Once it is back, everything goes on by itself.",
  ],
  no_poller: (s) => [
    "No process reads from Graph",
    s.hub.kind === "redis" ? "Redis answers, but no process holds the lease and reads." : "Another process holds this one’s state folder, and with it the budget.",
    s.hub.kind === "redis"
      ? "Start a process with --role all or --role poller. Where some run, their logs say why none of them begins."
      : "End the other process, or give this one a state_dir of its own and its share of graph.budget.requests.",
  ],
};

function outcome(code: string): string {
  if (code === "timeout") return "no answer in time";
  return /^\d+$/.test(code) ? `status ${code}` : "no answer";
}

function reading(s: Stats): (Advice | undefined)[] {
  const { budget, reading: r } = s;
  const sweep = r.sweepSeconds;
  const stretched = sweep !== undefined && r.intervalSeconds !== undefined && sweep > 1.05 * r.intervalSeconds;
  const paused = budget?.pausedUntil !== undefined && budget.pausedUntil > s.at;
  return [
    s.status.live && r.here === undefined
      ? {
          tone: "warn",
          title: "How the reading goes is not known here",
          means: "Reads succeed, but the process that reads has told this one nothing of its budget.",
          remedy: "It may run another version: roll all processes to one. If it stays so, look at hub.redis and its rights (docs/redis.md).",
        }
      : undefined,
    r.here === false && (r.ageSeconds ?? 0) > 10
      ? {
          tone: "warn",
          title: `Nothing heard of the reading for ${duration(r.ageSeconds)}`,
          means: `The figures of ${r.process || "the process that reads"} below are as old as that.`,
          remedy: "Where it has ended, another one takes over within 7 s. If nothing changes, look at its log.",
        }
      : undefined,
    s.status.live && paused
      ? {
          tone: "warn",
          title: "Graph asked for a pause",
          means: `Graph refused a read because there were too many (429). None leaves before ${moment(budget.pausedUntil, s.at)}.`,
          remedy: "Nothing has to be done once. If it comes again and again, lower graph.budget.requests, or find who else spends the application’s limit.",
        }
      : undefined,
    s.status.live && !paused && r.trouble !== undefined
      ? {
          tone: "warn",
          title: "The last read failed",
          means: r.trouble.text || `It ended with ${outcome(r.trouble.code)}. Readers are told when none has succeeded for 5 s.`,
          remedy: r.trouble.reason === "unauthorized" ? "Renew the credential; presence-gateway check --config FILE says what is wrong." : "It is tried again by itself.",
        }
      : undefined,
    budget?.onReserve
      ? {
          tone: "info",
          title: "On the reserve",
          means: `The process that reads cannot know what was spent before it began, so its first window spends ${count(budget.reserve)} reads at most.`,
          remedy: `The full budget is there after ${duration(budget.windowSeconds)}. If each start is like this, state_dir cannot be written or is lost with the process.`,
        }
      : undefined,
    !paused && budget?.pace !== undefined && budget.pace < 0.995
      ? {
          tone: "info",
          title: `Reads leave at ${percent(budget.pace)} of the full pace`,
          means: "Graph refused some reads lately, so the gateway holds back. The sweep takes longer meanwhile.",
          remedy: "The pace grows back within minutes.",
        }
      : undefined,
    stretched
      ? {
          tone: "info",
          title: `A sweep takes ${duration(sweep)}, not ${duration(r.intervalSeconds)}`,
          means: `${count(r.watchedUsers)} users are more than the budget allows to read every ${duration(r.intervalSeconds)}: the interval is stretched. Who changes often and is watched is read more often than others.`,
          remedy: "To shorten it, watch fewer users, or raise graph.budget.requests where Microsoft granted more. presence-gateway plan reckons what a number of users needs.",
        }
      : undefined,
    old(s),
    ...expiry(s),
  ];
}

/** States that are older than any sweep explains. */
function old({ ages, reading: r, status }: Stats): Advice | undefined {
  if (!status.live || ages.oldest === undefined || r.sweepSeconds === undefined || ages.oldest <= 4 * Math.max(r.sweepSeconds, r.intervalSeconds ?? 0) + 30) return undefined;
  return {
    tone: "warn",
    title: `Some states were last confirmed ${duration(ages.oldest)} ago`,
    means: "That is longer than any sweep takes. Half of all are younger than " + duration(ages.p50) + ".",
    remedy: "Metrics have presence_age_seconds; /debug/users/ID on the admin address says of one user when they were asked last, and what came of it.",
  };
}

function expiry({ reading: r }: Stats): (Advice | undefined)[] {
  const { certificateExpiresSeconds: certificate, credentialExpiresSeconds: token } = r;
  return [
    certificate !== undefined && certificate < 14 * DAY
      ? {
          tone: certificate < 2 * DAY ? "bad" : "warn",
          title: certificate <= 0 ? "The certificate has expired" : `The certificate expires in ${duration(certificate)}`,
          means: "With it the gateway gets its tokens for Graph. Without it nobody’s presence is read once the last token ends.",
          remedy: "Register a new certificate with the application, then replace certificate_file: it is taken within 2 s, without a restart.",
        }
      : undefined,
    token !== undefined && token < 120
      ? {
          tone: token <= 0 ? "bad" : "warn",
          title: token <= 0 ? "The token for Graph has expired" : `The token for Graph ends in ${duration(token)}`,
          means: "The gateway renews it by itself, but has not been able to yet; a token_file has to be renewed by whoever writes it.",
          remedy: "Write a new token, or see with presence-gateway check --config FILE why none is to be had.",
        }
      : undefined,
  ];
}

/** What part of new states slow readers never get, because a newer one is there before they take it. */
export function conflation({ serving: v }: Stats): number | undefined {
  if (v.conflatedPerSecond === undefined || v.deliveriesPerSecond === undefined) return undefined;
  const all = v.conflatedPerSecond + v.deliveriesPerSecond;
  return all > 0 ? v.conflatedPerSecond / all : 0;
}

function serving(s: Stats): (Advice | undefined)[] {
  const { serving: v } = s;
  const passedOver = conflation(s);
  return [
    v.draining
      ? {
          tone: "info",
          title: "This process is ending",
          means: "It was told to, and sends its readers elsewhere.",
          remedy: "Nothing has to be done: they come back to another process, or to this one once it runs again.",
        }
      : undefined,
    v.connections !== undefined && v.limit !== undefined && v.connections >= 0.9 * v.limit
      ? {
          tone: v.connections >= v.limit ? "bad" : "warn",
          title: v.connections >= v.limit ? "This process is full" : "This process is nearly full",
          means: `It holds ${count(v.connections)} of ${count(v.limit)} connections. Whoever comes when it is full is turned away with 4429, and tries again later.`,
          remedy: "Add a process, or raise gateway.limits.connections where there is memory for it; presence-gateway plan reckons how much.",
        }
      : undefined,
    passedOver !== undefined && passedOver > 0.2 && v.conflatedPerSecond! >= 1
      ? {
          tone: "warn",
          title: `${percent(passedOver)} of new states are passed over`,
          means: "Some readers are slow: before they take a state, there is a newer one, and they get that. They lose nothing but what was over already, and hold up nobody else.",
          remedy: "If it lasts, look at this process’s processor and network. Readers who take in nothing at all are closed with 4409 (presence_disconnects_total).",
        }
      : undefined,
    v.readToSendP99 !== undefined && v.readToSendP99 > 1
      ? {
          tone: "warn",
          title: `One state in a hundred takes ${duration(v.readToSendP99)} or more to be sent`,
          means: "That is from Graph’s answer to the reader’s socket, and a tenth of it is usual.",
          remedy: "This process lacks processor time, or Redis is slow: add a process, or look at the load of both.",
        }
      : undefined,
  ];
}
