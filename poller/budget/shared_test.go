package budget_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// memory is a record that processes share. It forgets, and its clock is not that of the machine.
type memory struct {
	now    func() time.Time
	term   uint64 // whose turn it is
	text   []byte
	saved  time.Time
	skew   time.Duration
	dead   bool
	unsure bool
	lost   time.Time
	past   []past // for going back
}

type past struct {
	text  []byte
	saved time.Time
}

// turn is the memory as one term sees it.
type turn struct {
	*memory
	number uint64
}

var errLost, errDead = errors.New("the lease is lost"), errors.New("nobody answers")

func (t turn) Load(context.Context) ([]byte, time.Duration, error) {
	switch {
	case t.dead:
		return nil, 0, errDead
	case t.number != t.term:
		return nil, 0, errLost
	}
	var err error
	if t.unsure {
		err = budget.ErrUnsure
	}
	return t.text, max(0, t.memory.now().Add(t.skew).Sub(t.saved)), err
}

func (t turn) Save(_ context.Context, text []byte) error {
	switch {
	case t.dead:
		return errDead
	case t.number != t.term:
		return errLost
	}
	t.past = append(t.past, past{t.text, t.saved})
	t.text, t.saved = text, t.memory.now().Add(t.skew)
	return nil
}

// overlap is how long a process may go on that does not know that the lease is lost.
const overlap = 5 * time.Second

// beginTerm starts a process whose turn it is, which will end somehow and be followed by another.
func (w *world) beginTerm(after *budget.Budget) {
	w.record.term++
	o := w.o
	o.Dir, o.Record, o.Term, o.After = "", turn{w.record, w.record.term}, w.record.term, after
	b, err := budget.OpenOn(w.machine, o)
	if err != nil {
		w.Fatal(err)
	}
	p := &process{world: w, b: b, flying: map[*read]bool{}, idle: w.stalls > 0 && w.dice.IntN(3) == 0}
	w.alive++
	p.look(0)
	life := w.some(3 * w.window)
	if w.dice.IntN(4) == 0 {
		life = w.some(w.window / 10)
	}
	w.after(life, func() {
		fault := w.dice.IntN(5)
		if fault >= 3 && w.now.Sub(w.record.lost) < 2*w.window+2*grace {
			fault = 1 // what a store forgets twice in a window, nobody knows
		}
		switch {
		case fault == 0: // handed over
			p.end(false)
			w.after(w.some(time.Second), func() { w.beginTerm(nil) })
		case fault == 2 && !w.throttle: // stopped: it goes on for a while, then sees that the lease is lost
			w.beginTerm(nil)
			w.after(time.Duration(w.dice.Int64N(int64(overlap))), func() { p.end(false) })
		case fault <= 2: // killed: the lease lapses
			p.end(true)
			w.after(w.some(overlap), func() { w.disturb(); w.beginTerm(nil) })
		case fault == 3: // the store went back to what it said before, and to another clock; the process knows of its term
			w.record.lost = w.now
			if n := len(w.record.past); n > 0 {
				then := w.record.past[w.dice.IntN(n)]
				w.record.text, w.record.saved = then.text, then.saved
			}
			w.record.skew = time.Duration(w.dice.NormFloat64() * float64(10*time.Minute))
			w.record.term++
			p.end(false)
			w.beginTerm(b)
		default: // the store came back empty; the process takes the lease again
			w.record.lost = w.now
			w.record.text, w.record.past, w.record.term = nil, nil, 0
			p.end(false)
			w.beginTerm(b)
		}
	})
}

func TestSharedRecordNeverHoldsMoreThanTheLimit(t *testing.T) {
	again(t)
	seeds := 24
	if soak {
		seeds = 1000
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, uint64(seed), weather{requests: []int{10, 60, 300, 1500}[seed%4], window: 30 * time.Second, crashes: true, restarts: true,
				stalls: .2, lost: .1, throttle: seed%3 == 0, clocks: true})
			w.length = w.window * time.Duration(max(12, min(400, 8000/w.requests)))
			w.record = &memory{now: func() time.Time { return w.now }}
			w.check()
		})
	}
}

// term opens the budget of the next term on h's shared record.
func (h *house) term(m *memory, after *budget.Budget) *budget.Budget {
	h.Helper()
	m.now = time.Now
	m.term++
	h.o.Record, h.o.Term, h.o.After = turn{m, m.term}, m.term, after
	return h.open()
}

// few says that a spent window leaves room for what its first reads gave back at most, not for what may leave at once.
func (h *house) few(b *budget.Budget) {
	h.Helper()
	if n := h.spend(b, 100*time.Millisecond); n > 2 {
		h.Errorf("%d reads at once, of a spent window", n)
	}
}

