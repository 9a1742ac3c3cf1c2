package plan_test

import (
	"encoding/binary"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

func user(n int) (id presence.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n)+1)
	return id
}

// world is a tenant and a poller around a plan, with an account of everything that was asked.
type world struct {
	*rapid.T
	p       *plan.Plan
	o       plan.Options
	now     time.Time
	poison  map[presence.ID]bool // refused with whatever batch they are in
	unknown map[presence.ID]bool // left out of answers
	watched map[presence.ID]bool
	came    map[presence.ID]time.Time // when watched
	flying  map[presence.ID]bool
	asked   map[presence.ID]time.Time
	read    map[presence.ID]time.Time
	gone    map[presence.ID]bool
	batches []*plan.Batch
	unequal bool // answers say something, and users are watched by different numbers
	turn    int
}

const people = 60

func newWorld(t *rapid.T) *world {
	w := &world{
		T: t,
		o: plan.Options{
			Batch:        rapid.SampledFrom([]int{1, 2, 7, 100}).Draw(t, "batch"),
			Interval:     5 * time.Second,
			Rate:         float64(rapid.SampledFrom([]int{5, 45}).Draw(t, "rate")),
			Gap:          time.Second,
			RetryRefused: time.Minute,
		},
		now:     time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC),
		poison:  map[presence.ID]bool{},
		unknown: map[presence.ID]bool{},
		watched: map[presence.ID]bool{},
		came:    map[presence.ID]time.Time{},
		flying:  map[presence.ID]bool{},
		asked:   map[presence.ID]time.Time{},
		read:    map[presence.ID]time.Time{},
		gone:    map[presence.ID]bool{},
	}
	w.p = plan.New(w.o)
	for range rapid.IntRange(0, 4).Draw(t, "poison") {
		w.poison[user(rapid.IntRange(0, people-1).Draw(t, "bad"))] = true
	}
	for range rapid.IntRange(0, 4).Draw(t, "unknown") {
		w.unknown[user(rapid.IntRange(0, people-1).Draw(t, "missing"))] = true
	}
	return w
}

func (w *world) watch(t *rapid.T) {
	first, n := rapid.IntRange(0, people-1).Draw(t, "first"), rapid.IntRange(1, 30).Draw(t, "n")
	for i := first; i < min(first+n, people); i++ {
		if id := user(i); !w.watched[id] {
			w.watched[id] = true
			w.came[id] = w.now
			delete(w.read, id)
			delete(w.gone, id)
		}
		w.p.Watch(w.now, user(i))
	}
}

func (w *world) forget(t *rapid.T) {
	first, n := rapid.IntRange(0, people-1).Draw(t, "first"), rapid.IntRange(1, 30).Draw(t, "n")
	for i := first; i < min(first+n, people); i++ {
		delete(w.watched, user(i))
		if !w.flying[user(i)] {
			delete(w.asked, user(i))
		}
		w.p.Forget(user(i))
	}
}

// take lets a request leave as soon as the plan wants one, at most a second from now.
func (w *world) take(*rapid.T) {
	at, ok := w.p.Next(w.now)
	if !ok {
		for id := range w.watched {
			if !w.flying[id] {
				w.Fatalf("%v is watched and not in a request, and the plan has nothing to ask", id)
			}
		}
		return
	}
	if at.After(w.now) {
		w.now = w.now.Add(min(at.Sub(w.now), time.Second))
		if at.After(w.now) {
			return
		}
	}
	b := w.p.Take(w.now)
	if b == nil {
		return // a part of which nobody is watched any more
	}
	if len(b.IDs) == 0 || len(b.IDs) > w.o.Batch {
		w.Fatalf("a request of %d users", len(b.IDs))
	}
	for _, id := range b.IDs {
		switch {
		case w.flying[id]:
			w.Fatalf("%v is in two requests at once", id)
		case !w.watched[id]:
			w.Fatalf("%v is asked for, but not watched", id)
		}
		if before, asked := w.asked[id]; asked && !b.Alone && w.now.Sub(before) < w.o.Gap {
			w.Fatalf("%v is asked again after %v", id, w.now.Sub(before))
		}
		w.flying[id] = true
		w.asked[id] = w.now
	}
	w.batches = append(w.batches, b)
}

// land lets the answer to some request arrive.
func (w *world) land(t *rapid.T) {
	if len(w.batches) > 0 {
		w.settle(rapid.IntRange(0, len(w.batches)-1).Draw(t, "which"), rapid.IntRange(0, 3).Draw(t, "luck") == 0)
	}
}

