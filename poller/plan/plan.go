package plan

import (
	"cmp"
	"math"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Options of a [Plan]. The zero value reads batches of 650 every 5 s.
type Options struct {
	Batch        int           // users in a request; default 650
	Interval     time.Duration // how often each user should be read; default 5 s
	Rate         float64       // requests a second that the budget allows; default 45
	Gap          time.Duration // nobody is asked again sooner only to fill a request; default half of Interval, at most 1 s
	RetryRefused time.Duration // how often who was refused alone is asked again; default 9 min
}

// Plan is who is watched and when each was asked. Create it with [New].
type Plan struct {
	o     Options
	epoch time.Time

	entries []entry
	free    []uint32
	byID    map[presence.ID]uint32

	fresh    queue   // users never asked, in order of their coming
	known    queue   // the others
	refused  queue   // by when to ask again
	waiting  []group // failed
	suspects []group // parts of refused batches, of proven users; the last goes first
	strange  []group // the same, of users who are not

	active  int // watched and not refused
	flying  int // users in requests
	owed    int // see Owe
	law     law
	hazards [classes]hazard
	lap     lap
	latest  int64 // when the last request left
	aged    int64 // when hazards faded last

	slot   int64 // when the next request leaves if nothing is urgent
	apart  int64 // until when newcomers keep to themselves
	turn   uint32
	number uint32
}

// never is the due time of who was never asked, less than any other; sooner is that of those among them who are
// watched.
const (
	never  = math.MinInt64 / 2
	sooner = math.MinInt64 / 4 * 3
)

// New returns a plan for nobody.
func New(o Options) *Plan {
	o.Batch = cmp.Or(o.Batch, 650)
	o.Interval = cmp.Or(o.Interval, 5*time.Second)
	o.Rate = cmp.Or(o.Rate, 45)
	o.Gap = cmp.Or(o.Gap, min(o.Interval/2, time.Second))
	o.RetryRefused = cmp.Or(o.RetryRefused, 9*time.Minute)
	return &Plan{o: o, byID: map[presence.ID]uint32{}, law: law{rate: o.Rate}}
}

// time is now on the plan's own scale, which begins an hour before the first call: zero stays never.
func (p *Plan) time(now time.Time) int64 {
	if p.epoch.IsZero() {
		p.epoch = now.Add(-time.Hour)
	}
	return int64(now.Sub(p.epoch))
}

func (p *Plan) moment(t int64) time.Time {
	if t <= 0 {
		return time.Time{}
	}
	return p.epoch.Add(time.Duration(t))
}

// SetRate changes Options.Rate: the law's intervals stretch with a lower one, so that nobody is late because of it, and
// a sweep takes longer.
func (p *Plan) SetRate(perSecond float64) { p.o.Rate = perSecond }

// Watch adds users, to be asked at once. Those watched already stay as they are.
func (p *Plan) Watch(now time.Time, ids ...presence.ID) {
	t := p.time(now)
	for _, id := range ids {
		at, found := p.byID[id]
		if found {
			if e := &p.entries[at]; e.flags.has(forgotten) {
				e.flags &^= forgotten | gone
				e.misses, e.fails = 0, 0
				e.read = 0
				p.join(e)
			}
			continue
		}
		at = p.allocate()
		p.entries[at] = entry{id: id, due: never + t}
		p.byID[id] = at
		p.join(&p.entries[at])
		p.enqueue(at, newcomers)
	}
}

// Weigh says how many watch a user now. Who was never asked and is watched goes before all whom nobody watches; others
// who are watched by twice as many as before need not wait as long as they would have.
func (p *Plan) Weigh(id presence.ID, watchers int) {
	at, found := p.byID[id]
	if !found {
		return
	}
	e := &p.entries[at]
	before := e.watchers
	e.watchers = uint32(min(max(watchers, 0), math.MaxInt32))
	if e.watchers == 0 || e.watchers < 2*before {
		return
	}
	switch {
	case e.place == newcomers && e.due >= never:
		p.fresh.live--
		e.due += sooner - never
		p.enqueue(at, newcomers)
	case e.place == known && e.read != 0 && e.fails == 0:
		if due := e.asked + p.interval(e); due < e.due {
			p.known.live--
			e.due = due
			p.enqueue(at, known)
		}
	}
}

func (p *Plan) allocate() uint32 {
	if last := len(p.free) - 1; last >= 0 {
		at := p.free[last]
		p.free = p.free[:last]
		return at
	}
	p.entries = append(p.entries, entry{})
	return uint32(len(p.entries) - 1)
}

// Forget removes users. Who is in a request just now is left out of its outcome.
func (p *Plan) Forget(ids ...presence.ID) {
	for _, id := range ids {
		at, found := p.byID[id]
		if !found || p.entries[at].flags.has(forgotten) {
			continue
		}
		e := &p.entries[at]
		p.settle(e)
		switch e.place {
		case newcomers:
			p.fresh.live--
		case known:
			p.known.live--
		case refused:
			p.refused.live--
			p.join(e) // was not counted
		default:
			e.flags |= forgotten
			p.quit(e)
			continue
		}
		p.quit(e)
		p.release(at)
	}
	p.fresh.tidy(p.counts(newcomers))
	p.known.tidy(p.counts(known))
	p.refused.tidy(p.counts(refused))
}

// release frees an entry that is in no request and no group. Its node in a queue, if any, no longer counts.
func (p *Plan) release(at uint32) {
	delete(p.byID, p.entries[at].id)
	p.entries[at] = entry{}
	p.free = append(p.free, at)
}

func (p *Plan) settle(e *entry) {
	if e.flags.has(owed) {
		e.flags &^= owed
		p.owed--
	}
}

func (p *Plan) enqueue(at uint32, where place) {
	e := &p.entries[at]
	e.place = where
	p.queue(where).push(node{due: e.due, at: at})
}

func (p *Plan) queue(where place) *queue {
	switch where {
	case newcomers:
		return &p.fresh
	case refused:
		return &p.refused
	}
	return &p.known
}

func (p *Plan) counts(where place) func(node) bool {
	return func(n node) bool { return p.entries[n.at].place == where && p.entries[n.at].due == n.due }
}

// head returns the entry due first in a queue, or nil.
func (p *Plan) head(where place) *entry {
	q, counts := p.queue(where), p.counts(where)
	for len(q.nodes) > 0 {
		if counts(q.nodes[0]) {
			return &p.entries[q.nodes[0].at]
		}
		q.pop()
	}
	return nil
}

// Active returns how many users are watched and not refused.
func (p *Plan) Active() int { return p.active }

// Watched reports whether id is watched.
func (p *Plan) Watched(id presence.ID) bool {
	at, found := p.byID[id]
	return found && !p.entries[at].flags.has(forgotten)
}

// Sweep returns how long it takes to ask everyone once.
func (p *Plan) Sweep() time.Duration { return max(p.o.Interval, p.sweep()) }

// sweep is as long as the budget needs for it.
func (p *Plan) sweep() time.Duration {
	requests := (p.active + p.o.Batch - 1) / p.o.Batch
	return time.Duration(float64(requests) / p.o.Rate * float64(time.Second))
}

// spacing is the time between two requests when nothing is urgent.
func (p *Plan) spacing() int64 {
	requests := max(1, (p.active+p.o.Batch-1)/p.o.Batch)
	return max(int64(p.o.Interval)/int64(requests), int64(float64(time.Second)/p.o.Rate))
}

// Owe notes everyone whose read is overdue at now: when [Plan.Owed] is zero, each of them was read again, turned out
// refused, or is no longer watched. It looks at every user.
func (p *Plan) Owe(now time.Time) {
	t := p.time(now)
	p.owed = 0
	for i := range p.entries {
		e := &p.entries[i]
		e.flags &^= owed
		if e.place != nowhere && e.place != refused && !e.flags.has(forgotten) && e.due < t {
			e.flags |= owed
			p.owed++
		}
	}
}

// Owed returns how many users that Owe noted are still to be read.
func (p *Plan) Owed() int { return p.owed }
