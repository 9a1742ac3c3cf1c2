package plan_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// seen makes up what an answer says.
func seen(r *rand.Rand, ids []presence.ID) []plan.Seen {
	s := make([]plan.Seen, len(ids))
	for i, id := range ids {
		s[i] = plan.Seen{ID: id, Class: plan.Class(r.IntN(8)), Changed: r.IntN(10) == 0}
	}
	return s
}

// mixed returns a plan whose users were all read, and are as different as can be.
func mixed(o plan.Options, n int) (*plan.Plan, time.Time) {
	r := rand.New(rand.NewPCG(3, 4))
	p := plan.New(o)
	p.Watch(nine, users(0, n)...)
	for i := range n {
		p.Weigh(user(i), int(math.Pow(r.Float64(), -1.2))-1)
	}
	now := nine
	for sweep := p.Sweep(); now.Sub(nine) < 2*sweep; now = now.Add(time.Duration(float64(time.Second) / o.Rate)) {
		b := p.Take(now)
		p.Answered(b, now, nil, seen(r, b.IDs)...)
	}
	plan.Solve(p, now)
	return p, now
}

func TestIntervalsTakeWhatTheBudgetAllows(t *testing.T) {
	for _, c := range []struct {
		users, batch int
		sweep        time.Duration
		exact        float64
	}{
		{100, 1, 6 * time.Second, 0.01},
		{1000, 1, 200 * time.Second, 0.01},
		{5000, 50, 1000 * time.Second, 0.01},
		{150_000, 650, 30 * time.Second, 0.03}, // by a sample
	} {
		t.Run(fmt.Sprint(c.users), func(t *testing.T) {
			budget := float64(c.users) / c.sweep.Seconds()
			p, _ := mixed(plan.Options{Batch: c.batch, Rate: budget / float64(c.batch), Interval: 2 * time.Second}, c.users)
			if got := plan.Planned(p) / budget; math.Abs(got-plan.Ahead) > c.exact {
				t.Errorf("planned %.3f times what the budget allows, want %.3f", got, plan.Ahead)
			}
		})
	}
}

func TestIntervalsKeepBetweenTheBounds(t *testing.T) {
	p, _ := mixed(plan.Options{Batch: 1, Rate: 5, Interval: 2 * time.Second}, 1000)
	least, most := time.Hour, time.Duration(0)
	for i := range 1000 {
		x, _ := p.Explain(user(i))
		least, most = min(least, x.Interval), max(most, x.Interval)
	}
	if sweep := p.Sweep(); least < 2*time.Second || most > 4*sweep || most < 2*sweep {
		t.Errorf("intervals of %v to %v, a sweep is %v", least, most, sweep)
	}
}

// Watched four times as much is read twice as often; so is who changes four times as often.
func TestIntervalsFollowTheSquareRoot(t *testing.T) {
	p := plan.New(plan.Options{Batch: 1, Rate: 5, Interval: time.Second})
	p.Watch(nine, users(0, 1000)...)
	for i := range 1000 {
		p.Weigh(user(i), 10)
	}
	p.Weigh(user(7), 40)
	b := p.Take(nine) // user 0, or whoever
	p.Answered(b, nine, nil)
	plan.Solve(p, nine)
	one, _ := p.Explain(user(6))
	four, _ := p.Explain(user(7))
	if got := ratio(one.Interval, four.Interval); math.Abs(got-2) > 0.01 {
		t.Errorf("watched four times as much, read %.2f times as often", got)
	}
}

// Everything that could tell users apart counts for nothing while everyone can be read each interval.
func TestPlainSweepWhileItFitsTheInterval(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 400).Draw(t, "users")
		batch := rapid.SampledFrom([]int{1, 10, 650}).Draw(t, "batch")
		o := plan.Options{Batch: batch, Rate: math.Ceil(float64((n+batch-1)/batch) / 5), Interval: 5 * time.Second}
		plain, told := plan.New(o), plan.New(o)
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		plain.Watch(nine, users(0, n)...)
		told.Watch(nine, users(0, n)...)
		for i := range 2000 {
			now := nine.Add(time.Duration(i) * 20 * time.Millisecond)
			at, ok := plain.Next(now)
			if again, alike := told.Next(now); !at.Equal(again) || ok != alike {
				t.Fatalf("request %d leaves at %v, plain at %v", i, again, at)
			}
			if !ok || at.After(now) {
				continue
			}
			a, b := plain.Take(now), told.Take(now)
			if !slices.Equal(a.IDs, b.IDs) {
				t.Fatalf("request %d asks for others", i)
			}
			plain.Answered(a, now, nil)
			told.Answered(b, now, nil, seen(r, b.IDs)...)
			told.Weigh(b.IDs[0], r.IntN(1000))
		}
	})
}

