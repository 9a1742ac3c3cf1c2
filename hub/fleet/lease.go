package fleet

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	callLimit    = time.Second           // how long one call to the store may take
	carryLimit   = 5 * time.Second       // one that carries parts of a board, or a shard
	firstBackOff = 20 * time.Millisecond // between tries of what must succeed
	lastBackOff  = 500 * time.Millisecond
)

// contest takes the lease whenever it is free, and leads.
func (f *Fleet) contest(ctx context.Context) error {
	for {
		asked := time.Now()
		holder := unique(f.o.Name)
		fence, err := f.acquire(ctx, holder)
		wait := f.o.LeaseTTL / 10
		switch {
		case err == nil:
			f.saw(fence.Number)
			if err = f.serve(ctx, newTerm(f, fence, asked)); err != nil && ctx.Err() == nil {
				f.log.Warn("the term ended", zap.Stringer("fence", fence), zap.Error(err))
			}
			wait = f.o.LeaseTTL / 2 // let others have it
		case errors.Is(err, ErrHeld):
		case ctx.Err() == nil:
			f.log.Debug("the lease cannot be asked for", zap.Error(err))
			// It may have been granted unheard.
			f.release(ctx, Fence{Holder: holder})
		}
		if !sleep(ctx, wait+f.jitter(wait)) {
			return ctx.Err()
		}
	}
}

func (f *Fleet) acquire(ctx context.Context, holder string) (Fence, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	return f.store.Acquire(ctx, holder, f.fence.Load(), f.o.LeaseTTL)
}

func (f *Fleet) release(ctx context.Context, fence Fence) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	if err := f.store.Release(ctx, fence); err != nil {
		f.log.Info("the lease could not be released, it will lapse", zap.Error(err))
	}
}

// serve is a term from its first to its last breath: it makes every shard its own, polls, and hands over. The term is
// kept up until Lead has returned, so that what was spent is on record before another begins.
func (f *Fleet) serve(ctx context.Context, t *Term) error {
	var kept sync.WaitGroup
	keep := func(up func(context.Context) error) {
		kept.Go(func() { t.end(up(t.ctx)) }) // whatever it is that cannot go on
	}
	keep(t.renew)
	leading, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(t.ctx, stop)()
	err := t.begin(leading)
	if err == nil {
		f.metrics.terms.Inc()
		f.log.Info("this process polls", zap.Stringer("fence", t.fence))
		keep(t.beat)
		keep(t.audit)
		keep(t.postDirectory)
		keep(t.gather)
		if f.o.Figures != nil {
			keep(t.publishFigures)
		}
		err = f.o.Lead(leading, t)
	}
	handed := t.flush()
	t.end(errOver)
	kept.Wait()
	t.leave(handed)
	if time.Now().Before(t.until()) && !errors.Is(context.Cause(t.ctx), ErrLost) {
		f.release(ctx, t.fence)
	}
	if cause := context.Cause(t.ctx); !errors.Is(cause, errOver) {
		return cause
	}
	return err
}

// Why a term ends.
var (
	errOver   = errors.New("fleet: the term is over")
	errFenced = errors.New("fleet: another term has written there")
	errLapsed = errors.New("fleet: the lease could not be renewed in time")
)

// renew keeps the lease, or ends the term in time.
func (t *Term) renew(ctx context.Context) error {
	ttl := t.fleet.o.LeaseTTL
	for next := t.asked.Add(ttl / 3); ; {
		timer := time.NewTimer(max(0, min(time.Until(next), time.Until(t.until()))))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		if !t.Held() {
			return errLapsed
		}
		asked := time.Now()
		call, cancel := context.WithTimeout(ctx, min(callLimit, time.Until(t.until())))
		err := t.fleet.store.Renew(call, t.fence, ttl)
		cancel()
		switch {
		case err == nil:
			t.prolong(asked)
			next = asked.Add(ttl / 3)
		case errors.Is(err, ErrLost):
			return err
		default:
			next = time.Now().Add(ttl / 25)
		}
	}
}

// until is when the lease is over by the local clock, at the latest: reckoned from before it was asked for, and
// with a margin for clocks that tick differently.
func (t *Term) until() time.Time { return *t.deadline.Load() }

func (t *Term) prolong(asked time.Time) {
	ttl := t.fleet.o.LeaseTTL
	deadline := asked.Add(ttl - ttl/10)
	t.deadline.Store(&deadline)
}

// renewed is when the store was last asked for the lease and gave it.
func (t *Term) renewed() time.Time {
	ttl := t.fleet.o.LeaseTTL
	return t.until().Add(ttl/10 - ttl)
}

// Held reports whether the lease stands at this instant, without asking anybody. To be asked right before each read
// leaves: a process may have been stopped for any time before it.
func (t *Term) Held() bool { return time.Now().Before(t.until()) && t.ctx.Err() == nil }
