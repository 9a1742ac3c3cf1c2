package redis_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// Of the budget in this test.
const (
	budgetWindow   = 2 * time.Second
	budgetRequests = 60
	leaseTime      = 600 * time.Millisecond
)

// termRecord is the record of spent reads as one term keeps it.
type termRecord struct {
	store *redis.Store
	fence fleet.Fence
}

func (r termRecord) Load(ctx context.Context) ([]byte, time.Duration, error) {
	text, age, err := r.store.LoadBudget(ctx, r.fence)
	switch {
	case errors.Is(err, fleet.ErrNone):
		return nil, 0, nil
	case errors.Is(err, fleet.ErrForeign):
		err = budget.ErrUnsure
	}
	return text, age, err
}

func (r termRecord) Save(ctx context.Context, text []byte) error {
	return r.store.SaveBudget(ctx, r.fence, text)
}

// spenders are processes that spend one budget one after the other, by a lease.
type spenders struct {
	t       *testing.T
	o       redis.Options
	highest atomic.Uint64 // fence that anybody has heard of, as beats tell
	names   atomic.Int64

	mu    sync.Mutex
	spent []time.Time
	terms int
	now   *spender // who holds the lease
}

// spender is one process.
type spender struct {
	*spenders
	store  *redis.Store
	ctx    context.Context
	leave  context.CancelFunc // hand over
	killed atomic.Bool        // dead at once: nothing is written or released any more
}

func (p *spenders) start() *spender {
	s := &spender{spenders: p, store: open(p.t, p.o)}
	s.ctx, s.leave = context.WithCancel(context.Background())
	return s
}

// run takes the lease again and again, until the process is to end.
func (s *spender) run() {
	var before *budget.Budget
	for s.ctx.Err() == nil && !s.killed.Load() {
		asked := time.Now()
		fence, err := s.store.Acquire(s.ctx, fmt.Sprint("term-", s.names.Add(1)), s.highest.Load(), leaseTime)
		if err != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		before = s.term(fence, asked.Add(leaseTime*9/10), before)
	}
}

func (s *spender) term(fence fleet.Fence, until time.Time, before *budget.Budget) *budget.Budget {
	for n := s.highest.Load(); n < fence.Number && !s.highest.CompareAndSwap(n, fence.Number); n = s.highest.Load() {
	}
	b, err := budget.Open(budget.Options{Requests: budgetRequests, Window: budgetWindow, Grace: leaseTime, Record: termRecord{s.store, fence}, Term: fence.Number, After: before})
	if err != nil {
		return before
	}
	s.mu.Lock()
	s.terms++
	s.now = s
	s.mu.Unlock()
	renewed := time.Now()
	for s.ctx.Err() == nil && !s.killed.Load() && time.Now().Before(until) {
		if time.Since(renewed) > leaseTime/3 {
			asked := time.Now()
			if err := s.store.Renew(s.ctx, fence, leaseTime); err == nil {
				until, renewed = asked.Add(leaseTime*9/10), asked
			} else if errors.Is(err, fleet.ErrLost) {
				break
			}
		}
		waiting, cancel := context.WithTimeout(s.ctx, 20*time.Millisecond)
		spend, err := b.Reserve(waiting)
		cancel()
		if err != nil {
			continue
		}
		if s.killed.Load() || !time.Now().Before(until) || !spend.Leave() {
			spend.Unused()
			continue
		}
		s.mu.Lock()
		s.spent = append(s.spent, time.Now())
		s.mu.Unlock()
		spend.Answered(time.Now())
	}
	if s.killed.Load() {
		return b
	}
	_ = b.Close() // where Redis is gone it cannot be written, and the next term begins on the reserve
	_ = s.store.Release(context.WithoutCancel(s.ctx), fence)
	return b
}

// No window holds more reads than the budget allows, whoever dies: those who spend, by a kill or in peace, or Redis, with
// all it knew.
func TestBudgetHoldsWhoeverDies(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{})
	p := &spenders{t: t, o: redis.Options{Addrs: []string{server.Addr}}}
	var running sync.WaitGroup
	var all []*spender
	run := func() {
		s := p.start()
		all = append(all, s)
		running.Go(s.run)
	}
	holder := func() *spender {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.now
	}
	run()
	run()
	dice := rand.New(rand.NewPCG(1, 1))
	pause := func() { time.Sleep(budgetWindow/4 + rand.N(budgetWindow)) }
	time.Sleep(2 * budgetWindow)
	struck := map[string]int{}
	for round := range 9 {
		what := []string{"killed", "handed over", "emptied", "killed", "Redis killed, back empty", "killed at once"}[round%6]
		struck[what]++
		switch what {
		case "killed":
			holder().killed.Store(true)
			run()
		case "handed over":
			holder().leave()
			run()
		case "emptied":
			server.FlushAll()
		case "Redis killed, back empty":
			server.Kill()
			time.Sleep(time.Duration(dice.Int64N(int64(leaseTime))))
			server.Start()
			time.Sleep(2 * budgetWindow)
		case "killed at once":
			for range 3 {
				holder().killed.Store(true)
				run()
				time.Sleep(leaseTime + 200*time.Millisecond)
			}
		}
		pause()
	}
	time.Sleep(2 * budgetWindow)
	for _, s := range all {
		s.leave()
	}
	running.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	slices.SortFunc(p.spent, time.Time.Compare)
	peak, first := 0, 0
	for last := range p.spent {
		for p.spent[last].Sub(p.spent[first]) > budgetWindow {
			first++
		}
		peak = max(peak, last-first+1)
	}
	t.Logf("%d reads in %d terms, at most %d of %d in a window; %v", len(p.spent), p.terms, peak, budgetRequests, struck)
	if peak > budgetRequests || peak < budgetRequests/2 || p.terms < 8 {
		t.Errorf("%d reads in a window, in %d terms", peak, p.terms)
	}
}
