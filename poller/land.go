package poller

import (
	"context"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// manyRefused is how many requests in a row Graph may refuse because of the ids in them, before the ids are taken for
// innocent: a wrong base URL, or a broken service, must not make everyone gone. A part of a batch that holds anyone
// whom Graph knows is found in far fewer.
const manyRefused = 32

// land deals with what became of a request.
func (l *loop) land(ctx context.Context, r result) error {
	now := time.Now()
	failure := asGraph(r.err)
	if r.sent {
		l.metrics.requests.WithLabelValues(string(l.o.Kind), r.code()).Inc()
	}
	l.mu.Lock()
	l.recent.note(r)
	if r.sent {
		l.pulse.requested(now)
	}
	l.mu.Unlock()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case r.err == nil:
		return l.accepted(ctx, r, now)
	case failure.Status == http.StatusBadRequest || failure.Status == http.StatusNotFound:
		if r.sent {
			l.refused++
		}
		if l.refused < manyRefused {
			return l.refusal(ctx, r, now)
		}
	}
	l.failed(r, failure, now)
	return nil
}

// accepted hands an answer to the term.
func (l *loop) accepted(ctx context.Context, r result, now time.Time) error {
	l.mu.Lock()
	if r.sent {
		l.trouble = nil
		l.o.Budget.Succeeded()
		l.latency = r.answer.Answered.Sub(r.answer.Asked)
		if l.refused >= manyRefused {
			l.plan.Reconsider(now)
		}
		l.refused = 0
	}
	readings := make([]presence.Reading, 0, len(r.batch.IDs))
	for _, reading := range r.answer.Readings {
		if l.plan.Watched(reading.ID) { // it may have been forgotten, or opted out, meanwhile
			readings = append(readings, reading)
		}
	}
	l.mu.Unlock()
	verdicts, err := l.observe(ctx, readings)
	if err != nil {
		return err
	}
	l.seen = l.seen[:0]
	for i, reading := range readings {
		facts := reading.Content.Facts()
		l.seen = append(l.seen, plan.Seen{
			ID:      reading.ID,
			Class:   plan.ClassOf(facts.Availability, facts.Activity),
			Changed: verdicts[i] == presence.Newer,
		})
	}
	l.mu.Lock()
	gone := l.plan.Answered(r.batch, now, r.missing(), l.seen...)
	if r.sent {
		if l.trial.on {
			l.plan.Hasten(now)
		}
		l.trial = trial{}
		if l.outage.succeeded(now) {
			l.plan.Owe(now)
		}
	}
	l.mu.Unlock()
	_, err = l.observe(ctx, appendGone(nil, gone, r.answer.Asked, now))
	return err
}

// refusal deals with a request that Graph refused because of an id in it.
func (l *loop) refusal(ctx context.Context, r result, now time.Time) error {
	l.mu.Lock()
	gone := l.plan.Refused(r.batch, now)
	l.mu.Unlock()
	switch {
	case !r.sent: // and Graph knows nothing of it
	case len(r.batch.IDs) == 1:
		l.log.Warn("Graph refuses this user", zap.Stringer("user", r.batch.IDs[0]), zap.Error(r.err))
	default:
		l.log.Info("Graph refuses a batch, its users are asked in parts", zap.Int("users", len(r.batch.IDs)), zap.Error(r.err))
	}
	// Graph answers, if not what was asked for: no reason to try one at a time.
	if l.trial.on {
		l.trial.again()
	}
	_, err := l.observe(ctx, appendGone(nil, gone, r.asked, now))
	return err
}

// failed puts off a request that brought nothing.
func (l *loop) failed(r result, failure *graph.Error, now time.Time) {
	why := reason(r.err)
	wait, firm, again := max(0, jitter(backOff(r.batch.Failures))-now.Sub(r.asked)), false, false
	switch {
	case why == presence.Throttled:
		wait = 0 // the budget pauses everyone
	case failure.RetryAfterSet:
		wait, firm = failure.RetryAfter, true
		l.o.Budget.Deferred(now.Add(wait)) // a restart would not know whom it was for
	case l.another(failure) && r.batch.Failures == 0:
		// Another token answers it, so this is read again in its turn. Should that fail, too, it waits like any other.
		wait, again = 0, true
	}
	if failure.Status == http.StatusServiceUnavailable {
		if source, ok := l.source.(interface{ CloseIdleConnections() }); ok {
			source.CloseIdleConnections()
		}
	}
	l.mu.Lock()
	l.plan.Failed(r.batch, now, now.Add(wait), firm)
	l.mu.Unlock()

	pause := time.Duration(0)
	if why == presence.Throttled {
		pause = l.o.Budget.Usage().Paused
		l.log.Warn("Graph asks for a pause", zap.Duration("for", pause), zap.Error(r.err))
	} else {
		l.log.Warn("a read failed", zap.Int("users", len(r.batch.IDs)), zap.Error(r.err))
		if firm {
			pause = wait
		}
	}
	l.outage.failed(now, why, pause)
	l.troubled(now, r, why)
	switch {
	case why == presence.Throttled:
		if !l.trial.on {
			l.trial = trial{on: true} // after the pause, one read tells whether it was long enough
		}
		l.trial.again()
	case again:
	case why == presence.Unauthorized, l.outage.total(now):
		l.trial.begin(now)
	}
}

// another lets the credential look for another token where Graph refuses this one, and reports whether there will be one
// that answers Graph's challenge.
func (l *loop) another(failure *graph.Error) bool {
	if failure.Claims != "" {
		c, ok := l.o.Credential.(interface{ Challenge(claims string) bool })
		return ok && c.Challenge(failure.Claims)
	}
	// It may be older than a permission that was granted meanwhile.
	if failure.Status == http.StatusUnauthorized || failure.Status == http.StatusForbidden {
		if c, ok := l.o.Credential.(interface{ Renew() bool }); ok {
			c.Renew()
		}
	}
	return false
}

// observe hands readings to the term and counts what they mean. The verdicts are valid until the next call.
func (l *loop) observe(ctx context.Context, readings []presence.Reading) ([]presence.Verdict, error) {
	if len(readings) == 0 {
		return nil, nil
	}
	verdicts, err := l.term.Observe(ctx, readings)
	if err != nil {
		return nil, err
	}
	changed := 0
	for _, v := range verdicts {
		switch v {
		case presence.Newer:
			changed++
		case presence.Lagging:
			l.metrics.regressed.Inc()
		}
	}
	l.metrics.changes.Add(float64(changed))
	l.mu.Lock()
	l.pulse.changed(time.Now(), changed)
	l.mu.Unlock()
	return verdicts, nil
}

// appendGone appends a reading for each user whom Graph does not know.
func appendGone(readings []presence.Reading, gone []presence.ID, asked, answered time.Time) []presence.Reading {
	for _, id := range gone {
		readings = append(readings, presence.Reading{ID: id, Asked: asked, Answered: answered})
	}
	return readings
}
