package fleet_test

import (
	"context"
	"errors"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// purse is a budget, in short: a tenth is for the window after a term that did not close its record.
type purse struct {
	world   *world
	term    *fleet.Term
	reserve time.Time // until when only the reserve may be spent
	left    int       // of it
	spent   []time.Time
}

func openPurse(ctx context.Context, w *world, term *fleet.Term) (*purse, error) {
	p := &purse{world: w, term: term}
	record, age, err := term.LoadBudget(ctx)
	switch {
	case err == nil && string(record) == "clean":
		for range limit - limit/10 { // nobody knows when they were spent, in short
			p.spent = append(p.spent, time.Now().Add(-age))
		}
	case err == nil || errors.Is(err, fleet.ErrNone):
		p.reserve, p.left = time.Now().Add(window+window/100), limit/10
		w.mu.Lock()
		w.strike("term begun on the reserve")
		w.mu.Unlock()
	default:
		return nil, err
	}
	return p, term.SaveBudget(ctx, []byte("open"))
}

// take spends one read, or says how long there is none.
func (p *purse) take(context.Context) (time.Duration, error) {
	now := time.Now()
	if now.Before(p.reserve) {
		if p.left == 0 {
			return sweep, nil
		}
		p.left--
		p.spent = append(p.spent, now)
		return 0, nil
	}
	places := limit - limit/10
	if n := len(p.spent); n >= places && now.Sub(p.spent[n-places]) < window+window/100 {
		return sweep, nil
	}
	p.spent = append(p.spent, now)
	return 0, nil
}

func (p *purse) close() error {
	if time.Now().Before(p.reserve) {
		return nil // the next one begins on a reserve of its own
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.term.SaveBudget(ctx, []byte("clean"))
}
