package main_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// scenario is a tenant whose people live an office day, faster than real, and a budget that is too small for them.
type scenario struct {
	name           string
	people         int
	read           string  // batch or users
	speed          float64 // of the day
	requests       int     // of the budget, in window
	window         time.Duration
	warm, measured time.Duration // real: what is learned in, and whose changes count
}

// places are the reads of a window that the budget spends: all but the reserve.
func (s *scenario) places() int { return s.requests - max(1, s.requests/10) }

// lived is how much of the day passes.
func (s *scenario) lived() time.Duration {
	return time.Duration(float64(s.warm+s.measured) * s.speed)
}

// sweep is how long the budget takes to read everyone once.
func (s *scenario) sweep() time.Duration {
	size := 1
	if s.read == "batch" {
		size = 650
	}
	requests := (s.people + size - 1) / size
	rest := s.window + s.window/1000 // as the budget leaves it
	return time.Duration(float64(requests) * float64(rest) / float64(s.places()))
}

// freshness is what a scenario's watchers got, of all changes, also of those that were over before they were read; weighted by who
// watches.
type freshness struct {
	mean, p95, p99, longest time.Duration
	gap                     time.Duration // the longest that somebody was not read
	settled                 time.Duration // after the last change, until everyone's state was the tenant's
	changes                 int
	unseen                  float64 // changes that another one had replaced when they were read
	used                    float64 // of the reads that the budget spends
}

func (f freshness) String() string {
	round := func(d time.Duration) time.Duration { return d.Round(10 * time.Millisecond) }
	return fmt.Sprintf("mean %v, p95 %v, p99 %v, longest %v, longest not read %v, settled %v after the last change; %d changes, %.1f %% not seen; %.1f %% of the budget",
		round(f.mean), round(f.p95), round(f.p99), round(f.longest), round(f.gap), round(f.settled), f.changes, 100*f.unseen, 100*f.used)
}

// run lives the scenario with the real tenant and the real gateway, whose graph.interval is interval. With one no
// shorter than the sweep, everyone is read in turn; a shorter one lets the gateway choose.
func (s *scenario) run(t testing.TB, o *office, trace string, interval time.Duration) freshness {
	t.Helper()
	tn := startTenant(t, "--trace", trace, "--speed", fmt.Sprint(s.speed), "--budget", fmt.Sprint(s.requests), "--window", s.window.String())
	began := time.Now()
	people := tn.people()
	g := startGateway(t, tn, t.TempDir(), openDoor,
		"PRESENCE_GRAPH_READ="+s.read,
		"PRESENCE_GRAPH_INTERVAL="+interval.String(),
		"PRESENCE_GRAPH_BUDGET_REQUESTS="+fmt.Sprint(s.requests),
		"PRESENCE_GRAPH_BUDGET_WINDOW="+s.window.String(),
		"PRESENCE_GATEWAY_HEARTBEAT=500ms")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	// The n-th connection watches whom n or more watch, so that everyone has as many watchers as the day says.
	f := &follower{t: t, arrived: map[string][]arrival{}}
	for n := range slices.Max(o.watchers) {
		var users []string
		for who, watchers := range o.watchers {
			if watchers > n {
				users = append(users, people[who].ID)
			}
		}
		take := func([]byte) {}
		if n == 0 {
			take = f.take
		}
		f.watch(ctx, g.address, users, take)
	}
	wait := func(until time.Time) {
		select {
		case <-time.After(time.Until(until)):
		case <-t.Context().Done():
		}
	}
	from := began.Add(s.warm)
	to := from.Add(s.measured)
	wait(from)
	f.mu.Lock()
	f.gap = 0
	f.mu.Unlock()
	before := tn.stats()
	wait(to)
	after := tn.stats()
	result := freshness{used: float64(after.Reads-before.Reads) / (float64(s.places()) * s.measured.Seconds() / s.window.Seconds())}
	eventually(t, 5*time.Second, "the trace is over", func() bool { return tn.stats().Changes == o.ahead() })
	result.settled = s.settle(t, tn, f)
	f.mu.Lock()
	result.gap = f.gap
	f.mu.Unlock()
	s.judge(t, tn, f, o, from, &result)
	s.promises(t, tn, f)
	return result
}

