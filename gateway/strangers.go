package gateway

import (
	"context"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// strangers keeps made-up ids from stretching everyone's sweep. Where users are read on demand, anybody can ask for
// ids that nobody has; Graph must be asked to find out. A subject through whom too many such ids came within a minute
// gets no further ones read: they stay pending. Whoever was read before, or is watched by configuration, is no stranger.
type strangers struct {
	hub     *hub.Hub
	allowed float64 // unknown ids a minute and subject

	mu       sync.Mutex
	subjects map[string]*bucket
	asked    map[presence.ID]question // not answered yet
}

type question struct {
	subject string
	at      time.Time
}

const (
	strangersLook  = time.Second
	strangersKnown = 2 * time.Minute // after which an id that nobody read is not waited for
)

func newStrangers(h *hub.Hub, allowed int) *strangers {
	return &strangers{hub: h, allowed: float64(allowed), subjects: map[string]*bucket{}, asked: map[presence.ID]question{}}
}

// admit returns whom of ids the subject may have read, and the others as they are to be shown: pending.
func (s *strangers) admit(subject string, ids []presence.ID, d *presence.Directory) (admitted []presence.ID, held []hub.Item) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	admitted = ids[:0:0]
	for _, item := range s.hub.Get(nil, ids...) {
		_, waiting := s.asked[item.ID]
		switch {
		case waiting, !item.Pending(), d.Watched(item.ID):
			admitted = append(admitted, item.ID)
		case s.spent(subject, now):
			held = append(held, item)
		default:
			s.asked[item.ID] = question{subject, now}
			admitted = append(admitted, item.ID)
		}
	}
	return admitted, held
}

func (s *strangers) spent(subject string, now time.Time) bool {
	b := s.subjects[subject]
	return b != nil && b.available(now) < 1
}

// follow counts the answers until the context ends.
func (s *strangers) follow(ctx context.Context) {
	for pause(ctx, strangersLook) {
		s.settle(time.Now())
	}
}

func (s *strangers) settle(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]presence.ID, 0, len(s.asked))
	for id := range s.asked {
		ids = append(ids, id)
	}
	for _, item := range s.hub.Get(nil, ids...) {
		asked := s.asked[item.ID]
		if item.Gone() {
			b := s.subjects[asked.subject]
			if b == nil {
				made := bucket{tokens: s.allowed, capacity: s.allowed, rate: s.allowed / 60, at: now}
				b = &made
				s.subjects[asked.subject] = b
			}
			if b.available(now) > -s.allowed { // no one is kept waiting for more than two minutes
				b.spend(1)
			}
		}
		if !item.Pending() || now.Sub(asked.at) > strangersKnown {
			delete(s.asked, item.ID)
		}
	}
	for subject, b := range s.subjects {
		if b.available(now) >= s.allowed {
			delete(s.subjects, subject)
		}
	}
}
