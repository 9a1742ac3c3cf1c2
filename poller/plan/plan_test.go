package plan_test

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

var nine = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func users(from, n int) []presence.ID {
	ids := make([]presence.ID, n)
	for i := range ids {
		ids[i] = user(from + i)
	}
	return ids
}

// run answers every request after latency until the time is over, and tells watch about each.
func run(p *plan.Plan, now time.Time, length, latency time.Duration, watch func(at time.Time, b *plan.Batch)) time.Time {
	type flight struct {
		b    *plan.Batch
		back time.Time
	}
	var flights []flight
	for end := now.Add(length); now.Before(end); {
		for len(flights) > 0 && !flights[0].back.After(now) {
			p.Answered(flights[0].b, flights[0].back, nil)
			flights = flights[1:]
		}
		if at, ok := p.Next(now); ok && !at.After(now) {
			if b := p.Take(now); b != nil {
				watch(now, b)
				flights = append(flights, flight{b, now.Add(latency)})
			}
		}
		now = now.Add(time.Millisecond)
	}
	for _, f := range flights {
		p.Answered(f.b, now, nil)
	}
	return now
}

func TestRequestsAreSpreadEvenlyAndEveryoneIsReadEachInterval(t *testing.T) {
	for _, c := range []struct {
		users, requests int // in the interval of 5 s
	}{{1, 1}, {650, 1}, {651, 2}, {1000, 2}, {10000, 16}, {100000, 154}} {
		t.Run(fmt.Sprint(c.users), func(t *testing.T) {
			p := plan.New(plan.Options{})
			p.Watch(nine, users(0, c.users)...)
			now := run(p, nine, 10*time.Second, 60*time.Millisecond, func(time.Time, *plan.Batch) {})
			var left []time.Time
			asked := map[presence.ID]time.Time{}
			oldest := time.Duration(0)
			run(p, now, 20*time.Second, 60*time.Millisecond, func(at time.Time, b *plan.Batch) {
				left = append(left, at)
				for _, id := range b.IDs {
					if before, ok := asked[id]; ok {
						oldest = max(oldest, at.Sub(before))
					}
					asked[id] = at
				}
				if c.users >= 1000 && len(b.IDs) < 650 {
					t.Errorf("a request of %d users", len(b.IDs))
				}
			})
			if got := len(left); got < 4*c.requests-1 || got > 4*c.requests+1 {
				t.Errorf("%d requests in 20 s, want %d", got, 4*c.requests)
			}
			space := 5 * time.Second / time.Duration(c.requests)
			for i := 1; i < len(left); i++ {
				if d := left[i].Sub(left[i-1]); d < space-20*time.Millisecond || d > space+20*time.Millisecond {
					t.Errorf("%v between two requests, want %v", d, space)
				}
			}
			if len(asked) != c.users || oldest > 5*time.Second+100*time.Millisecond {
				t.Errorf("%d of %d users asked, at most every %v", len(asked), c.users, oldest)
			}
		})
	}
}

func TestNewInterestIsReadAtOnceAndFilledUp(t *testing.T) {
	p := plan.New(plan.Options{})
	p.Watch(nine, users(0, 2000)...)
	now := run(p, nine, 7*time.Second, 60*time.Millisecond, func(time.Time, *plan.Batch) {})
	p.Watch(now, user(5000))
	if at, ok := p.Next(now); !ok || at.After(now) {
		t.Fatalf("next at %v, want now", at.Sub(now))
	}
	b := p.Take(now)
	if !slices.Contains(b.IDs, user(5000)) || len(b.IDs) != 650 {
		t.Errorf("a request of %d users, with the new one: %v", len(b.IDs), slices.Contains(b.IDs, user(5000)))
	}
}

func TestAfterAnOutageTheOverdueComeWithoutPacing(t *testing.T) {
	p := plan.New(plan.Options{Batch: 100})
	p.Watch(nine, users(0, 1000)...)
	now := run(p, nine, 10*time.Second, 10*time.Millisecond, func(time.Time, *plan.Batch) {})
	now = now.Add(time.Minute)
	p.Owe(now)
	if p.Owed() != 1000 {
		t.Errorf("%d owed, want 1000", p.Owed())
	}
	for n := range 10 {
		if at, ok := p.Next(now); !ok || at.After(now) {
			t.Fatalf("request %d of 10 waits for %v", n, at.Sub(now))
		}
		p.Answered(p.Take(now), now, nil)
	}
	if p.Owed() != 0 {
		t.Errorf("%d owed after everyone was read", p.Owed())
	}
	if at, _ := p.Next(now); !at.After(now) {
		t.Error("an eleventh request is due at once")
	}
}

// graph refuses batches with poison in them, and counts.
type graph struct {
	poison   map[presence.ID]bool
	requests int
}

