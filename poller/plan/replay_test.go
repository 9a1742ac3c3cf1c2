package plan_test

import (
	"container/heap"
	"encoding/binary"
	"math"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// replay is a trace read under a budget, in virtual time.
type replay struct {
	*trace
	batch    int
	rate     float64 // requests a second
	interval time.Duration
	warm     time.Duration // changes before it do not count
}

// sweep is how long it takes to read everyone once, if nobody is to be read sooner than interval allows.
func (r *replay) sweep() time.Duration {
	return time.Duration(float64(len(r.persons)) / (r.rate * float64(r.batch)) * float64(time.Second))
}

// until is the end of the changes that count: those after it might not be read before the trace ends.
func (r *replay) until() time.Duration { return r.length - 5*r.sweep() - time.Second }

// reader decides who is read.
type reader interface {
	// next returns when a request should leave.
	next(now time.Duration) time.Duration
	// take returns who is in it.
	take(now time.Duration) []int
	// answered says what the oldest request that is not answered brought.
	answered(now time.Duration, seen []plan.Seen)
}

// figures are of all changes, also of those that were over before they were seen, weighted by watchers.
type figures struct {
	mean, p95, p99 time.Duration
	gap            time.Duration // the longest between two reads of anyone, once warm
	unseen         float64       // changes that another one had replaced when they were read
	used           float64       // of the requests that the budget allows, once warm
	reads          int
}

const trip = 35 * time.Millisecond // one way

func (r *replay) run(by reader) figures {
	type flight struct {
		back time.Duration
		seen []plan.Seen
	}
	type sight struct {
		after  time.Duration
		weight float64
	}
	var (
		f       figures
		flights []flight
		sights  []sight
		next    = make([]int, len(r.persons)) // change not yet read
		read    = make([]time.Duration, len(r.persons))
		classes = make([]plan.Class, len(r.persons))
		sent    int
		least   = time.Duration(float64(time.Second) / r.rate)
		weight  float64
		lost    float64
	)
	for i, p := range r.persons {
		classes[i] = p.class
	}
	see := func(i int, leaves time.Duration) plan.Seen {
		p, s := r.persons[i].changes, plan.Seen{ID: user(i)}
		for ; next[i] < len(p) && p[next[i]].at <= leaves+trip; next[i]++ {
			c := p[next[i]]
			classes[i], s.Changed = c.class, true
			if c.at < r.warm || c.at >= r.until() {
				continue
			}
			sights = append(sights, sight{leaves + 2*trip - c.at, float64(r.persons[i].watchers)})
			if after := next[i] + 1; after < len(p) && p[after].at <= leaves+trip {
				lost += float64(r.persons[i].watchers)
			}
		}
		s.Class = classes[i]
		if leaves >= r.warm && leaves < r.until() {
			f.gap = max(f.gap, leaves-read[i])
		}
		read[i] = leaves
		f.reads++
		return s
	}
	for now := time.Duration(0); now < r.length; {
		at := max(now, by.next(now))
		for len(flights) > 0 && flights[0].back <= at { // an answer may change what is next
			by.answered(flights[0].back, flights[0].seen)
			now = max(now, flights[0].back)
			flights = slices.Delete(flights, 0, 1)
			at = max(now, by.next(now))
		}
		taken := by.take(at)
		now = at + least // the budget's own pace
		if len(taken) == 0 {
			continue
		}
		if at >= r.warm && at < r.until() {
			sent++
		}
		seen := make([]plan.Seen, len(taken))
		for k, i := range taken {
			seen[k] = see(i, at)
		}
		flights = append(flights, flight{at + 2*trip, seen})
	}
	for i, p := range r.persons {
		for _, c := range p.changes[next[i]:] {
			if c.at >= r.warm && c.at < r.until() { // never read, which flatters who did not
				sights = append(sights, sight{r.length - c.at, float64(p.watchers)})
			}
		}
		f.gap = max(f.gap, r.until()-read[i])
	}
	slices.SortFunc(sights, func(a, b sight) int { return int(a.after - b.after) })
	sum := 0.0
	for _, s := range sights {
		weight += s.weight
		sum += s.weight * float64(s.after)
	}
	f.mean = time.Duration(sum / weight)
	passed := 0.0
	for _, s := range sights {
		passed += s.weight
		if f.p95 == 0 && passed >= 0.95*weight {
			f.p95 = s.after
		}
		if f.p99 == 0 && passed >= 0.99*weight {
			f.p99 = s.after
		}
	}
	f.unseen = lost / weight
	f.used = float64(sent) / ((r.until() - r.warm).Seconds() * r.rate)
	return f
}

// planned is a reader that the plan decides for.
type planned struct {
	p       *plan.Plan
	told    func(watchers int) int // what the plan is told of them; nil: the truth
	o       plan.Options
	batches []*plan.Batch
}

func (r *replay) planned() *planned {
	d := &planned{o: plan.Options{Batch: r.batch, Rate: r.rate, Interval: r.interval}}
	d.restart(r.trace)
	return d
}

// restart begins anew, with nothing known.
func (d *planned) restart(tr *trace) {
	d.p = plan.New(d.o)
	d.batches = nil
	d.p.Watch(nine, users(0, len(tr.persons))...)
	for i, p := range tr.persons {
		watchers := p.watchers
		if d.told != nil {
			watchers = d.told(watchers)
		}
		d.p.Weigh(user(i), watchers)
	}
}

func (d *planned) next(now time.Duration) time.Duration {
	at, ok := d.p.Next(nine.Add(now))
	if !ok {
		return now
	}
	return at.Sub(nine)
}

func (d *planned) take(now time.Duration) []int {
	b := d.p.Take(nine.Add(now))
	if b == nil {
		return nil
	}
	d.batches = append(d.batches, b)
	taken := make([]int, len(b.IDs))
	for k, id := range b.IDs {
		taken[k] = number(id)
	}
	return taken
}

func (d *planned) answered(now time.Duration, seen []plan.Seen) {
	d.p.Answered(d.batches[0], nine.Add(now), nil, seen...)
	d.batches = slices.Delete(d.batches, 0, 1)
}

// number is the number that user made an id of.
func number(id presence.ID) int { return int(binary.BigEndian.Uint64(id[8:])) - 1 }

// turns is the plain sweep: everyone in turn.
type turns struct {
	*replay
	slot time.Duration
	at   int
}

func (s *turns) next(time.Duration) time.Duration { return s.slot }

func (s *turns) take(now time.Duration) []int {
	n := len(s.persons)
	requests := (n + s.batch - 1) / s.batch
	s.slot = now + max(time.Duration(float64(time.Second)/s.rate), s.interval/time.Duration(requests))
	taken := make([]int, min(n, (n+requests-1)/requests))
	for k := range taken {
		taken[k] = s.at
		s.at = (s.at + 1) % n
	}
	return taken
}

func (s *turns) answered(time.Duration, []plan.Seen) {}

// hindsight knows how often each user will change, and reads each at the fixed interval that is best on the whole.
type hindsight struct {
	*replay
	intervals []time.Duration
	due       dues
	slot      time.Duration
}

type due struct {
	at time.Duration
	i  int
}

type dues []due

func (d dues) Len() int           { return len(d) }
func (d dues) Less(i, j int) bool { return d[i].at < d[j].at }
func (d dues) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dues) Push(x any)        { *d = append(*d, x.(due)) }
func (d *dues) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}

