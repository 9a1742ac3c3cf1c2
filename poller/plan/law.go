package plan

import (
	"math"
	"slices"
	"time"
)

const (
	floor     = 4                // sweeps after which everyone is due, however little they change
	solved    = 10 * time.Second // how long a solution of the law is good, while the number of users stays about the same
	sample    = 50_000           // users a solution looks at
	ahead     = 1.1              // of the budget is planned: all are a little late, which means least to those read least
	unwatched = 0.25             // what a user weighs whom nobody watches, in watchers: the next to look should not see old news
)

// law is how the reads that the budget allows are shared out when they are too few. The mean age of a change when it
// is read, weighted by who watches, is least when users are read at intervals in inverse proportion to the root of
// heat: changes a second times watchers (Cho and Garcia-Molina; Kolobov and others). The scale is set so that all
// the intervals together take what the budget allows. The zero law reads everyone each Options.Interval.
type law struct {
	scale       float64 // interval = scale / sqrt(heat), in ns
	least, most float64 // ns
	until       int64   // when to solve again
	users       int     // how many there were, and the rate; when they are much more or less, sooner
	rate        float64
}

func (l *law) interval(root float64) float64 { return min(max(l.scale/root, l.least), l.most) }

// interval is how long after a read the user should be read again.
func (p *Plan) interval(e *entry) int64 {
	if p.law.scale == 0 {
		return int64(p.o.Interval)
	}
	return int64(p.law.interval(math.Sqrt(p.heat(e))))
}

// next is when a user who was just asked is due again.
func (p *Plan) next(at uint32) int64 {
	e := &p.entries[at]
	wait := p.interval(e)
	// The first time it is some part of the interval, or those read together in the first sweep would be due together
	// ever after. Multiples of the golden ratio are spread evenly.
	if e.read == 0 && p.law.scale != 0 {
		wait = max(int64(p.law.least), int64(float64(wait)*float64(at*2654435769)/(1<<32)))
	}
	return e.asked + wait
}

// heat is how many changes a second, times watchers, the user is thought to make.
func (p *Plan) heat(e *entry) float64 {
	return max(float64(e.watchers), unwatched) * p.rate(e)
}

// keep brings the law up to date, now and then.
func (p *Plan) keep(t int64) {
	drift, shift := p.active-p.law.users, p.o.Rate-p.law.rate
	moved := 8*max(drift, -drift) > p.law.users || 8*math.Abs(shift) > p.law.rate
	if t < p.law.until && !moved {
		return
	}
	p.age(t)
	p.solve()
	p.law.until = t + int64(solved)
	if !moved {
		return
	}
	p.law.users, p.law.rate = p.active, p.o.Rate
	if drift < 0 || shift > 0 {
		p.requeue()
	}
}

// requeue makes everyone due by the law as it is now: the room that those who left make, or a higher rate, is the
// others' at once.
func (p *Plan) requeue() {
	counts := p.counts(known)
	p.known.rebuild(func(n *node) bool {
		if !counts(*n) {
			return false
		}
		if e := &p.entries[n.at]; e.read != 0 && e.fails == 0 {
			e.due = e.asked + p.interval(e)
			n.due = e.due
		}
		return true
	})
}

// solve finds the scale.
func (p *Plan) solve() {
	p.law.scale = 0
	cycle := float64(p.sweep())
	if cycle <= float64(p.o.Interval) {
		return // everyone can be read as often as anyone should
	}
	p.law.least, p.law.most = float64(p.o.Interval), floor*cycle

	// Users are sorted into eight bins an octave of heat, so that one look at them is enough.
	type bin struct{ users, roots float64 }
	var bins [1 << 11]bin
	users, step := 0.0, len(p.entries)/sample+1
	for i := int(p.number) % step; i < len(p.entries); i += step {
		e := &p.entries[i]
		if e.place == nowhere || e.place == refused || e.flags.has(forgotten) {
			continue
		}
		heat := p.heat(e)
		b := &bins[math.Float32bits(float32(heat))>>20]
		b.users++
		b.roots += math.Sqrt(heat)
		users++
	}
	filled := slices.DeleteFunc(bins[:], func(b bin) bool { return b.users == 0 })

	perSecond := ahead * p.o.Rate * float64(p.o.Batch) * users / float64(p.active)
	low, high := 0.0, 128.0 // powers of two, with every scale that can be needed between them
	for range 40 {
		middle := (low + high) / 2
		p.law.scale = math.Exp2(middle)
		planned := 0.0
		for _, b := range filled {
			planned += b.users / p.law.interval(b.roots/b.users)
		}
		if planned*float64(time.Second) > perSecond {
			low = middle
		} else {
			high = middle
		}
	}
}