// drain answers whatever the plan wants to ask at now.
func (g *graph) drain(t *testing.T, p *plan.Plan, now time.Time) (gone []presence.ID) {
	t.Helper()
	for range 10000 {
		at, ok := p.Next(now)
		if !ok || at.After(now) {
			return gone
		}
		b := p.Take(now)
		g.requests++
		if slices.ContainsFunc(b.IDs, func(id presence.ID) bool { return g.poison[id] }) {
			gone = append(gone, p.Refused(b, now)...)
		} else {
			p.Answered(b, now, nil)
		}
	}
	t.Fatal("no end of requests")
	return nil
}

func TestBadIDIsFoundAndRetriedAlone(t *testing.T) {
	g := &graph{poison: map[presence.ID]bool{user(321): true}}
	p := plan.New(plan.Options{RetryRefused: 9 * time.Minute})
	p.Watch(nine, users(0, 650)...)
	gone := g.drain(t, p, nine)
	if len(gone) != 1 || gone[0] != user(321) {
		t.Fatalf("gone: %v", gone)
	}
	if g.requests > 1+2*10 {
		t.Errorf("%d requests to find one of 650", g.requests)
	}
	if x, _ := p.Explain(user(321)); !x.Refused || !x.Gone {
		t.Errorf("%+v", x)
	}
	if p.Active() != 649 {
		t.Errorf("%d active, want 649", p.Active())
	}
	now := nine
	for now.Before(nine.Add(9*time.Minute - time.Second)) {
		now = now.Add(time.Second)
		if b := p.Take(now); b != nil {
			if slices.Contains(b.IDs, user(321)) {
				t.Fatalf("asked again after %v", now.Sub(nine))
			}
			p.Answered(b, now, nil)
		}
	}
	now = now.Add(2 * time.Second)
	g.poison = nil
	alone := false
	for range 5 {
		if b := p.Take(now); b != nil {
			alone = alone || len(b.IDs) == 1 && b.IDs[0] == user(321)
			p.Answered(b, now, nil)
		}
	}
	if x, _ := p.Explain(user(321)); !alone || x.Refused || x.Gone {
		t.Errorf("alone: %v, then %+v", alone, x)
	}
}

func TestReconsiderAsksTheRefusedAlone(t *testing.T) {
	g := &graph{poison: map[presence.ID]bool{user(3): true, user(5): true}}
	p := plan.New(plan.Options{})
	p.Watch(nine, users(0, 10)...)
	g.drain(t, p, nine)
	now := nine.Add(time.Minute)
	p.Reconsider(now)
	p.Owe(now)
	if p.Active() != 10 || p.Owed() != 10 {
		t.Errorf("%d active, %d owed, want 10", p.Active(), p.Owed())
	}
	g.poison = nil
	g.requests = 0
	g.drain(t, p, now)
	if g.requests != 3 || p.Owed() != 0 {
		t.Errorf("%d requests, want 3; %d owed", g.requests, p.Owed())
	}
}

func TestMadeUpIDsDoNotHoldUpOthers(t *testing.T) {
	g := &graph{poison: map[presence.ID]bool{}}
	p := plan.New(plan.Options{Batch: 100})
	p.Watch(nine, users(0, 100)...)
	g.drain(t, p, nine)
	g.requests = 0
	now := nine.Add(2 * time.Second)
	for i := range 20 {
		bad := user(1000 + i)
		g.poison[bad] = true
		p.Watch(now, bad)
		gone := g.drain(t, p, now)
		if len(gone) != 1 || gone[0] != bad {
			t.Fatalf("gone: %v", gone)
		}
		now = now.Add(100 * time.Millisecond)
	}
	// One costs three: the batch, the stranger alone, the others without them. The next ones come alone.
	if g.requests > 3+19+2 {
		t.Errorf("%d requests for 20 made-up ids", g.requests)
	}
}

func TestStrangersGetOneRequestInFourWhileOthersAreDue(t *testing.T) {
	g := &graph{poison: map[presence.ID]bool{}}
	p := plan.New(plan.Options{Batch: 10})
	p.Watch(nine, users(0, 500)...)
	g.drain(t, p, nine)
	for i := range 200 {
		g.poison[user(1000+i)] = true
	}
	p.Watch(nine, users(1000, 200)...)
	now := nine
	for range 60 { // into the middle of taking them apart
		b := p.Take(now)
		if b == nil {
			break
		}
		if g.poison[b.IDs[0]] {
			p.Refused(b, now)
		} else {
			p.Answered(b, now, nil)
		}
	}
	now = nine.Add(time.Minute)
	others := 0
	for range 40 {
		b := p.Take(now)
		if g.poison[b.IDs[0]] {
			p.Refused(b, now)
		} else {
			others++
			p.Answered(b, now, nil)
		}
	}
	if others < 15 {
		t.Errorf("%d of 40 requests for users who exist", others)
	}
}

