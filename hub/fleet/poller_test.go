package fleet_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
	"github.com/presence-gateway/presence-gateway/poller/budget"
)

var _ poller.Term = (*fleet.Term)(nil)

const (
	limit  = 20
	window = 10 * time.Second
	sweep  = 600 * time.Millisecond
	grace  = 200 * time.Millisecond // a read is under way no longer than this
)

// turn is one term's poller, in short: everyone wanted is read every 600 ms, as far as the budget goes, which is the real
// one.
type turn struct {
	*process
	term      *fleet.Term
	budget    *budget.Budget
	described []presence.ID
	reading   map[presence.ID]bool

	telling sync.Mutex
	success time.Time // of a read
	outage  bool      // reported as what is

	demanding sync.Mutex
	demand    map[presence.ID]bool
}

// record is where the terms' budgets are kept.
type record struct{ term *fleet.Term }

func (r record) Load(ctx context.Context) ([]byte, time.Duration, error) {
	text, age, err := r.term.LoadBudget(ctx)
	switch {
	case errors.Is(err, fleet.ErrNone):
		return nil, 0, nil
	case errors.Is(err, fleet.ErrForeign):
		return text, age, budget.ErrUnsure
	}
	return text, age, err
}

func (r record) Save(ctx context.Context, text []byte) error { return r.term.SaveBudget(ctx, text) }

func (p *process) poll(ctx context.Context, term *fleet.Term) error {
	spending, err := budget.Open(budget.Options{Requests: limit, Window: window, Grace: grace,
		Record: record{term}, Term: term.Number(), After: p.before})
	if err != nil {
		return err
	}
	p.before = spending
	p.world.mu.Lock()
	p.world.strikeIf(spending.Usage().Reserve, "term begun on the reserve")
	p.world.strikeIf(!spending.Usage().Reserve, "term begun where the last one ended")
	p.world.mu.Unlock()
	t := &turn{process: p, term: term, budget: spending, demand: map[presence.ID]bool{}, success: time.Now(), outage: true}
	ctx, cancel := context.WithCancel(ctx)
	var following sync.WaitGroup
	following.Go(func() { t.follow(ctx) })
	following.Go(func() {
		for pause(ctx, 250*time.Millisecond) {
			t.tell(false)
		}
	})
	for err == nil {
		t.plan()
		err = t.read(ctx)
		pause(ctx, sweep)
	}
	cancel()
	following.Wait()
	return errors.Join(err, spending.Close())
}

// follow learns who is watched by somebody.
func (t *turn) follow(ctx context.Context) {
	for {
		wants, err := t.term.Wants(ctx)
		if err != nil {
			return
		}
		t.world.mu.Lock()
		for _, want := range wants {
			if t.world.heard != nil {
				t.world.heard[want.ID] = want.Watchers
			}
		}
		t.world.mu.Unlock()
		t.demanding.Lock()
		for _, want := range wants {
			if delete(t.demand, want.ID); want.Watchers > 0 && index(want.ID) >= 0 {
				t.demand[want.ID] = true
			}
		}
		t.demanding.Unlock()
	}
}

// plan decides who is read, and tells who is not any longer.
func (t *turn) plan() {
	t.world.mu.Lock()
	configured := t.world.configured()
	t.world.mu.Unlock()
	wanted := map[presence.ID]bool{}
	for _, id := range configured {
		wanted[id] = true
	}
	t.demanding.Lock()
	if t.world.onDemand {
		maps.Copy(wanted, t.demand)
	}
	t.demanding.Unlock()
	var lapsed, forgotten []presence.ID
	for id := range t.reading {
		switch {
		case wanted[id]:
		case slices.Contains(t.described, id):
			forgotten = append(forgotten, id)
		default:
			lapsed = append(lapsed, id)
		}
	}
	if t.described == nil || !slices.Equal(t.described, configured) {
		t.described = configured
		t.term.Describe(presence.NewDirectory(slices.Clone(configured), nil, nil))
	}
	t.term.Lapse(lapsed)
	t.term.Forget(forgotten)
	t.reading = wanted
}

// tell reports an outage, or its end: on the reserve a read leaves every 5 s.
func (t *turn) tell(succeeded bool) {
	t.telling.Lock()
	defer t.telling.Unlock()
	switch now := time.Now(); {
	case succeeded:
		if t.outage {
			t.term.Report(presence.Status{})
		}
		t.success, t.outage = now, false
	case !t.outage && now.Sub(t.success) > 7*time.Second:
		t.outage = true
		t.term.Report(presence.Status{Reason: presence.GraphUnavailable, Since: t.success})
	}
}

// read asks the tenant once. The question reaches it, and the answer comes back, whatever has become of who asked.
func (t *turn) read(ctx context.Context) error {
	spend, err := t.budget.Reserve(ctx)
	if err != nil {
		return err
	}
	if !t.term.Held() || !spend.Leave() {
		spend.Unused()
		return nil
	}
	w, asked, name := t.world, time.Now(), t.name
	travel := w.dice(name, "read", 0)
	there, back := time.Duration(20e6+travel.below(60e6)), time.Duration(20e6+travel.below(60e6))
	ids := slices.SortedFunc(maps.Keys(t.reading), presence.ID.Compare)
	answer := make(chan []presence.Reading, 1)
	time.AfterFunc(there, func() {
		w.mu.Lock()
		readings := w.tenant.read(name, ids, asked)
		w.mu.Unlock()
		time.AfterFunc(back, func() { answer <- readings })
	})
	select {
	case readings := <-answer:
		spend.Answered(time.Now())
		for i := range readings {
			readings[i].Answered = time.Now()
		}
		if _, err = t.term.Observe(ctx, readings); err == nil {
			t.tell(true)
		}
		return err
	case <-ctx.Done():
		spend.Lost()
		return ctx.Err()
	}
}
