package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// The size of the run. PRESENCE_SOAK, a duration, is how long faults come and go; make soak sets it to longer.
const (
	crowdUsers    = 10_000
	crowdChanges  = 100
	crowdWatchers = 200
	watchedByEach = 100
	crowdInterval = 2 * time.Second
)

// faults are the ways in which Graph misbehaves for a while. The gateway must go on through each of them.
var faults = []string{
	`{"latency":{"ms":300,"jitterMs":700}}`,
	`{"status":{"status":429,"retryAfter":1,"share":0.1}}`,
	`{"status":{"status":429,"retryAfter":2,"count":1},"retryAfter":{"form":"date"}}`,
	`{"status":{"status":503,"retryAfter":1,"share":0.4}}`,
	`{"status":{"status":500,"share":0.5}}`,
	`{"html":{"status":502,"share":0.3}}`,
	`{"cut":{"share":0.3}}`,
	`{"reset":{"share":0.3}}`,
	`{"malformed":{"share":0.3}}`,
	`{"lag":{"ms":4000,"share":0.3}}`,
	`{"missing":{"share":0.02},"shuffle":{},"foreign":{"count":50},"extra":{}}`,
	`{"split":{"share":0.05}}`,
	`{"noSequence":{}}`,
	`{"noSequence":{"share":0.2},"lag":{"ms":2000,"share":0.1}}`,
	`{"wrongEntity":{"share":0.2},"gzip":{}}`,
	`{"unknown":{"share":0.02},"innerError":{"spelling":"innererror"},"status":{"status":504,"share":0.2}}`,
}

// crowd is a running system with watchers, and what happened in it.
type crowd struct {
	*testing.T
	tenant   *tenant
	watchers []*watcher
	truth    map[string][]held // of the tenant, from its journal
	last     int               // of the journal
}

// outage makes every read fail in one way, and checks that every watcher is told within 10 s, and told when it ends.
func (c *crowd) outage(fault, reason string) {
	c.Helper()
	began := time.Now()
	c.tenant.ask("PUT", "/sim/faults", fault, nil)
	c.allTold(false, reason, began.Add(10*time.Second))
	announced := time.Since(began)
	c.tenant.ask("DELETE", "/sim/faults", "", nil)
	ended := time.Now()
	c.allTold(true, "", ended.Add(10*time.Second+crowdInterval+5*time.Second)) // a read within 10 s, then a sweep
	c.Logf("%s: announced to everyone after %v, its end after %v", reason, announced.Round(time.Millisecond), time.Since(ended).Round(time.Millisecond))
}

func (c *crowd) allTold(live bool, reason string, deadline time.Time) {
	c.Helper()
	eventually(c.T, time.Until(deadline), fmt.Sprintf("everyone is told live %v %s", live, reason), func() bool {
		return !slices.ContainsFunc(c.watchers, func(w *watcher) bool {
			w.mu.Lock()
			defer w.mu.Unlock()
			last := len(w.statuses) - 1
			return last < 0 || w.statuses[last].live != live || w.statuses[last].reason != reason
		})
	})
}

// follow adds what happened in the tenant since it was last asked.
func (c *crowd) follow() {
	c.Helper()
	changes, last := c.tenant.changes(c.last)
	c.last = last
	for _, change := range changes {
		c.truth[change.user] = append(c.truth[change.user], change.held)
	}
}

// converged reports whether every watcher holds the tenant's state of everyone who has not changed for a while.
func (c *crowd) converged(quiet time.Duration, complain bool) bool {
	c.Helper()
	truth := c.tenant.truth()
	now := time.Now()
	compared, wrong, all := 0, 0, 0
	for _, w := range c.watchers {
		w.mu.Lock()
		for _, user := range w.users {
			is := truth[user]
			all++
			if now.Sub(is.at) < quiet {
				continue
			}
			compared++
			if holds := w.last(user); holds.availability != is.availability || holds.activity != is.activity {
				if wrong++; complain && wrong < 4 {
					c.Errorf("%s has been %s/%s for %v, but a watcher holds %s/%s of version %s since %v",
						user, is.availability, is.activity, now.Sub(is.at), holds.availability, holds.activity, holds.version, now.Sub(holds.at))
				}
			}
		}
		w.mu.Unlock()
	}
	if complain {
		c.Logf("%d of %d states compared with the tenant's, %d differ", compared, all, wrong)
	}
	return wrong == 0 && compared > all/2
}