func (w *world) settle(which int, fail bool) {
	b := w.batches[which]
	w.batches = append(w.batches[:which:which], w.batches[which+1:]...)
	bad := false
	var missing []presence.ID
	for _, id := range b.IDs {
		delete(w.flying, id)
		bad = bad || w.poison[id]
		if w.unknown[id] {
			missing = append(missing, id)
		}
		if !w.watched[id] {
			delete(w.asked, id)
		}
	}
	var gone []presence.ID
	switch {
	case fail:
		w.p.Failed(b, w.now, w.now.Add(time.Duration(len(b.IDs)%4)*time.Second), len(b.IDs)%2 == 0)
	case bad:
		gone = w.p.Refused(b, w.now)
	default:
		for _, id := range b.IDs {
			w.read[id] = w.now
		}
		gone = w.p.Answered(b, w.now, missing, w.said(b)...)
	}
	for _, id := range gone {
		if !w.poison[id] && !w.unknown[id] {
			w.Fatalf("%v is reported gone, but Graph knows them", id)
		}
		if w.gone[id] {
			w.Fatalf("%v is reported gone twice", id)
		}
		w.gone[id] = true
	}
}

// said is what the answer to b says.
func (w *world) said(b *plan.Batch) (said []plan.Seen) {
	for _, id := range b.IDs {
		if w.unequal && w.watched[id] && !w.unknown[id] {
			w.turn++
			said = append(said, plan.Seen{ID: id, Class: plan.Class(w.turn * 5 % 8), Changed: w.turn%7 == 0})
		}
	}
	return said
}

func (w *world) weigh(t *rapid.T) {
	if w.unequal {
		w.p.Weigh(user(rapid.IntRange(0, people-1).Draw(t, "who")), rapid.SampledFrom([]int{0, 1, 5, 1000}).Draw(t, "watchers"))
	}
}

func (w *world) check(*rapid.T) {
	active, left, lap := 0, 0, w.p.Lap()
	for id := range w.watched {
		x, found := w.p.Explain(id)
		if !found || !w.p.Watched(id) {
			w.Fatalf("%v is lost", id)
		}
		if x.InFlight != w.flying[id] {
			w.Fatalf("%v in flight: %v, want %v", id, x.InFlight, w.flying[id])
		}
		if !x.Refused {
			active++
			if x.Asked.Before(lap.Began) {
				left++
			}
		}
	}
	if got := w.p.Active(); got != active {
		w.Fatalf("%d users active, want %d", got, active)
	}
	if lap.Users != active || lap.Left != left {
		w.Fatalf("a lap of %d users, %d not asked, want %d and %d", lap.Users, lap.Left, active, left)
	}
}

// heal lets everything go well for a while, and then looks whether everyone is as they should be.
func (w *world) heal() {
	w.p.Owe(w.now)
	began := w.now
	sweeps := 1.5
	if w.unequal {
		sweeps = 5.5
	}
	for length := 20*time.Second + time.Duration(2.5+sweeps)*w.p.Sweep(); w.now.Sub(began) < length; {
		for len(w.batches) > 0 {
			w.settle(0, false)
		}
		w.take(nil)
		w.now = w.now.Add(time.Second / time.Duration(w.o.Rate))
	}
	for len(w.batches) > 0 {
		w.settle(0, false)
	}
	sweep := w.p.Sweep()
	for id := range w.watched {
		if w.poison[id] || w.unknown[id] {
			if !w.gone[id] {
				w.Errorf("%v is not reported gone", id)
			}
		}
		if age := w.now.Sub(w.read[id]); !w.poison[id] && age > time.Duration(sweeps*float64(sweep)) {
			w.Errorf("%v was read %v ago, a sweep is %v", id, age, sweep)
		}
	}
	if w.p.Owed() != 0 {
		w.Errorf("%d users still owed", w.p.Owed())
	}
}

func TestNobodyIsLostOrAskedTwiceAtOnce(t *testing.T) {
	for name, unequal := range map[string]bool{"equal": false, "unequal": true} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := newWorld(t)
				w.unequal = unequal
				t.Repeat(map[string]func(*rapid.T){
					"":       w.check,
					"watch":  w.watch,
					"forget": w.forget,
					"weigh":  w.weigh,
					"take":   w.take,
					"take2":  w.take,
					"land":   w.land,
					"hasten": func(*rapid.T) { w.p.Hasten(w.now) },
					"wait":   func(*rapid.T) { w.now = w.now.Add(700 * time.Millisecond) },
				})
				w.heal()
			})
		})
	}
}