// Who is due is read before anyone is read twice; and however unequal users are, no request goes unused.
func TestNobodyWaitsLongerThanTheFloorAndASweep(t *testing.T) {
	for seed := range uint64(600) {
		draw := rand.New(rand.NewPCG(seed, 0))
		n := 20 + draw.IntN(280)
		batch := []int{1, 1, 7}[draw.IntN(3)]
		sweep := time.Duration(2+draw.IntN(20)*draw.IntN(2)) * time.Second
		tr := &trace{length: 20 * sweep, persons: make([]person, n)}
		busy := draw.IntN(n)
		for i := range tr.persons {
			tr.persons[i] = person{class: plan.Offline}
			if i < busy {
				tr.persons[i] = person{class: plan.Call, watchers: []int{1, 100, 100_000}[draw.IntN(3)]}
				for at := time.Duration(0); at < tr.length; at += sweep / 3 {
					tr.persons[i].become(at, plan.Call)
				}
			}
		}
		r := &replay{trace: tr, batch: batch, rate: float64(n) / float64(batch) / sweep.Seconds(), interval: time.Second}
		f := r.run(r.planned())
		request := time.Duration(float64(time.Second) / r.rate)
		if most := 5*r.sweep() + 2*request + 4*trip; f.gap > most {
			t.Errorf("seed %d: someone waited %v, a sweep is %v", seed, f.gap, r.sweep())
		}
		if f.used < 0.95 {
			t.Errorf("seed %d: %.2f of the budget used", seed, f.used)
		}
	}
}

// While most are in back-off, those left may all have been asked just now.
func TestNothingToAskIsNotDueAtOnce(t *testing.T) {
	p := plan.New(plan.Options{Batch: 1, Rate: 45, Interval: time.Second})
	p.Watch(nine, users(0, 60)...)
	now := nine
	for range 2 { // the law is for those who were read before
		for i := range 60 {
			now = now.Add(time.Second / 45)
			if b := p.Take(now); i < 45 {
				p.Failed(b, now, now.Add(10*time.Second), true)
			} else {
				p.Answered(b, now, nil)
			}
		}
		if now.Sub(nine) < 5*time.Second {
			now = now.Add(10 * time.Second)
		}
	}
	for range 100 {
		at, ok := p.Next(now)
		if ok && !at.After(now) {
			if b := p.Take(now); b == nil {
				if at, ok = p.Next(now); ok && !at.After(now) {
					t.Fatal("nobody can be asked, and the next request is due now")
				}
			}
		}
		now = now.Add(5 * time.Millisecond)
	}
}