// settle waits until the follower holds the state of everyone, and returns how long after the last change that was.
func (s *scenario) settle(t testing.TB, tn *tenant, f *follower) time.Duration {
	t.Helper()
	truth := tn.truth()
	var lastChange time.Time
	for _, is := range truth {
		lastChange = latest(lastChange, is.at)
	}
	eventually(t, time.Until(lastChange)+5*s.sweep()+5*time.Second, "the follower holds the tenant's state of everyone", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		for id, is := range truth {
			if got := f.last(id); got.number != is.version {
				return false
			} else if got.state != is.availability+" "+is.activity {
				t.Errorf("%s is %s %s, and shown as %s of the same number", id, is.availability, is.activity, got.state)
			}
		}
		return true
	})
	return time.Since(lastChange)
}

// judge measures each change since from until it had come to the follower.
func (s *scenario) judge(t testing.TB, tn *tenant, f *follower, o *office, from time.Time, result *freshness) {
	t.Helper()
	watchers := map[string]int{}
	for who, p := range tn.people() {
		watchers[p.ID] = o.watchers[who]
	}
	type sight struct {
		delay  time.Duration
		weight float64
	}
	var sights []sight
	var weight, sum, unseen float64
	replaced := map[string]time.Time{}
	changes, _ := tn.changes(0)
	for _, c := range slices.Backward(changes) {
		if c.at.Before(from) {
			break
		}
		came, found := f.since(c.user, c.version)
		if !found {
			t.Fatalf("a change of %s at %v never came", c.user, c.at)
		}
		w := float64(watchers[c.user])
		delay := came.Sub(c.at)
		sights = append(sights, sight{delay, w})
		weight += w
		sum += w * float64(delay)
		if next, again := replaced[c.user]; again && next.Before(came) {
			unseen += w
		}
		replaced[c.user] = c.at
		result.longest = max(result.longest, delay)
	}
	if len(sights) == 0 {
		t.Fatal("nobody changed")
	}
	slices.SortFunc(sights, func(a, b sight) int { return int(a.delay - b.delay) })
	passed := 0.0
	for _, x := range sights {
		passed += x.weight
		if result.p95 == 0 && passed >= 0.95*weight {
			result.p95 = x.delay
		}
		if result.p99 == 0 && passed >= 0.99*weight {
			result.p99 = x.delay
		}
	}
	result.changes, result.mean, result.unseen = len(sights), time.Duration(sum/weight), unseen/weight
}

// promises are those that hold whatever the plan.
func (s *scenario) promises(t testing.TB, tn *tenant, f *follower) {
	t.Helper()
	if stats := tn.stats(); stats.Peak > s.requests || stats.Refused > 0 {
		t.Errorf("at most %d reads in a window of %d, %d refused", stats.Peak, s.requests, stats.Refused)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.ended) > 0 || len(f.statuses) != 1 || !f.statuses[0].live {
		t.Errorf("the follower was told %+v, and connections ended: %v", f.statuses, f.ended)
	}
}

// compare lives one day twice, side by side: as the gateway plans it, and everyone in turn.
func (s *scenario) compare(t testing.TB, o *office) (adaptive, plain freshness) {
	t.Helper()
	trace := filepath.Join(t.TempDir(), "trace.jsonl")
	o.save(t, trace)
	var both sync.WaitGroup
	both.Go(func() { adaptive = s.run(t, o, trace, s.sweep()/25) })
	both.Go(func() { plain = s.run(t, o, trace, s.sweep()+time.Millisecond) })
	both.Wait()
	t.Logf("%s: %d people, a sweep takes %v, at %v times the speed of life; the mean is %.2f of that in turn\nchosen:  %v\nin turn: %v", s.name, s.people,
		s.sweep().Round(time.Millisecond), s.speed, float64(adaptive.mean)/float64(plain.mean), adaptive, plain)
	return adaptive, plain
}
