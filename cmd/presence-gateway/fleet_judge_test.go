package main_test

import (
	"slices"
	"strings"
	"time"
)

// slower is how many times longer than on a machine of its own something may take where tests run.
const slower = 3

// strike lets people change, does something to the system, and says how long after what do returned, or after the
// moment it returns, everybody was told that all is live and held exactly the tenant's state again.
func (s *system) strike(what string, limit time.Duration, do func() time.Time) {
	s.Helper()
	s.stirring.Store(true)
	pause(s.T, time.Second)
	struck := time.Now()
	from := do()
	if from.IsZero() {
		from = time.Now()
	}
	pause(s.T, 300*time.Millisecond) // what changes while all is at odds must arrive too
	s.whole(what, from, limit)
	s.announced(what, struck)
}

// whole waits until everybody holds the tenant's state, and judges how long that took.
func (s *system) whole(what string, from time.Time, limit time.Duration) {
	s.Helper()
	s.stirring.Store(false)
	pause(s.T, 50*time.Millisecond) // the last change is made
	truth := s.tenant.truth()
	for deadline := time.Now().Add(40 * time.Second); !s.holds(truth, false); pause(s.T, 10*time.Millisecond) {
		if time.Now().After(deadline) {
			s.holds(truth, true)
			s.Fatalf("%s: not everybody holds the tenant's state", what)
		}
	}
	s.allTold(true, "", time.Now().Add(40*time.Second))
	last := from
	for _, w := range s.watchers {
		w.mu.Lock()
		for _, user := range w.users {
			last = latest(last, w.last(user).at)
		}
		last = latest(last, w.statuses[len(w.statuses)-1].at)
		w.mu.Unlock()
	}
	took := last.Sub(from)
	s.Logf("FIGURE %s: the last client was right again after %v (at most %v)", what, took.Round(time.Millisecond), limit)
	if most := max(slower*limit, 10*time.Second); took > most {
		s.Errorf("%s: the last client was right again after %v, more than %v", what, took, most)
	}
}

// holds reports whether every client holds what is true.
func (s *system) holds(truth map[string]held, complain bool) bool {
	wrong := 0
	for _, w := range s.watchers {
		w.mu.Lock()
		for _, user := range w.users {
			is, has := truth[user], w.last(user)
			if is.availability == has.availability && is.activity == has.activity && number(has.version) == is.version {
				continue
			}
			if wrong++; complain && wrong < 4 {
				s.Errorf("lost: %s is %s of %s since %v, a client of %s holds %s of %s since %v", user, is.availability, is.version, is.at,
					w.address, has.availability, has.version, has.at)
			}
		}
		w.mu.Unlock()
	}
	return wrong == 0
}

// number is Graph's sequence number within a version.
func number(version string) string {
	_, rest, _ := strings.Cut(version, ".")
	n, _, _ := strings.Cut(rest, ".")
	return n
}

// announced says who was told since a moment that states may be old, when first, and when the last one of them.
func (s *system) announced(what string, since time.Time) (clients int, first, last time.Duration) {
	s.Helper()
	reasons := map[string]int{}
	for _, w := range s.watchers {
		w.mu.Lock()
		for _, status := range w.statuses {
			if status.live || status.reason == "disconnected" || status.at.Before(since) {
				continue
			}
			after := status.at.Sub(since)
			if clients++; clients == 1 || after < first {
				first = after
			}
			last = max(last, after)
			reasons[status.reason]++
			break
		}
		w.mu.Unlock()
	}
	if clients > 0 {
		s.Logf("FIGURE %s: degraded was told to %d of %d clients, first after %v, last after %v: %v", what, clients, len(s.watchers),
			first.Round(time.Millisecond), last.Round(time.Millisecond), reasons)
	}
	return clients, first, last
}

// outage checks that clients were told of an outage in time: all of them, or those that some process serves.
func (s *system) outage(what string, since time.Time, clients int) {
	s.Helper()
	told, _, last := s.announced(what, since)
	if told < clients {
		s.Errorf("%s: %d of %d clients were told", what, told, clients)
	}
	if last > 10*time.Second {
		s.Errorf("%s: told after %v", what, last)
	}
}

// promises judges the whole of a run.
func (s *system) promises() {
	s.Helper()
	ended := time.Now()
	var stats struct {
		Reads, Refused, Peak, DuringRetryAfterLate, RepeatedEarly int
	}
	s.tenant.ask("GET", "/sim/stats", "", &stats)
	s.Logf("FIGURE P1: reads %d, peak in any window %d of %d, refused %d, inside a Retry-After %d, repeated before their own %d",
		stats.Reads, stats.Peak, fleetRequests, stats.Refused, stats.DuringRetryAfterLate, stats.RepeatedEarly)
	if stats.Peak > fleetRequests || stats.DuringRetryAfterLate+stats.RepeatedEarly > 0 {
		s.Errorf("P1 is broken: %+v", stats)
	}
	states, back := 0, 0
	for _, w := range s.watchers {
		w.mu.Lock()
		for user, history := range w.history {
			for i, h := range history {
				if states++; i > 0 && number(h.version) < number(history[i-1].version) {
					if back++; back < 4 {
						s.Errorf("%s went back: %+v after %+v", user, h, history[i-1])
					}
				}
			}
		}
		w.mu.Unlock()
	}
	s.follow()
	stretches := s.wrong(s.began, ended)
	worst := time.Duration(0)
	if len(stretches) > 0 {
		worst = slices.Max(stretches)
	}
	s.Logf("FIGURE P2, P3, P6: %d states held by %d clients, %d went back; wrong while told live at most %v",
		states, len(s.watchers), back, worst.Round(time.Millisecond))
	if worst > 10*time.Second+slower*time.Second {
		s.Errorf("P6 is broken: a client held something wrong for %v while it was told that all is live", worst)
	}
}
