package poller

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

const (
	maxReads = 128 // under way at once; at 45 a second, answers would have to take 3 s to reach it
	look     = 200 * time.Millisecond

	doubtful      = 4 * time.Second // without a success, after which a read gets only
	doubtfulLimit = 9 * time.Second // so that one is tried every 10 s

	// probeAfter is the longest time without a request: with a longer interval and few users nobody may be due for
	// minutes, and an outage would begin unseen. Then those due first are read early.
	probeAfter = 5 * time.Second
)

// loop is one Run's deciding goroutine. All but reserve and read runs on it.
type loop struct {
	*Poller
	updates <-chan update
	results chan result
	wanted  chan struct{}        // one slot: a permit is wanted
	permits chan *budget.Spend   // and here it is
	changed <-chan struct{}      // the credential's next change; nil: it does not tell
	trusted <-chan struct{}      // the same of the source
	readers sync.WaitGroup       // read
	waiting bool                 // a permit was wanted and has not come
	flying  int                  // reads under way
	left    time.Time            // when the last one left, or nobody could be asked
	outage  outage               // what clients are told
	trial   trial                // one request at a time, while everything fails
	refused int                  // requests refused in a row, none accepted since
	told    map[presence.ID]bool // opted out and reported gone
	feigned map[presence.ID]bool // opted out, asked for on demand, and planned like anybody: see feign.go
	latency time.Duration        // of the last read that was answered
	seen    []plan.Seen          // reused
	tried   bool                 // every group was asked for once, whatever came of it
}

func newLoop(p *Poller, updates <-chan update) *loop {
	l := &loop{
		Poller:  p,
		updates: updates,
		results: make(chan result, maxReads),
		wanted:  make(chan struct{}, 1),
		permits: make(chan *budget.Spend),
		told:    map[presence.ID]bool{},
		feigned: map[presence.ID]bool{},
		tried:   !p.roster.incomplete(),
	}
	l.changed, l.trusted = p.credentialChange(), p.sourceChange()
	return l
}

// credentialChange returns the channel of the credential's next change; nil if it does not tell.
func (p *Poller) credentialChange() <-chan struct{} {
	if c, ok := p.o.Credential.(interface{ Changed() <-chan struct{} }); ok {
		return c.Changed()
	}
	return nil
}

// sourceChange returns the channel of the source's next change; nil if it does not tell.
func (p *Poller) sourceChange() <-chan struct{} {
	if s, ok := p.source.(interface{ Changed() <-chan struct{} }); ok {
		return s.Changed()
	}
	return nil
}

func (l *loop) run(ctx context.Context, first update) error {
	defer l.readers.Wait() // results has room for all of them
	l.outage.begin(time.Now(), l.o.Before)
	l.left = time.Now()
	if err := l.apply(ctx, first); err != nil {
		return err
	}
	tick := time.NewTicker(look)
	defer tick.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		timer.Reset(l.ask(time.Now()))
		var err error
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-tick.C:
			err = l.tick(ctx)
		case spend := <-l.permits:
			l.waiting = false
			l.send(ctx, spend)
		case r := <-l.results:
			l.flying--
			err = l.land(ctx, r)
		case u := <-l.updates:
			err = l.apply(ctx, u)
		case <-l.changed:
			l.changed = l.credentialChange()
			l.tryNow()
		case <-l.trusted:
			l.trusted = l.sourceChange()
			l.tryNow()
		}
		if err != nil {
			return err
		}
	}
}

// reserve gets permits from the budget, one at a time and only when the loop wants one.
func (l *loop) reserve(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-l.wanted:
		}
		spend, err := l.o.Budget.Reserve(ctx)
		if err != nil {
			return err
		}
		select {
		case l.permits <- spend:
		case <-ctx.Done():
			spend.Unused()
			return ctx.Err()
		}
	}
}

// next returns when a read should leave.
func (l *loop) next(now time.Time) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trial.on {
		if now.Before(l.trial.at) {
			return l.trial.at, true
		}
		l.plan.Hasten(now)
	}
	at, ok := l.plan.Next(now)
	if probe := l.left.Add(l.probe()); ok && probe.Before(at) {
		at = probe
	}
	return at, ok
}

