package plan_test

import (
	"slices"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// lapping is a plan all of whose requests succeed at once, and when each user was asked last.
type lapping struct {
	*testing.T
	p   *plan.Plan
	now time.Time
}

// ask lets the next request leave when the plan wants it to.
func (l *lapping) ask() {
	l.Helper()
	at, ok := l.p.Next(l.now)
	if !ok {
		l.Fatal("nothing to ask")
	}
	if at.After(l.now) {
		l.now = at
	}
	b := l.p.Take(l.now)
	l.p.Answered(b, l.now, nil)
}

// A lap is over when everyone has been asked, and tells how long it took.
func TestLap(t *testing.T) {
	l := &lapping{T: t, p: plan.New(plan.Options{Batch: 2, Interval: 6 * time.Second}), now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}
	if got := l.p.Lap(); got != (plan.Lap{}) {
		t.Errorf("nobody: %+v", got)
	}
	for i := range 6 {
		l.p.Watch(l.now, user(i))
	}
	if got := l.p.Lap(); !got.Began.IsZero() || got.Users != 6 {
		t.Errorf("before the first request: %+v", got)
	}
	began := l.now
	l.ask()
	if got := l.p.Lap(); !got.Began.Equal(began) || got.Users != 6 || got.Left != 4 || got.Last != 0 {
		t.Errorf("after a request of three: %+v", got)
	}
	l.ask()
	l.p.Watch(l.now, user(6))
	if got := l.p.Lap(); got.Users != 7 || got.Left != 3 {
		t.Errorf("a newcomer is asked in this lap: %+v", got)
	}
	l.p.Forget(user(6), user(0))
	if got := l.p.Lap(); got.Users != 5 || got.Left != 2 {
		t.Errorf("who went is not waited for: %+v", got)
	}
	l.ask()
	if got := l.p.Lap(); got.Left != 5 || got.Last != l.now.Sub(began) {
		t.Errorf("a lap that took %v: %+v", l.now.Sub(began), got)
	}
	second := l.p.Lap().Began
	for range 3 {
		l.ask()
	}
	if got := l.p.Lap(); got.Last < 3*time.Second || got.Last > 7*time.Second || !got.Began.After(second) {
		t.Errorf("the second, of three requests within 6 s: %+v", got)
	}
	l.p.Forget(user(1), user(2), user(3), user(4), user(5))
	if got := l.p.Lap(); got != (plan.Lap{}) {
		t.Errorf("nobody again: %+v", got)
	}
}

// A lap whose last users went begins anew with the next request, even in the very instant of the one before.
func TestLapInOneInstant(t *testing.T) {
	now := time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)
	p := plan.New(plan.Options{Batch: 2, RetryRefused: time.Minute})
	p.Watch(now, user(0), user(1), user(2))
	b := p.Take(now)
	for i := range 3 {
		if !slices.Contains(b.IDs, user(i)) || b.IDs[0] == user(i) {
			p.Forget(user(i)) // all but one of the two who are asked
		}
	}
	p.Refused(b, now)
	if b = p.Take(now); b == nil || len(b.IDs) != 1 {
		t.Fatalf("%+v", b)
	}
	if got := p.Lap(); got.Users != 1 || got.Left != 1 || !got.Began.After(now) {
		t.Errorf("asked twice in one instant: %+v", got)
	}
	p.Answered(b, now, nil)
	now = now.Add(10 * time.Second)
	p.Take(now)
	if got := p.Lap(); got.Left != 1 || got.Last != 10*time.Second-1 {
		t.Errorf("the lap after it: %+v", got)
	}
}
