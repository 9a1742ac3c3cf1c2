package poller_test

import (
	"context"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// restless is a term to which some users are news in every reading, and the others in none.
type restless struct {
	*term
	those map[presence.ID]bool
}

func (r restless) Observe(ctx context.Context, readings []presence.Reading) ([]presence.Verdict, error) {
	verdicts, err := r.term.Observe(ctx, readings)
	for i, reading := range readings {
		if verdicts[i] = presence.Confirmed; r.those[reading.ID] {
			verdicts[i] = presence.Newer
		}
	}
	return verdicts, err
}

// quiet is a source by which some users are offline.
type quiet struct {
	*source
	those map[presence.ID]bool
}

var offline = presence.Intern(presence.Facts{Availability: "Offline", Activity: "Offline"}, 0)

func (q quiet) Read(ctx context.Context, ids []presence.ID) (*graph.Answer, error) {
	a, err := q.source.Read(ctx, ids)
	if err != nil {
		return nil, err
	}
	for i := range a.Readings {
		if q.those[a.Readings[i].ID] {
			a.Readings[i].Content = offline
		}
	}
	return a, nil
}

func set(ids []presence.ID) map[presence.ID]bool {
	set := map[presence.ID]bool{}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// When not everyone can be read each interval, those are read more who are watched by more, change more, or are in a
// state that soon changes.
func TestTheBudgetGoesWhereItIsNeeded(t *testing.T) {
	perform(t, func(s *stage) {
		s.source.size = 1
		s.o.Interval = time.Second
		s.o.Watch = poller.Watch{Users: users(0, 400)}
		p, err := poller.New(quiet{s.source, set(users(200, 100))}, restless{s.term, set(users(100, 100))}, s.o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- p.Run(ctx) }()
		wants := []presence.Want{{ID: user(1000), Watchers: 1}} // who is not configured
		for _, id := range users(0, 100) {
			wants = append(wants, presence.Want{ID: id, Watchers: 9})
		}
		select {
		case s.term.wants <- wants:
		case <-time.After(time.Minute):
			t.Error("nobody asks who is watched")
		}
		s.wait(2 * time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		times := func(from int) (sum int) {
			for _, id := range users(from, 100) {
				sum += s.source.times(id)
			}
			return sum
		}
		watched, changing, off, others := times(0), times(100), times(200), times(300)
		if 2*watched < 3*others || 2*changing < 3*others || 3*off > 2*others {
			t.Errorf("requests for 100 who are watched: %d, who change: %d, who are offline: %d, others: %d", watched, changing, off, others)
		}
		if s.source.times(user(1000)) > 0 {
			t.Error("someone was read who is not configured")
		}
	})
}

// After a refusal reads leave at a lower pace. What is planned follows, or everyone would be late until it is back.
func TestThePlanFollowsThePace(t *testing.T) {
	perform(t, func(s *stage) {
		s.source.size = 1
		s.o.Interval = time.Second
		s.o.Watch = poller.Watch{Users: users(0, 400)}
		s.start()
		planned := func() (perSecond float64) {
			for _, id := range users(0, 400) {
				if e := s.poller.Explain(id); !e.NextDue.IsZero() && !e.InFlight {
					perSecond += 1 / e.NextDue.Sub(e.LastAsked).Seconds()
				}
			}
			return perSecond
		}
		s.wait(time.Minute)
		before := planned()
		for range 5 {
			s.source.play(once(retryAfter(429, time.Second)))
			s.wait(5 * time.Second)
		}
		s.wait(20 * time.Second)
		pace := s.budget.Usage().Pace
		if got := planned() / before; pace > 0.6 || got > pace+0.1 || got < pace-0.1 {
			t.Errorf("at %.2f of the pace, %.2f of what was planned before is", pace, got)
		}
		s.wait(8 * time.Minute)
		if got := planned() / before; got < 0.9 {
			t.Errorf("at the full pace again, %.2f of what was planned before is", got)
		}
	})
}
