package fleet

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	figuresEvery = 2 * time.Second // how often whoever polls says how it goes
	figuresLook  = time.Second     // how often the store is asked for it at most, whoever wants to know
	figuresTTL   = time.Minute     // how long it outlives them
	figuresLimit = 16 << 10        // bytes
)

// heardFigures is what the process that polls said last of its reading, as far as it was asked for here.
type heardFigures struct {
	mu    sync.Mutex
	said  []byte
	as    time.Time // of when it is, by the clock here
	asked time.Time
}

// publishFigures lets the operators of every process know how the reading goes. They are nothing that a term depends on:
// what cannot be told now is told next time.
func (t *Term) publishFigures(ctx context.Context) error {
	tick := time.NewTicker(figuresEvery)
	defer tick.Stop()
	for {
		if said := t.fleet.o.Figures(); len(said) > 0 && len(said) <= figuresLimit {
			call, cancel := context.WithTimeout(ctx, callLimit)
			err := t.fleet.store.PostFigures(call, t.fence, said, figuresTTL)
			cancel()
			if err != nil && ctx.Err() == nil {
				t.fleet.log.Debug("how the reading goes cannot be told", zap.Error(err))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// Figures returns what the process that polls, or polled last, said of its reading by [Options].Figures, and how long ago.
// While the store does not answer it is what was heard before; [ErrNone] where nothing was. What is returned must not be
// changed. It may be called as often as one likes.
func (f *Fleet) Figures(ctx context.Context) (said []byte, age time.Duration, err error) {
	h := &f.figures
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); now.Sub(h.asked) >= figuresLook {
		call, cancel := context.WithTimeout(ctx, callLimit)
		said, age, err := f.store.Figures(call)
		cancel()
		switch {
		case err == nil && len(said) <= figuresLimit:
			h.said, h.as = said, now.Add(-age)
		case err != nil && ctx.Err() == nil:
			f.log.Debug("how the reading goes cannot be asked", zap.Error(err))
		}
		if ctx.Err() == nil {
			h.asked = now
		}
	}
	if age = time.Since(h.as); h.said == nil || age > figuresTTL {
		return nil, 0, ErrNone
	}
	return h.said, age, nil
}
