package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func planCommand() *cobra.Command {
	d := config.Default()
	f := forecast{watched: 50, changes: 2.6}
	cmd := &cobra.Command{
		Use:   "plan --users N --connections C",
		Short: "Reckon what a deployment needs: sweep time, share of the budget, memory, messages a second",
		Long: `Reckon what a deployment needs, by formula: one process, and what more of them on a Redis add. Each figure says what it follows from; constants were
measured, and say on what.

What cannot work is said so at the end, with the remedy.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return usageError{err}
			}
			f.report(cmd.OutOrStdout())
			return nil
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.users, "users", 0, "how many users are watched (required)")
	flags.IntVar(&f.connections, "connections", 0, "how many clients are connected")
	flags.IntVar(&f.watched, "watched-per-connection", f.watched, "how many users each of them watches")
	flags.Float64Var(&f.changes, "changes-per-user-hour", f.changes, "how often a user's presence changes in an hour")
	flags.StringVar(&f.read, "read", d.Graph.Read, "graph.read: batch, users, communications or me")
	flags.IntVar(&f.requests, "requests", d.Graph.Budget.Requests, "graph.budget.requests")
	flags.DurationVar(&f.window, "window", d.Graph.Budget.Window, "graph.budget.window")
	flags.DurationVar(&f.interval, "interval", d.Graph.Interval, "graph.interval")
	flags.DurationVar(&f.heartbeat, "heartbeat", d.Gateway.Heartbeat, "gateway.heartbeat")
	return cmd
}

// What one process was measured to take, on Linux with the default configuration: resident memory of serve alone, with
// 100,000 users; with 500 and 2,000 connections of bench that watch 50 or 1,000 users each, under load; the bytes that
// bench counted.
const (
	processBytes    = 20_000_000
	userBytes       = 540 // hub 205, plan 141, and half as much for the collector
	connectionBytes = 20_000
	watchBytes      = 24  // each user that a connection watches
	stateBytes      = 245 // one presence with the default privacy.fields
	frameBytes      = 36  // around the presences of one message
	heartbeatBytes  = 95
	redisBytes      = 1_000_000 // a Redis that holds nobody
	redisUserBytes  = 1024
)

// batchSize is how many users one request of a batch reads at most (getPresencesByUserId).
const batchSize = 650

const (
	slow = 5 * time.Minute // sweeps above it are nothing to look at live
	most = time.Hour       // and above this one, most changes are never seen
)

// forecast is what plan is asked, and reckons from.
type forecast struct {
	users, connections, watched int
	changes                     float64
	read                        string
	requests                    int
	window, interval, heartbeat time.Duration
}

func (f *forecast) check() error {
	switch {
	case f.users < 1:
		return errors.New("--users is missing: say how many users are watched, 1 or more")
	case f.connections < 0:
		return errors.New("--connections: want 0 or more")
	case max(f.users, f.connections, f.watched, f.requests) > 1_000_000_000:
		return errors.New("no deployment has more than 1,000,000,000 of anything")
	case f.watched < 0 || f.changes < 0 || math.IsNaN(f.changes) || math.IsInf(f.changes, 0):
		return errors.New("--watched-per-connection and --changes-per-user-hour: want 0 or more")
	case !slices.Contains([]string{"batch", "users", "communications", "me"}, f.read):
		return fmt.Errorf("--read %q: want batch, users, communications or me", f.read)
	case f.requests < 2:
		return fmt.Errorf("--requests %d: want 2 or more, some of it is the reserve", f.requests)
	case f.window <= 0 || f.interval <= 0 || f.heartbeat <= 0:
		return errors.New("--window, --interval and --heartbeat: want more than 0")
	}
	return nil
}

// reading is what the poller does.
type reading struct {
	perRequest, requests int           // users in a request; requests in a sweep
	pace                 float64       // requests a second
	sweep, every         time.Duration // as fast as the budget allows; as slow as the interval allows
	share                float64       // of the budget
}

func (f *forecast) reading() reading {
	r := reading{perRequest: 1}
	if f.read == "batch" {
		r.perRequest = batchSize
	}
	r.requests = (f.users + r.perRequest - 1) / r.perRequest
	r.pace = float64(f.requests-max(1, f.requests/10)) / f.window.Seconds()
	seconds := float64(r.requests) / r.pace
	r.sweep = time.Duration(min(seconds, math.MaxInt64/4/float64(time.Second)) * float64(time.Second))
	r.every = max(r.sweep, f.interval)
	r.share = float64(r.requests) / max(seconds, f.interval.Seconds()) / (float64(f.requests) / f.window.Seconds())
	return r
}

// serving is what the gateway does.
type serving struct {
	watched           int     // by each connection; not more than there are
	states, heartbeat float64 // a second
	bytes             float64 // a second
	memory            float64
	snapshot          float64 // bytes of one connection's first states
}

func (f *forecast) serving() serving {
	s := serving{watched: min(f.watched, f.users)}
	connections := float64(f.connections)
	s.states = connections * float64(s.watched) * f.changes / 3600
	s.heartbeat = connections / f.heartbeat.Seconds()
	s.bytes = s.states*(stateBytes+frameBytes) + s.heartbeat*heartbeatBytes
	s.memory = processBytes + float64(f.users)*userBytes + connections*float64(connectionBytes+watchBytes*s.watched)
	s.snapshot = float64(s.watched) * stateBytes
	return s
}

func (f *forecast) report(w io.Writer) {
	r, s := f.reading(), f.serving()
	line := func(name, value, from string) {
		const margin, width = 38, 79
		lead := fmt.Sprintf("  %-22s %12s", name, value)
		for _, part := range wrap(from, width-margin) {
			fmt.Fprintf(w, "%-*s%s\n", margin, lead, part)
			lead = ""
		}
	}
	fmt.Fprintln(w, "Given")
	line("users", count(float64(f.users)), "--users")
	line("connections", count(float64(f.connections)), "--connections")
	line("watched by each", count(float64(s.watched)), "--watched-per-connection, all users at most")
	line("changes", fmt.Sprintf("%g", f.changes), "an hour and user: --changes-per-user-hour")
	line("read", f.read, fmt.Sprintf("--read: %s in a request", people(r.perRequest)))
	line("budget", fmt.Sprintf("%d in %s", f.requests, brief(f.window)), "--requests, --window")
	line("interval", brief(f.interval), "--interval")
	line("heartbeat", brief(f.heartbeat), "--heartbeat")
	line("memory of a user", size(userBytes), "measured with 100,000 users")
	line("memory of a connection", size(float64(connectionBytes+watchBytes*s.watched)), fmt.Sprintf("%s, and %d B for each that it watches; measured with 500 and 2,000 under load", size(connectionBytes), watchBytes))
	line("memory of the process", size(processBytes), "measured with nobody connected")
	line("a state", size(stateBytes), fmt.Sprintf("measured with the default privacy.fields; a message around it %d B", frameBytes))
	fmt.Fprintln(w, "Reading")
	line("requests in a sweep", count(float64(r.requests)), "users / users in a request, rounded up")
	line("pace", fmt.Sprintf("%.4g/s", r.pace), "(budget - a tenth, the reserve) / window")
	line("sweep", brief(r.sweep), "requests in a sweep / pace")
	line("all are read every", brief(r.every), "the longer of sweep and interval")
	line("a change is seen after", brief(r.every/2), fmt.Sprintf("on average, at the latest %s, when all are read in turn; Graph's own delay comes on top", brief(r.every)))
	line("share of the budget", fmt.Sprintf("%.1f%%", 100*r.share), "requests in a sweep / (all are read every) / (budget / window)")
	fmt.Fprintln(w, "Serving")
	line("states sent", count(s.states)+"/s", "connections x watched by each x changes / 3600; conflation makes them fewer")
	line("messages", count(s.states+s.heartbeat)+"/s", fmt.Sprintf("at most: a state each, and connections / heartbeat = %s/s", count(s.heartbeat)))
	line("bytes", size(s.bytes)+"/s", fmt.Sprintf("states x (state + message), and heartbeats of %d B; TCP and TLS come on top", heartbeatBytes))
	line("memory", size(s.memory), "process + users x memory of a user + connections x memory of a connection")
	line("first states", size(s.snapshot), fmt.Sprintf("for each connection: watched by each x state; %s when all come back at once", size(s.snapshot*float64(f.connections))))
	fmt.Fprintln(w, "With hub.kind: redis")
	line("memory of Redis", size(redisBytes+float64(f.users)*redisUserBytes), fmt.Sprintf("%s + users x %s", size(redisBytes), size(redisUserBytes)))
	line("each more process", size(processBytes+float64(f.users)*userBytes), "process + users x memory of a user: every process holds everybody; connections are divided among them")
	line("messages in Redis", fmt.Sprintf("%s/s", count(messagesInRedis(f, r))), fmt.Sprintf("to each process: a beat a second for each of %d shards, and at most one for each change", presence.Shards))
	f.judge(w, r, s)
}

// messagesInRedis is how many messages a second each process hears at most: a read touches as many shards as users of it
// have changed.
func messagesInRedis(f *forecast, r reading) float64 {
	reads := float64(r.requests) / r.every.Seconds()
	changed := float64(f.users) * f.changes / 3600
	return presence.Shards + min(reads*presence.Shards, changed)
}

// judge says what cannot work, or only badly, and what to do.
func (f *forecast) judge(w io.Writer, r reading, s serving) {
	found := findings{w: w}
	limits := config.Default()
	fmt.Fprintln(w, "Verdict")
	switch {
	case f.read == "me" && f.users > 1:
		found.fail("reading", fmt.Sprintf("not feasible: me reads the signed-in person alone, not %s", people(f.users)), "use --read batch")
	case r.sweep > most && r.perRequest == 1:
		found.fail("reading", fmt.Sprintf("not feasible: with one user in a request a sweep takes %s, and most changes would never be seen", brief(r.sweep)),
			fmt.Sprintf("use --read batch, with which it takes %s; or watch %s at most (%s each)", brief(f.batched()), people(f.within(slow)), brief(slow)))
	case r.sweep > most:
		found.fail("reading", fmt.Sprintf("not feasible: a sweep takes %s, and most changes would never be seen", brief(r.sweep)), f.fewer())
	case r.sweep > slow && r.perRequest == 1:
		found.warn("reading", fmt.Sprintf("a sweep takes %s: too slow to look at live", brief(r.sweep)), fmt.Sprintf("use --read batch, with which it takes %s", brief(f.batched())))
	case r.sweep > slow:
		found.warn("reading", fmt.Sprintf("a sweep takes %s: too slow to look at live", brief(r.sweep)), f.fewer())
	case r.sweep > f.interval:
		found.ok("reading", fmt.Sprintf("feasible; the budget stretches the interval of %s to %s. Who changes often, or is watched by many, is read more often than that, others after 4 sweeps at the latest", brief(f.interval), brief(r.sweep)))
	default:
		found.ok("reading", fmt.Sprintf("feasible: everyone within the interval of %s", brief(f.interval)))
	}
	if f.users > limits.Watch.MaxUsers {
		found.warn("users", "more than watch.max_users allows by default", fmt.Sprintf("set it to %d", f.users))
	}
	if f.connections > limits.Gateway.Limits.Connections {
		found.warn("connections", "more than gateway.limits.connections allows by default", fmt.Sprintf("set it to %d, and let the process open as many files", f.connections))
	}
	if s.watched > limits.Gateway.Limits.UsersPerConnection {
		found.warn("watched", "more by each connection than gateway.limits.users_per_connection allows by default", `let them watch groups, or "*", which do not count; or raise it`)
	}
	if s.bytes > lineBytes {
		found.fail("sending", fmt.Sprintf("not feasible for one machine: %s/s are more than a line of 1 Gbit/s carries", size(s.bytes)), "watch fewer users on each connection, show fewer changes with a longer graph.interval, or serve by several machines, with hub.kind: redis")
	}
}

// lineBytes is what a line of 1 Gbit/s carries, in bytes a second, with what TCP and TLS add.
const lineBytes = 100_000_000

func (f *forecast) fewer() string {
	return fmt.Sprintf("watch %s at most (a sweep of %s), such as by watch.on_demand; the budget is one tenant's, and cannot be bought", people(f.within(slow)), brief(slow))
}

// batched is a sweep of the same users by batches.
func (f *forecast) batched() time.Duration {
	b := *f
	b.read = "batch"
	return b.reading().sweep
}

// within is how many users a sweep of d reads.
func (f *forecast) within(d time.Duration) int {
	r := f.reading()
	return int(r.pace*d.Seconds()) * r.perRequest
}
