package budget_test

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// world is a simulated stretch of time with Graph, a machine, and the processes on it. One thing happens after the
// other and the seed decides all, so that a run is repeated exactly by its seed.
type world struct {
	*testing.T
	weather
	now     time.Time
	events  events
	dice    *rand.Rand
	machine *budget.Machine
	o       budget.Options
	alive   int

	arrivals []time.Time
	left     int
	storm    time.Time                                    // until when what arrives is answered 429
	pause    time.Time                                    // the latest end of a Retry-After that was delivered
	early    int                                          // reads that left inside one
	answer   func() (retryAfter time.Duration, well bool) // nil: as the weather has it
	accepted []time.Time                                  // when good answers were here
	refused  int                                          // 429s delivered
	hasten   bool                                         // keep the full pace after a 429
	record   *memory                                      // shared, in place of a file; nil: a file
}

// weather is how a simulated stretch of time goes.
type weather struct {
	requests  int
	window    time.Duration
	length    time.Duration
	crashes   bool // and crash loops
	restarts  bool // clean ones
	handovers bool // the next process waits beside the one before
	throttle  bool // 429, with and without Retry-After
	clocks    bool // wall clocks jump, machines reboot
	stalls    float64
	lost      float64
}

const grace = 10 * time.Second

func newWorld(t *testing.T, seed uint64, c weather) *world {
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	w := &world{T: t, weather: c, now: start, dice: rand.New(rand.NewPCG(seed, 1))}
	w.machine = &budget.Machine{Boot: "first", Up: start, Time: func() time.Time { return w.now }}
	w.o = budget.Options{Requests: c.requests, Window: c.window, Grace: grace, Dir: folder(t), Identity: "app/tenant"}
	return w
}

// run lets processes live, one after and beside the other.
func (w *world) run() {
	w.begin()
	if w.handovers && w.dice.IntN(2) == 0 {
		w.begin() // someone always waits
	}
	end := w.now.Add(w.length)
	for len(w.events) > 0 && !w.events[0].at.After(end) {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.happen()
	}
	slices.SortFunc(w.arrivals, time.Time.Compare)
}

func (w *world) after(d time.Duration, happen func()) {
	heap.Push(&w.events, event{at: w.now.Add(max(0, d)), happen: happen, order: w.dice.Uint64()})
}

func (w *world) some(mean time.Duration) time.Duration {
	return time.Duration(w.dice.ExpFloat64() * float64(mean))
}

func (w *world) chance(p float64) bool { return w.dice.Float64() < p }

// peak returns the most arrivals in any closed interval of the window.
func (w *world) peak() int {
	peak, first := 0, 0
	for last := range w.arrivals {
		for w.arrivals[last].Sub(w.arrivals[first]) > w.window {
			first++
		}
		peak = max(peak, last-first+1)
	}
	return peak
}

// begin starts a process, which will end somehow and be followed by another.
func (w *world) begin() {
	if w.record != nil {
		w.beginTerm(nil)
		return
	}
	b, err := budget.OpenOn(w.machine, w.o)
	if err != nil {
		w.Fatal(err)
	}
	p := &process{world: w, b: b, flying: map[*read]bool{}, idle: w.stalls > 0 && w.dice.IntN(3) == 0}
	w.alive++
	p.look(0)
	if !w.crashes && !w.restarts {
		return
	}
	life := w.some(3 * w.window)
	if w.dice.IntN(4) == 0 { // a crash loop
		life = w.some(w.window / 10)
	}
	crash := w.crashes && (!w.restarts || w.dice.IntN(2) == 0)
	w.after(life, func() {
		if w.handovers && w.dice.IntN(2) == 0 {
			w.begin()
			w.after(w.some(w.window/4), func() { p.end(crash) })
			return
		}
		p.end(crash)
		gap := time.Duration(0)
		if w.dice.IntN(2) == 0 {
			gap = w.some(w.window / 4)
		}
		w.after(gap, func() {
			w.disturb()
			w.begin()
		})
	})
}

// disturb sets clocks and reboots while nothing runs.
func (w *world) disturb() {
	if !w.clocks || w.alive > 0 {
		return
	}
	switch w.dice.IntN(3) {
	case 0: // the wall clock is set, the machine stays up
		w.machine.Wall = time.Duration(w.dice.NormFloat64() * float64(time.Hour))
	case 1: // rebooted, with the clock right, or behind after the last shutdown's
		w.machine.Boot, w.machine.Up = fmt.Sprint(w.dice.Uint64()), w.now
		w.machine.Wall = min(w.machine.Wall, 0) - time.Duration(w.dice.Int64N(int64(time.Minute)))
	}
}

// process is one life of a poller.
type process struct {
	*world
	b      *budget.Budget
	flying map[*read]bool
	idle   bool
	looks  int // only the latest look counts
	dead   bool
	stuck  bool // between booking and leaving
}