// settle waits until every watcher holds the tenant's state. The comparison is not cheap, and made now and then.
func (c *crowd) settle(quiet, within time.Duration) {
	c.Helper()
	for deadline := time.Now().Add(within); ; pause(c.T, 500*time.Millisecond) {
		if over := time.Now().After(deadline); c.converged(quiet, over) {
			c.Logf("everyone holds the tenant's state %v before the deadline", time.Until(deadline).Round(time.Millisecond))
			return
		} else if over {
			c.Fatalf("not within %v: everyone holds the tenant's state", within)
		}
	}
}

// wrong returns how long watchers held something other than the truth while told that all was live, stretch by
// stretch, in rising order, as far as it began between two moments.
func (c *crowd) wrong(from, to time.Time) (stretches []time.Duration) {
	for _, w := range c.watchers {
		w.mu.Lock()
		for _, user := range w.users {
			w.whileLive(to, func(begin, end time.Time) {
				stretches = append(stretches, disagreements(c.truth[user], w.history[user], latest(begin, from), earliest(end, to))...)
			})
		}
		w.mu.Unlock()
	}
	slices.Sort(stretches)
	return stretches
}

// disagreements walks through both histories at once.
func disagreements(truth, history []held, from, to time.Time) (stretches []time.Duration) {
	var is, holds held
	var since time.Time
	step := func(at time.Time) {
		differs := is.availability != "" && holds.availability != "" && (is.availability != holds.availability || is.activity != holds.activity)
		at = latest(at, from)
		if differs && since.IsZero() {
			since = at
		} else if !differs && !since.IsZero() {
			if at.After(since) {
				stretches = append(stretches, at.Sub(since))
			}
			since = time.Time{}
		}
	}
	for len(truth)+len(history) > 0 {
		var at time.Time
		if len(history) == 0 || len(truth) > 0 && truth[0].at.Before(history[0].at) {
			at, is, truth = truth[0].at, truth[0], truth[1:]
		} else {
			at, holds, history = history[0].at, history[0], history[1:]
		}
		if at.After(to) {
			break
		}
		step(at)
	}
	is, holds = held{}, held{}
	step(to)
	return stretches
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func earliest(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (c *crowd) report(what string, from, to time.Time) time.Duration {
	c.Helper()
	stretches := c.wrong(from, to)
	if len(stretches) == 0 {
		c.Logf("%s: nothing wrong was held while live", what)
		return 0
	}
	at := func(share float64) time.Duration {
		return stretches[int(share*float64(len(stretches)-1))].Round(time.Millisecond)
	}
	c.Logf("%s: wrong while told live, %d stretches: p50 %v, p99 %v, max %v", what, len(stretches), at(.5), at(.99), at(1))
	return at(1)
}

// Two processes, a tenant of 10,000 who change 100 times a second, 200 clients of 100 users each, and everything that
// Graph, the network and the kernel can do to them: in the end every client holds exactly the tenant's state, no
// version ever went back, and the tenant never counted more reads than it grants.
func TestCrowdThroughFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	soak := 15 * time.Second
	if text := os.Getenv("PRESENCE_SOAK"); text != "" {
		var err error
		if soak, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano()) //nolint:gosec // any
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))

	c := &crowd{T: t, truth: map[string][]held{}}
	c.tenant = startTenant(t, "--users", fmt.Sprint(crowdUsers), "--changes-per-second", fmt.Sprint(crowdChanges), "--seed", "7")
	people := c.tenant.people()
	g := startGateway(t, c.tenant, t.TempDir(), openDoor, "PRESENCE_GRAPH_INTERVAL="+crowdInterval.String(), "PRESENCE_GRAPH_SEQUENCE_RESET_AFTER=6s")

	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	for range crowdWatchers {
		w := &watcher{t: t, address: g.address, history: map[string][]held{}}
		for range watchedByEach {
			w.users = append(w.users, people[dice.IntN(len(people))].ID)
		}
		slices.Sort(w.users)
		w.users = slices.Compact(w.users)
		c.watchers = append(c.watchers, w)
		running.Go(func() { w.run(ctx) })
	}
	c.allTold(true, "", time.Now().Add(10*time.Second))
	c.settle(2*crowdInterval, 20*time.Second)

	healthy := time.Now()
	pause(t, 15*time.Second)
	c.follow()
	for _, w := range c.watchers {
		w.mu.Lock()
		if len(w.statuses) != 1 || w.failures > 0 {
			t.Errorf("in a healthy run a watcher was told %+v, and lost its connection %d times", w.statuses, w.failures)
		}
		w.mu.Unlock()
	}
	if worst := c.report("healthy", healthy, time.Now()); worst > crowdInterval+25*time.Millisecond+time.Second {
		t.Errorf("a state was wrong while live for %v: more than the interval, the flush and 1 s", worst)
	}

	c.outage(`{"status":{"status":503}}`, "graph_unavailable")
	c.outage(`{"reset":{}}`, "graph_unavailable")
	c.outage(`{"unauthorized":{}}`, "unauthorized")

	stormy := time.Now()
	poisoned := people[dice.IntN(len(people))].ID
	for began := time.Now(); time.Since(began) < soak; {
		fault := faults[dice.IntN(len(faults))]
		if dice.IntN(4) == 0 {
			fault = fmt.Sprintf(`{"poison":{"ids":[%q],"status":404}}`, poisoned)
		}
		c.tenant.ask("PUT", "/sim/faults", fault, nil)
		pause(t, time.Duration(2+dice.IntN(4))*time.Second)
		if dice.IntN(3) == 0 {
			c.tenant.ask("DELETE", "/sim/faults", "", nil)
			pause(t, time.Second)
		}
		c.follow()
	}
	c.tenant.ask("PUT", "/sim/faults", `{"sequenceReset":{}}`, nil)
	pause(t, 2*time.Second)
	g.signal(syscall.SIGKILL)
	<-g.ended
	c.tenant.ask("DELETE", "/sim/faults", "", nil)
	again := g.again(t)
	t.Logf("killed and started again; ready after %v", time.Since(again.started).Round(time.Millisecond))
	c.follow()
	c.report("with faults", stormy, time.Now())

	c.tenant.setPresence(poisoned, "Away", "Away")
	const quiet = 2*crowdInterval + 5*time.Second
	c.settle(quiet, quiet+40*time.Second)
	c.allTold(true, "", time.Now().Add(10*time.Second))

	var s struct {
		Reads, Refused, Peak, DuringRetryAfterLate, RepeatedEarly int
	}
	c.tenant.ask("GET", "/sim/stats", "", &s)
	t.Logf("reads %d, refused %d, peak in any window %d, inside a Retry-After %d, repeated before their own %d",
		s.Reads, s.Refused, s.Peak, s.DuringRetryAfterLate, s.RepeatedEarly)
	if s.Peak > 1500 {
		t.Errorf("%d reads in one window, more than 1500", s.Peak)
	}
	if s.DuringRetryAfterLate+s.RepeatedEarly > 0 {
		t.Errorf("%d reads inside a Retry-After, %d repeated before their own", s.DuringRetryAfterLate, s.RepeatedEarly)
	}
}

// again starts the same gateway anew, on the same ports and with the same record.
func (g *gatewayProcess) again(t testing.TB) *gatewayProcess {
	t.Helper()
	next := &gatewayProcess{address: g.address, admin: g.admin}
	next.process = start(t, g.command.Env[2:], g.command.Args[1:]...)
	eventually(t, 15*time.Second, "readiness", func() bool {
		status, _ := request(t, "GET", "http://"+g.admin+"/readyz", "")
		return status == http.StatusOK
	})
	return next
}

// pause lets real processes live for a while: it waits for no state, it is the time that something is measured in.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}