func TestLeftOutThreeTimesIsGoneOnce(t *testing.T) {
	p := plan.New(plan.Options{})
	p.Watch(nine, user(1), user(2))
	now := nine
	answer := func(missing ...presence.ID) []presence.ID {
		now = now.Add(5 * time.Second)
		return p.Answered(p.Take(now), now, missing)
	}
	for i, want := range []int{0, 0, 1, 0, 0} {
		if got := answer(user(2)); len(got) != want {
			t.Errorf("answer %d: gone %v", i+1, got)
		}
	}
	if got := answer(); len(got) != 0 {
		t.Errorf("gone when seen: %v", got)
	}
	answer(user(2))
	answer(user(2))
	answer()
	answer(user(2))
	if got := answer(user(2)); len(got) != 0 {
		t.Error("gone after two answers running")
	}
	if got := answer(user(2)); len(got) != 1 {
		t.Error("not gone after the third")
	}
}

func TestFailedBatchWaitsWhileOthersGoOn(t *testing.T) {
	p := plan.New(plan.Options{Batch: 2, Interval: 2 * time.Second})
	p.Watch(nine, users(0, 4)...)
	a, b := p.Take(nine), p.Take(nine)
	p.Failed(a, nine, nine.Add(10*time.Second), true)
	p.Answered(b, nine, nil)
	for s := 1; s < 10; s++ {
		now := nine.Add(time.Duration(s) * time.Second)
		p.Hasten(now)
		if got := p.Take(now); got != nil {
			for _, id := range a.IDs {
				if slices.Contains(got.IDs, id) {
					t.Fatalf("asked after %d s, Graph wanted 10", s)
				}
			}
			p.Answered(got, now, nil)
		}
	}
	now := nine.Add(10 * time.Second)
	if at, _ := p.Next(now); at.After(now) {
		t.Errorf("the failed batch waits for %v more", at.Sub(now))
	}
	if got := p.Take(now); !slices.Contains(got.IDs, a.IDs[0]) || got.Failures != 1 {
		t.Errorf("next: %v after %d failures", got.IDs, got.Failures)
	}
}

func TestOneThatAlwaysFailsDoesNotHoldUpOthers(t *testing.T) {
	p := plan.New(plan.Options{Batch: 1})
	p.Watch(nine, users(0, 5)...)
	asked := map[presence.ID]int{}
	now := nine
	for range 20 {
		now = now.Add(2 * time.Second)
		b := p.Take(now)
		asked[b.IDs[0]]++
		p.Failed(b, now, now, false)
	}
	for i := range 5 {
		if asked[user(i)] != 4 {
			t.Errorf("user %d asked %d times of 20, want 4", i, asked[user(i)])
		}
	}
}

func TestForgottenAndWatchedAgainIsReadAtOnce(t *testing.T) {
	p := plan.New(plan.Options{})
	p.Watch(nine, user(1))
	p.Answered(p.Take(nine), nine, nil)
	p.Forget(user(1))
	if _, ok := p.Next(nine); ok {
		t.Error("something to ask for nobody")
	}
	p.Watch(nine, user(1))
	if b := p.Take(nine); b == nil || len(b.IDs) != 1 {
		t.Fatal("not asked at once")
	}
}

func TestForgettingManyKeepsTheQueuesSmall(t *testing.T) {
	p := plan.New(plan.Options{})
	p.Watch(nine, users(0, 650)...)
	for i := range 200 {
		p.Watch(nine, users(10000+1000*i, 1000)...)
		p.Forget(users(10000+1000*i, 1000)...)
	}
	if got := plan.Nodes(p); got > 10000 {
		t.Errorf("%d nodes for 650 users", got)
	}
}

// BenchmarkMillion reads a million users, watched by few and by many, of whom one in a thousand has changed.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	ids := users(0, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	o := plan.Options{Rate: 45}
	p := plan.New(o)
	p.Watch(nine, ids...)
	for i, id := range ids {
		p.Weigh(id, i%100)
	}
	now := nine
	reads := 0
	said := make([]plan.Seen, 0, 650)
	longest := time.Duration(0)
	read := func() {
		if at, ok := p.Next(now); !ok || at.After(now.Add(time.Hour)) {
			b.Fatal("nothing to ask")
		}
		began := time.Now()
		batch := p.Take(now)
		said = said[:0]
		for i, id := range batch.IDs {
			said = append(said, plan.Seen{ID: id, Class: plan.Class(number(id)%7 + 1), Changed: (reads+i)%1000 == 0})
		}
		p.Answered(batch, now, nil, said...)
		longest = max(longest, time.Since(began))
		reads += len(batch.IDs)
		now = now.Add(time.Duration(float64(time.Second) / o.Rate))
	}
	for reads < n {
		read()
	}
	first := now.Sub(nine)
	for now.Sub(nine) < 5*time.Minute {
		read()
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	mallocs := after.Mallocs
	reads, longest = 0, 0
	for b.Loop() {
		read()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(reads), "ns/read")
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "B/user")
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.Mallocs-mallocs)/float64(reads), "allocs/read")
	b.ReportMetric(first.Seconds(), "first-sweep-s")
	b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
	runtime.KeepAlive(ids)
}