// probe is the longest time without a request. A small budget is not spent on little else.
func (l *loop) probe() time.Duration {
	return max(probeAfter, time.Duration(2*float64(time.Second)/l.o.Budget.Rate()))
}

// ask wants a permit if a read should leave now, and returns how long until that is to be looked at again.
func (l *loop) ask(now time.Time) time.Duration {
	at, ok := l.next(now)
	switch {
	case !ok || l.waiting || l.flying >= maxReads:
		return time.Hour // something else wakes the loop
	case at.After(now):
		return at.Sub(now)
	}
	l.waiting = true
	l.wanted <- struct{}{}
	return time.Hour
}

// send lets a read leave with spend, if one is still wanted.
func (l *loop) send(ctx context.Context, spend *budget.Spend) {
	now := time.Now()
	at, ok := l.next(now)
	if !ok || at.After(now) {
		spend.Unused()
		return
	}
	if !spend.Leave() {
		return
	}
	l.mu.Lock()
	batch := l.plan.Take(now)
	ids, out := l.part(batch)
	l.mu.Unlock()
	l.left = now
	if len(ids) == 0 {
		spend.Unused()
		if len(out) > 0 {
			l.feign(ctx, batch, out)
		}
		return
	}
	// The next one must not wait long for one that hangs.
	limit := time.Duration(0)
	if l.trial.on || now.Sub(l.outage.success) >= doubtful {
		limit = doubtfulLimit
	}
	l.trial.left(now)
	l.flying++
	l.readers.Go(func() {
		ctx, cancel := within(ctx, limit)
		defer cancel()
		r := read(ctx, l.source, ids, spend)
		r.batch, r.out = batch, out
		l.results <- r
	})
}

// within gives ctx a limit, if there is one.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// tick looks after everything that happens by time alone.
func (l *loop) tick(ctx context.Context) error {
	now := time.Now()
	usage := l.o.Budget.Usage()
	rate := l.o.Budget.Rate()
	l.mu.Lock()
	l.plan.SetRate(rate)
	lapsed := l.roster.lapse(now)
	// Members who are not known yet are users whose reads are due.
	unknown := l.plan.Active() == 0 && l.roster.incomplete()
	s := sight{
		nobody: l.plan.Active() == 0 && !unknown,
		due:    l.plan.Due(now) || unknown,
		owed:   l.plan.Owed(),
		sweep:  l.plan.Sweep(),
		held:   usage.Held,
		paused: usage.Paused > 0,
	}
	l.mu.Unlock()
	l.metrics.sweep.Set(s.sweep.Seconds())
	if err := l.change(ctx, lapsed); err != nil {
		return err
	}
	if status, news := l.outage.tick(now, s); news {
		l.report(status)
	}
	return nil
}

func (l *loop) report(status presence.Status) {
	if status.Live() {
		l.log.Info("reads succeed, and what was overdue has been read")
	} else {
		l.log.Warn("no read succeeds", zap.String("reason", string(status.Reason)), zap.Time("since", status.Since))
	}
	l.term.Report(status)
}

// tryNow ends every wait but those that Graph asked for.
func (l *loop) tryNow() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plan.Hasten(time.Now())
	l.trial.again()
}

// trial is the way to find out whether reads succeed again: one at a time, ever more seldom.
type trial struct {
	on   bool
	step int
	at   time.Time // when the next one leaves
}

const lastTrial = 8 * time.Second // with the look that finds it due, less than the promised 10 s

func (t *trial) begin(now time.Time) {
	if !t.on {
		*t = trial{on: true}
		t.left(now)
	}
}

// left spaces the next request from this one's leaving, whether it fails at once or hangs.
func (t *trial) left(now time.Time) {
	if t.on {
		t.at = now.Add(jitter(backOff(t.step)))
		t.step++
	}
}

func (t *trial) again() { t.step, t.at = 0, time.Time{} }

// backOff returns 1 s doubled step times, at most 8 s.
func backOff(step int) time.Duration { return min(time.Second<<min(max(step, 0), 10), lastTrial) }

// jitter returns a random time between half of d and d, so that many do not come back together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d/2+1) }