// When many leave, or all grow quiet, the intervals of before are too long: who is read then must not come up again and
// again until the others are due.
func TestEveryoneIsReadSoonAfterTheSweepGotShorter(t *testing.T) {
	for name, left := range map[string]int{"still too many": 500, "all fit the interval": 40} {
		t.Run(name, func(t *testing.T) {
			p, now := mixed(plan.Options{Batch: 1, Rate: 10, Interval: 5 * time.Second}, 3000)
			p.Forget(users(left, 3000-left)...)
			left := users(0, left)
			read := map[presence.ID]bool{}
			began := now
			for now.Sub(began) < 6*p.Sweep() {
				at, _ := p.Next(now)
				now = later(now.Add(100*time.Millisecond), at)
				b := p.Take(now)
				p.Answered(b, now, nil, plan.Seen{ID: b.IDs[0], Class: plan.Offline})
				read[b.IDs[0]] = true
				if name == "all fit the interval" && len(read) < len(left) && now.Sub(began) > 2*p.Sweep() {
					t.Fatalf("%d of %d read in two sweeps", len(read), len(left))
				}
			}
			if len(read) != len(left) {
				t.Errorf("%d of %d read in six sweeps", len(read), len(left))
			}
		})
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func TestForgettingAll(t *testing.T) {
	p := plan.New(plan.Options{})
	p.Watch(nine, users(0, 3000)...)
	p.Forget(users(0, 3000)...)
	if _, ok := p.Next(nine); ok {
		t.Error("someone to ask")
	}
}

func TestFirstWatcherOfTheUnreadGoesAheadOfTheSweep(t *testing.T) {
	p := plan.New(plan.Options{Batch: 10, Rate: 1})
	p.Watch(nine, users(0, 5000)...)
	p.Answered(p.Take(nine), nine, nil)
	now := nine.Add(time.Second)
	p.Weigh(user(4321), 1)
	p.Weigh(user(4322), 1)
	for range 5 {
		p.Weigh(user(4321), 0)
		p.Weigh(user(4321), 1)
	}
	if b := p.Take(now); !slices.Equal(b.IDs[:2], users(4321, 2)) {
		t.Errorf("next: %v", b.IDs)
	}
	p.Watch(now, user(9000)) // nobody looks at this one yet
	if b := p.Take(now); slices.Contains(b.IDs, user(9000)) {
		t.Error("a newcomer without a watcher goes before those who came sooner")
	}
}

func TestMoreWatchersBringTheNextReadForward(t *testing.T) {
	p, now := mixed(plan.Options{Batch: 1, Rate: 5, Interval: time.Second}, 500)
	for i := range 500 { // all of them weigh twice as much, or more
		before, _ := p.Explain(user(i))
		p.Weigh(user(i), max(1, 2*before.Watchers))
		after, _ := p.Explain(user(i))
		switch want := after.Asked.Add(after.Interval); {
		case before.Due.Before(want):
			if !after.Due.Equal(before.Due) {
				t.Errorf("put off by %v for more watchers", after.Due.Sub(before.Due))
			}
		case !after.Due.Equal(want):
			t.Errorf("due %v after it was asked, the interval is %v", after.Due.Sub(after.Asked), after.Interval)
		}
		p.Weigh(user(i), 0)
		if x, _ := p.Explain(user(i)); !x.Due.Equal(after.Due) {
			t.Error("put off because a watcher left")
		}
	}
	p.Watch(now, user(1000))
	b := p.Take(now)
	p.Answered(b, now, nil)
	nodes := plan.Nodes(p)
	for n := range 1000 {
		p.Weigh(user(1000), n)
	}
	if got := plan.Nodes(p); got > nodes+15 {
		t.Errorf("%d nodes more for one user", got-nodes)
	}
}

func TestLawFollowsWithoutBeingAsked(t *testing.T) {
	o := plan.Options{Batch: 1, Rate: 10, Interval: time.Second}
	p, now := mixed(o, 1000)
	rate := o.Rate
	allowed := func(what string) {
		if got := plan.Planned(p) / rate; math.Abs(got-plan.Ahead) > 0.05 {
			t.Errorf("%s: planned %.3f times what the budget allows, want %.3f", what, got, plan.Ahead)
		}
	}
	read := func(length time.Duration, class plan.Class) {
		for began := now; now.Sub(began) < length; now = now.Add(time.Duration(float64(time.Second) / rate)) {
			b := p.Take(now)
			p.Answered(b, now, nil, plan.Seen{ID: b.IDs[0], Class: class})
		}
	}
	read(5*time.Minute, plan.Offline)
	allowed("all went home")
	p.Watch(now, users(1000, 3000)...)
	read(time.Second, plan.Call)
	allowed("many came")
	p.Forget(users(0, 3500)...)
	read(time.Second, plan.Call)
	allowed("many left")
	for _, rate = range []float64{5, 5.2, 5.5, 9} {
		p.SetRate(rate)
		read(time.Second, plan.Call)
		if rate == 5.2 || rate == 5.5 { // a little more is taken in a little later
			read(10*time.Second, plan.Call)
		}
		allowed(fmt.Sprintf("the rate became %v", rate))
		if got, want := p.Sweep(), time.Duration(500/rate*float64(time.Second)); got < want || got > want+time.Second {
			t.Errorf("a sweep takes %v at %v a second", got, rate)
		}
	}
}

// While the rate was low everyone was planned for later. Once all fit the interval, nobody waits for that.
func TestEveryoneIsReadSoonAfterTheRateGrew(t *testing.T) {
	p, now := mixed(plan.Options{Batch: 1, Rate: 1, Interval: 5 * time.Second}, 100)
	p.SetRate(40)
	read := map[presence.ID]bool{}
	for began := now; now.Sub(began) < 2*p.Sweep(); {
		at, _ := p.Next(now)
		now = later(now.Add(25*time.Millisecond), at)
		b := p.Take(now)
		p.Answered(b, now, nil, plan.Seen{ID: b.IDs[0], Class: plan.Offline})
		read[b.IDs[0]] = true
	}
	if len(read) != 100 {
		t.Errorf("%d of 100 read in two sweeps", len(read))
	}
}

func TestClassesDiffer(t *testing.T) {
	p := plan.New(plan.Options{Batch: 100, Rate: 1, Interval: time.Second})
	p.Watch(nine, users(0, 1000)...)
	now := nine
	for range 10 {
		b := p.Take(now)
		var said []plan.Seen
		for _, id := range b.IDs { // one in three is left out of the answer, and remains unknown
			if class := [...]plan.Class{0, plan.Offline, plan.Call}[number(id)%3]; class != 0 {
				said = append(said, plan.Seen{ID: id, Class: class})
			}
		}
		p.Answered(b, now, nil, said...)
		now = now.Add(time.Second)
	}
	plan.Solve(p, now)
	for i := range 333 {
		unknown, _ := p.Explain(user(3 * i))
		offline, _ := p.Explain(user(3*i + 1))
		call, _ := p.Explain(user(3*i + 2))
		if offline.Interval < 2*unknown.Interval || 3*unknown.Interval < 5*call.Interval {
			t.Fatalf("offline %v, unknown %v, in a call %v", offline.Interval, unknown.Interval, call.Interval)
		}
	}
}

// A restart forgets what was learned, and learns it anew.
func TestWhoChangesMoreIsReadMoreAlsoAfterARestart(t *testing.T) {
	tr := &trace{length: time.Hour, persons: make([]person, 200)}
	for i := range tr.persons {
		p := &tr.persons[i]
		p.class, p.watchers = plan.Available, 5
		for at := time.Duration(i) * time.Second; i < 20 && at < tr.length; at += 4 * time.Minute {
			p.become(at, []plan.Class{plan.Busy, plan.Available}[len(p.changes)%2])
		}
	}
	r := &replay{trace: tr, batch: 1, rate: 10, interval: time.Second}
	d := r.planned()
	intervals := func() (restless, quiet time.Duration) {
		for i := range tr.persons {
			x, _ := d.p.Explain(user(i))
			if i < 20 {
				restless += x.Interval / 20
			} else {
				quiet += x.Interval / 180
			}
		}
		return restless, quiet
	}
	for range 2 {
		d.restart(tr)
		plan.Solve(d.p, nine)
		if restless, quiet := intervals(); restless != quiet {
			t.Errorf("nothing is known, and the intervals are %v and %v", restless, quiet)
		}
		r.run(d)
		if restless, quiet := intervals(); restless > quiet/2 {
			t.Errorf("the restless are read each %v, the others each %v", restless, quiet)
		}
	}
}

// The figures proper are BenchmarkReading's.
func TestReadingIsFresherThanInTurn(t *testing.T) {
	r := &replay{trace: madeUp(600, 100*time.Minute), batch: 30, rate: 1, interval: time.Second, warm: 45 * time.Minute}
	turns, got := r.run(&turns{replay: r}), r.run(r.planned())
	if of := ratio(got.mean, turns.mean); of > 0.7 {
		t.Errorf("a change is %v old when it is read, %v in turn: ratio %.3f", got.mean, turns.mean, of)
	}
	if of := ratio(got.p95, turns.p95); of > 1.1 {
		t.Errorf("one in twenty is %v old, %v in turn: ratio %.3f", got.p95, turns.p95, of)
	}
}

func TestWhatWasLearnedFades(t *testing.T) {
	tr := &trace{length: 3 * time.Hour, persons: make([]person, 300)}
	for i := range tr.persons {
		p := &tr.persons[i]
		p.watchers = 5
		switch {
		case i < 100: // available, and restless for an hour
			p.class = plan.Available
			for at := time.Duration(i) * time.Second; at < time.Hour; at += time.Minute {
				p.become(at, plan.Available)
			}
		case i < 120: // away: restless for an hour, then not
			p.class = plan.Away
			for at := time.Duration(i) * time.Second; at < time.Hour; at += time.Minute {
				p.become(at, plan.Away)
			}
		default: // away, the same all the time
			p.class = plan.Away
			for at := time.Duration(i) * time.Second; at < tr.length; at += 4 * time.Minute {
				p.become(at, plan.Away)
			}
		}
	}
	r := &replay{trace: tr, batch: 1, rate: 10, interval: time.Second}
	d := r.planned()
	r.run(d)
	available, _ := d.p.Explain(user(50))
	tired, _ := d.p.Explain(user(110))
	steady, _ := d.p.Explain(user(200))
	if available.Interval < 3*steady.Interval {
		t.Errorf("available users have been quiet for two hours, and are read each %v, those away each %v", available.Interval, steady.Interval)
	}
	if tired.Interval < steady.Interval {
		t.Errorf("who has been quiet for two hours is read each %v, others each %v", tired.Interval, steady.Interval)
	}
}