func TestSharedRecordIsHandedOver(t *testing.T) {
	inHouse(t, func(h *house) {
		m := &memory{}
		b := h.term(m, nil)
		h.want("an empty store: a window", h.spend(b, 29*time.Second), 10)
		h.spend(b, 40*time.Second)
		h.close(b)
		b = h.term(m, nil)
		if b.Usage().Reserve {
			h.Error("on the reserve after a clean hand-over")
		}
		h.few(b)
		b.Crash()
		b = h.term(m, nil)
		if !b.Usage().Reserve {
			h.Error("not on the reserve after a crash")
		}
		h.close(b)
	})
}

// The shorter time counts, for either clock may be wrong.
func TestClocksOfSharedRecord(t *testing.T) {
	for name, c := range map[string]struct{ wall, skew time.Duration }{
		"the machine's is ahead": {wall: time.Hour}, "the store's is ahead": {skew: time.Hour},
		"the machine's is behind": {wall: -time.Hour}, "the store's is behind": {skew: -time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				m := &memory{}
				b := h.term(m, nil)
				h.spend(b, 80*time.Second)
				h.close(b)
				h.machine.Boot, h.machine.Up, h.machine.Wall, m.skew = "another machine", time.Now(), c.wall, c.skew
				b = h.term(m, nil)
				h.few(b)
				h.close(b)
			})
		})
	}
}

func TestRecordThatMayNotBeTheLast(t *testing.T) {
	inHouse(t, func(h *house) {
		m := &memory{}
		b := h.term(m, nil)
		h.spend(b, 40*time.Second)
		b.Pause(time.Now().Add(20 * time.Second))
		h.close(b)
		m.unsure = true
		b = h.term(m, nil)
		if u := b.Usage(); !u.Reserve || u.Paused == 0 {
			h.Errorf("an old record that was closed is believed, or its pause is not: %+v", u)
		}
		h.close(b)
	})
}

func TestNothingLeavesThatTheSharedRecordDoesNotKnow(t *testing.T) {
	inHouse(t, func(h *house) {
		m := &memory{}
		b := h.term(m, nil)
		if n := h.spend(b, 8*time.Second); n == 0 || n > 8 {
			h.Errorf("on the reserve: %d reads", n)
		}
		m.dead = true
		h.want("on the reserve, unwritten", h.spend(b, 8*time.Second), 0)
		m.dead = false
		if n := h.spend(b, 8*time.Second); n == 0 {
			h.Error("nothing leaves once it can be written again")
		}
		h.spend(b, 30*time.Second)
		m.dead = true
		s, err := b.Reserve(h.Context())
		if err != nil {
			h.Fatal(err)
		}
		s.Throttled(time.Second, true)
		h.want("a pause is unwritten, and over", h.spend(b, 10*time.Second), 0)
		m.dead = false
		if n := h.spend(b, 8*time.Second); n == 0 {
			h.Error("nothing leaves once it is written")
		}
		h.close(b)

		m.dead = true
		h.o.Record, h.o.Term = turn{m, m.term}, m.term
		if _, err := budget.OpenOn(h.machine, h.o); !errors.Is(err, errDead) {
			h.Errorf("opened on a store that does not answer: %v", err)
		}
		m.dead, m.text = false, []byte("{")
		b = h.term(m, nil)
		h.want("a broken record: a window", h.spend(b, 29*time.Second), 10)
		h.close(b)
	})
}

// A write that was given up may be done late, in place of one that came after it. So the record of a window on the
// reserve that is over does not say that nothing more was spent.
func TestWindowThatIsOverSaysNothing(t *testing.T) {
	inHouse(t, func(h *house) {
		m := &memory{}
		b := h.term(m, nil)
		time.Sleep(28 * time.Second)
		h.spend(b, time.Second)
		late := m.text
		h.spend(b, 2*time.Second)
		m.text, m.saved = late, time.Now()
		h.spend(b, 40*time.Second)
		b.Crash()
		b = h.term(m, nil)
		h.want("after a full window", h.spend(b, 29*time.Second), 10)
		b.Crash()
		b = h.term(m, nil)
		h.want("the same window on the reserve", h.spend(b, 500*time.Millisecond), 0)

		time.Sleep(30 * time.Second) // it is over, and nothing is read
		h.close(b)
		b = h.term(m, nil)
		if b.Usage().Reserve {
			h.Error("on the reserve, though all that was spent is on record")
		}
		h.close(b)
	})
}
