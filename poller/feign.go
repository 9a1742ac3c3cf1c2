package poller

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// Somebody who opted out must look like an id that Graph does not know, to whoever may ask for anyone on demand: not only
// in the answer, but in how long it takes. So they are planned like anybody, and left out of what is sent; then they are
// among those whom the answer leaves out.

// part divides a batch into those to ask about and those who opted out. l.mu is held.
func (l *loop) part(batch *plan.Batch) (ids, out []presence.ID) {
	if batch == nil {
		return nil, nil
	}
	if len(l.feigned) == 0 {
		return batch.IDs, nil
	}
	for _, id := range batch.IDs {
		if l.roster.out[id] {
			out = append(out, id)
		} else {
			ids = append(ids, id)
		}
	}
	return ids, out
}

// feign answers a batch of nobody but people who opted out as Graph would if it knew none of them, as fast as it answered
// last. Nothing is sent.
func (l *loop) feign(ctx context.Context, batch *plan.Batch, out []presence.ID) {
	now := time.Now()
	r := result{batch: batch, out: out, asked: now}
	if l.source.BatchSize() == 1 {
		r.err = &graph.Error{Op: "read presences", Status: http.StatusNotFound}
	} else {
		r.answer = &graph.Answer{Asked: now, Answered: now.Add(l.latency)}
	}
	wait := l.latency
	l.flying++
	l.readers.Go(func() {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			r.err = ctx.Err()
		}
		l.results <- r
	})
}

// missing is whom the answer leaves out, those who were not asked about included.
func (r *result) missing() []presence.ID { return slices.Concat(r.answer.Missing, r.out) }
