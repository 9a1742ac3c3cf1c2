package gateway

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// strangers keeps made-up ids from stretching everyone's sweep. Where users are read on demand, anybody can ask for
// ids that nobody has; Graph must be asked to find out. A subject has a few batches of strangers read at a time, and as
// many fewer as Graph turned out not to know some lately. One through whom too many such ids came within a minute gets
// no further ones read for a while: they stay pending, and are let in as the minutes pass, or once somebody else has
// had them read. Whoever was read before, or is watched by configuration, is no stranger.
type strangers struct {
	hub     *hub.Hub
	allowed float64 // unknown ids a minute and subject

	mu       sync.Mutex
	subjects map[string]*bucket
	asked    map[presence.ID]question // not answered yet
	open     map[string]int           // of them, those of each subject
	holders  map[*conn]struct{}       // connections for which some are held back
}

type question struct {
	subject string
	at      time.Time
}

const (
	strangersLook  = 250 * time.Millisecond
	strangersKnown = 2 * time.Minute // after which an id that nobody read is not waited for
	maxAsked       = 1 << 18         // open questions of all subjects
	maxOpen        = 2600            // of one, of whom no unknown ids came: four batches
)

func newStrangers(h *hub.Hub, allowed int) *strangers {
	return &strangers{hub: h, allowed: float64(allowed), subjects: map[string]*bucket{}, open: map[string]int{},
		asked: map[presence.ID]question{}, holders: map[*conn]struct{}{}}
}

// admit returns whom of ids the subject may have read now, and the others as they are to be shown: pending.
func (s *strangers) admit(subject string, ids []presence.ID, d *presence.Directory) (admitted []presence.ID, held []hub.Item) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	admitted = ids[:0:0]
	room := s.room(subject, now)
	for _, item := range s.hub.Get(nil, ids...) {
		_, waiting := s.asked[item.ID]
		switch {
		case waiting, !item.Pending(), d.Watched(item.ID):
			admitted = append(admitted, item.ID)
		case room <= 0 || len(s.asked) >= maxAsked:
			held = append(held, item)
		default:
			room--
			s.asked[item.ID] = question{subject, now}
			s.open[subject]++
			admitted = append(admitted, item.ID)
		}
	}
	return admitted, held
}

func (s *strangers) spent(subject string, now time.Time) bool {
	b := s.subjects[subject]
	return b != nil && b.available(now) < 1
}

// room returns how many strangers more a subject may ask for now.
func (s *strangers) room(subject string, now time.Time) int {
	most := max(maxOpen, s.allowed)
	if b := s.subjects[subject]; b != nil {
		most *= b.available(now) / s.allowed
	}
	return int(most) - s.open[subject]
}

// followStrangers counts the answers, and lets in who was held back, until the context ends.
func (s *Server) followStrangers(ctx context.Context) {
	for pause(ctx, strangersLook) {
		for _, c := range s.strangers.settle(time.Now()) {
			s.readmit(c)
		}
	}
}

// hold notes that c has ids held back; c.mu is held.
func (s *strangers) hold(c *conn, items []hub.Item) {
	if len(items) == 0 {
		return
	}
	if c.held == nil {
		c.held = map[presence.ID]struct{}{}
	}
	for _, item := range items {
		c.held[item.ID] = struct{}{}
	}
	s.mu.Lock()
	s.holders[c] = struct{}{}
	s.mu.Unlock()
}

// readmit asks again for those who are held back from a connection; what is known of them by now goes out as news.
func (s *Server) readmit(c *conn) {
	s.rights.Lock()
	defer s.rights.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []presence.ID
	for id := range c.held {
		if c.sub != nil && c.grant.sees(id) {
			ids = append(ids, id)
		}
	}
	c.held = nil
	admitted, held := s.strangers.admit(c.caller, ids, s.directory)
	s.strangers.hold(c, held)
	if len(admitted) == 0 {
		return
	}
	var undelivered hub.News
	now := c.sub.Add(admitted, nil, &undelivered)
	c.oweNews(&undelivered)
	if known := slices.DeleteFunc(now, func(item hub.Item) bool { return item.Pending() }); len(known) > 0 {
		c.owe(&catchUp{items: known})
	}
}

// settle counts the answers that have come, and returns the connections for which some were held back.
func (s *strangers) settle(now time.Time) []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]presence.ID, 0, len(s.asked))
	for id := range s.asked {
		ids = append(ids, id)
	}
	for _, item := range s.hub.Get(nil, ids...) {
		asked := s.asked[item.ID]
		if item.Gone() {
			s.count(asked.subject, 1, now)
		}
		if !item.Pending() || now.Sub(asked.at) > strangersKnown {
			delete(s.asked, item.ID)
			less(s.open, asked.subject)
		}
	}
	for subject, b := range s.subjects {
		if b.available(now) >= s.allowed {
			delete(s.subjects, subject)
		}
	}
	holders := slices.Collect(maps.Keys(s.holders))
	clear(s.holders)
	return holders
}

// count notes that Graph turned out not to know n ids that the subject asked for. s.mu is held.
func (s *strangers) count(subject string, n int, now time.Time) {
	b := s.subjects[subject]
	if b == nil {
		b = &bucket{tokens: s.allowed, capacity: s.allowed, rate: s.allowed / 60, at: now}
		s.subjects[subject] = b
	}
	// No one is kept waiting for more than two minutes.
	if spare := b.available(now) + s.allowed; spare > 0 {
		b.spend(min(float64(n), spare))
	}
}
