package fleet_test

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// purse is a budget, in short: a tenth is for the window after a term that did not close its record.
type purse struct {
	world   *world
	term    *fleet.Term
	reserve time.Time // until when only the reserve may be spent
	spent   []time.Time
}

// purseRecord is how a purse is left: Spent says how long before it was saved each read came back. Open: nobody knows.
type purseRecord struct {
	Open  bool
	Spent []time.Duration
}

const (
	saved  = limit / 10 // the reserve
	places = limit - saved
	rest   = window + window/100
)

func openPurse(ctx context.Context, w *world, term *fleet.Term) (*purse, error) {
	p := &purse{world: w, term: term}
	text, age, err := term.LoadBudget(ctx)
	record := purseRecord{Open: true}
	switch {
	case err == nil:
		if err := json.Unmarshal(text, &record); err != nil {
			return nil, err
		}
	case !errors.Is(err, fleet.ErrNone) && !errors.Is(err, fleet.ErrForeign):
		return nil, err
	}
	if record.Open {
		p.reserve = time.Now().Add(rest)
	}
	for _, before := range record.Spent {
		p.spent = append(p.spent, time.Now().Add(-age-before))
	}
	w.mu.Lock()
	w.strikeIf(record.Open, "term begun on the reserve")
	w.strikeIf(!record.Open, "term begun where the last one ended")
	w.mu.Unlock()
	return p, p.save(ctx, purseRecord{Open: true})
}

func (p *purse) save(ctx context.Context, r purseRecord) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return p.term.SaveBudget(ctx, text)
}

// take spends one read, or says how long there is none.
func (p *purse) take() time.Duration {
	now, most := time.Now(), places
	if now.Before(p.reserve) {
		most = saved
	}
	if n := len(p.spent); n >= most && now.Sub(p.spent[n-most]) < rest {
		return sweep
	}
	p.spent = append(p.spent, now)
	return 0
}

func (p *purse) close() error {
	now := time.Now()
	if now.Before(p.reserve) {
		return nil // the next one begins on a reserve of its own
	}
	var r purseRecord
	for _, at := range p.spent {
		if age := now.Sub(at); age < rest {
			r.Spent = append(r.Spent, age)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return p.save(ctx, r)
}