// read is a request under way.
type read struct {
	spend   *budget.Spend
	order   int
	arrives time.Time // at Graph; changed by the death of its process
	never   bool
	refused bool
	wait    time.Duration // its Retry-After
}

func (p *process) look(wait time.Duration) {
	p.looks++
	current := p.looks
	p.after(wait, func() {
		if !p.dead && !p.stuck && p.looks == current {
			p.book()
		}
	})
}

func (p *process) book() {
	spend, wait, err := p.b.Book()
	switch {
	case err != nil:
		p.Fatal(err)
	case spend == nil:
		p.look(wait)
	case p.idle && p.dice.IntN(50) == 0: // the pacer must not catch up all of it
		p.stuck = true
		p.after(time.Duration(p.dice.Int64N(int64(p.window))), func() {
			p.stuck = false
			if !p.dead {
				p.send(spend)
			}
		})
	default:
		p.send(spend)
	}
}

// send lets one read leave. It takes a random time, and reaches Graph somewhen within.
func (p *process) send(spend *budget.Spend) {
	defer p.look(0)
	switch {
	case p.dice.IntN(200) == 0:
		spend.Unused()
		return
	case !spend.Leave():
		return
	}
	p.left++
	if p.now.Before(p.pause) {
		p.early++
	}
	if p.throttle && p.dice.IntN(500) == 0 {
		p.storm = p.now.Add(time.Duration(p.dice.Int64N(int64(p.window))))
	}
	took := 20*time.Millisecond + p.some(40*time.Millisecond)
	if p.chance(p.stalls) {
		took = time.Duration(p.dice.Int64N(int64(grace)))
	}
	lost := p.chance(p.lost)
	if lost {
		took = grace // the poller's own limit
	}
	arrives := time.Duration(p.dice.Int64N(int64(took)))
	switch p.dice.IntN(8) {
	case 0:
		arrives = 0
	case 1:
		arrives = took
	}
	if lost && p.dice.IntN(2) == 0 {
		arrives = took + time.Duration(p.dice.Int64N(int64(grace))) - 1
	}
	at := p.now.Add(arrives)
	r := &read{spend: spend, order: p.left, arrives: at}
	p.flying[r] = true
	p.after(arrives, func() { p.arrive(r, at) })
	p.after(took, func() { p.settle(r, lost) })
}

// arrive is the read's coming to Graph at a time that its process's death may have changed.
func (p *process) arrive(r *read, at time.Time) {
	if r.never || !r.arrives.Equal(at) {
		return
	}
	p.arrivals = append(p.arrivals, p.now)
	switch {
	case p.answer != nil:
		wait, well := p.answer()
		r.refused, r.wait = !well, wait
	case p.now.Before(p.storm):
		r.refused = true
		if p.dice.IntN(3) > 0 {
			r.wait = time.Duration(1+p.dice.IntN(40)) * time.Second
		}
	}
}

// settle is the answer, or the end of waiting for it.
func (p *process) settle(r *read, lost bool) {
	if p.dead {
		return
	}
	delete(p.flying, r)
	switch {
	case lost:
		r.spend.Lost()
	case r.refused:
		p.refused++
		if until := p.now.Add(r.wait); r.wait > 0 && until.After(p.pause) {
			p.pause = until
		}
		r.spend.Throttled(r.wait, r.wait > 0)
		if p.hasten {
			p.b.Quicken()
		}
	default:
		p.accepted = append(p.accepted, p.now)
		r.spend.Answered(p.now)
		p.b.Succeeded()
	}
	p.look(0)
}

// end ends the process. What is in the kernel's and the network's hands may still arrive, within the grace.
func (p *process) end(crash bool) {
	p.dead = true
	p.alive--
	under := make([]*read, 0, len(p.flying))
	for r := range p.flying {
		under = append(under, r)
	}
	slices.SortFunc(under, func(a, b *read) int { return a.order - b.order })
	for _, r := range under {
		if !crash && p.dice.IntN(2) == 0 {
			r.spend.Lost()
		}
		if !r.arrives.After(p.now) {
			continue
		}
		r.never = p.dice.IntN(3) == 0
		if latest := p.now.Add(time.Duration(p.dice.Int64N(int64(grace)))); latest.Before(r.arrives) {
			r.arrives = latest
			p.after(latest.Sub(p.now), func() { p.arrive(r, latest) })
		}
	}
	if crash {
		p.b.Crash()
	} else if err := p.b.Close(); err != nil && p.record == nil {
		p.Error(err)
	}
}

// event is something that happens at a time. What happens at the same time does so in random order.
type event struct {
	at     time.Time
	order  uint64
	happen func()
}

type events []event

func (h events) Len() int { return len(h) }
func (h events) Less(i, j int) bool {
	return h[i].at.Before(h[j].at) || h[i].at.Equal(h[j].at) && h[i].order < h[j].order
}
func (h events) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *events) Push(x any)   { *h = append(*h, x.(event)) }
func (h *events) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	*h = (*h)[:last]
	return e
}