func (r *replay) hindsight() *hindsight {
	h := &hindsight{replay: r, intervals: make([]time.Duration, len(r.persons))}
	roots := make([]float64, len(r.persons))
	for i, p := range r.persons {
		n := 0.05
		for _, c := range p.changes {
			if c.at >= r.warm && c.at < r.until() {
				n = math.Floor(n) + 1
			}
		}
		roots[i] = math.Sqrt(n * float64(p.watchers))
	}
	most := 8 * float64(r.sweep())
	each := func(scale float64, i int) float64 {
		return min(max(scale/roots[i], float64(r.interval)), most)
	}
	low, high := 1.0, 1e18
	for range 100 {
		middle, planned := math.Sqrt(low*high), 0.0
		for i := range roots {
			planned += 1 / each(middle, i)
		}
		if planned > float64(r.batch)*r.rate/1e9 {
			low = middle
		} else {
			high = middle
		}
	}
	for i := range roots {
		h.intervals[i] = time.Duration(each(high, i))
		phase := math.Mod(float64(i)*math.Phi, 1)
		h.due = append(h.due, due{time.Duration(phase * each(high, i)), i})
	}
	heap.Init(&h.due)
	return h
}

func (h *hindsight) next(time.Duration) time.Duration { return h.slot }

func (h *hindsight) take(now time.Duration) []int {
	h.slot = now + time.Duration(float64(time.Second)/h.rate)
	var taken []int
	for len(taken) < h.batch {
		taken = append(taken, heap.Pop(&h.due).(due).i)
	}
	for _, i := range taken {
		heap.Push(&h.due, due{now + h.intervals[i], i})
	}
	return taken
}

func (h *hindsight) answered(time.Duration, []plan.Seen) {}
