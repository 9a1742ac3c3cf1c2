package hub

import (
	"context"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// interest is what [Hub.Wants] has to tell. Nobody needs to know of every watcher who comes or goes, so a number is
// told anew when it begins, ends, doubles or halves. That bounds the work for a set which thousands watch: it does not
// count for its members as what it has at the moment but as what it was last weighed at, and is weighed, which takes a
// look at each member, only then; a large one by and by. The hub's lock guards it.
type interest struct {
	asked   bool     // somebody calls Wants
	queue   []uint32 // handles of users of whom there may be news
	swayed  []*Set   // to be weighed
	weighed time.Time
	wake    chan struct{} // one slot: there may be news
}

const (
	mostWants = 8192 // told at a time: whoever is told does other things, too
	// weighApart is the least time between two weighings, but for a set that begins to be watched: when thousands
	// come at once, or a single one comes and goes, a large set is not looked through for each.
	weighApart = 5 * time.Second
)

func (i *interest) ring() {
	select {
	case i.wake <- struct{}{}:
	default:
	}
}

// material reports whether a number of watchers is news to who was told another.
func material(told, now uint32) bool {
	return told != now && (told == 0 || now == 0 || now >= 2*told || 2*now <= told)
}

// want has Wants look at a user whose watchers became more or fewer.
func (h *Hub) want(handle uint32, e *entry) {
	if h.interest.asked && !e.queued && material(e.told, e.watchers) {
		e.queued = true
		h.interest.queue = append(h.interest.queue, handle)
		h.interest.ring()
	}
}

// sway has Wants weigh the set if its watchers became many more or fewer.
func (s *Set) sway() {
	i := &s.hub.interest
	if i.asked && !s.swayed && material(s.weighs, uint32(s.watchers())) { //nolint:gosec // fewer than connections
		s.swayed = true
		i.swayed = append(i.swayed, s)
		i.ring()
	}
}

// weigh lets the set count for its members as what it has now, for so many of them at a time, and reports whether that
// is so for all, or will be at the next weighing.
func (s *Set) weigh(most int) (done bool) {
	if s.reached == 0 {
		if s.next = uint32(s.watchers()); !material(s.weighs, s.next) { //nolint:gosec // as above
			s.swayed = false
			return true
		}
	}
	from, _ := s.find(s.reached)
	some := s.members[from:min(from+most, len(s.members))]
	for _, m := range some {
		e := s.hub.table.at(m.handle)
		e.watchers += s.next - s.weighs // wraps around where there are fewer
		s.hub.want(m.handle, e)
	}
	if from+len(some) < len(s.members) {
		s.reached = some[len(some)-1].handle + 1
		return false
	}
	s.weighs, s.reached = s.next, 0
	s.swayed = material(s.weighs, uint32(s.watchers())) //nolint:gosec // as above
	return !s.swayed
}

// Wants waits until some users began or ceased to be watched, or are watched by twice as many, or half as many, as when
// they were last told of, and returns some of them with the number of their watchers: subscriptions, by name or through
// sets. The first call returns everyone who is watched, at once. A set that thousands watch is looked at every few
// seconds, so its part of a number may be as old, and short of the double. One caller at a time.
func (h *Hub) Wants(ctx context.Context) ([]presence.Want, error) {
	if wants, first := h.firstWants(); first {
		return wants, nil
	}
	for {
		wants, wait := h.collect(time.Now())
		if len(wants) > 0 {
			return wants, nil
		}
		var later <-chan time.Time
		if wait > 0 {
			later = time.After(wait)
		}
		select {
		case <-h.interest.wake:
		case <-later:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// collect returns what there is to tell, and when to look at sets again that must wait; 0 is not before a wake.
func (h *Hub) collect(now time.Time) (wants []presence.Want, wait time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := &h.interest
	if wait = weighApart - now.Sub(i.weighed); wait <= 0 && len(i.swayed) > 0 {
		i.weighed = now
	}
	later := i.swayed[:0]
	for _, s := range i.swayed {
		if wait > 0 && s.weighs > 0 && s.reached == 0 || !s.weigh(mostWants) {
			later = append(later, s)
		}
		if s.reached > 0 {
			i.ring()
		}
	}
	clear(i.swayed[len(later):])
	if i.swayed = later; len(later) == 0 {
		wait = 0
	}
	some := i.queue[:min(len(i.queue), mostWants)]
	for _, handle := range some {
		e := h.table.at(handle)
		e.queued = false
		if material(e.told, e.watchers) {
			e.told = e.watchers
			wants = append(wants, presence.Want{ID: e.state.ID, Watchers: int(e.watchers)})
		}
		if e.told == 0 {
			h.table.release(e.state.ID)
		}
	}
	if i.queue = i.queue[len(some):]; len(i.queue) > 0 {
		i.ring()
	} else {
		i.queue = nil
	}
	return wants, wait
}

func (h *Hub) firstWants() (wants []presence.Want, first bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.interest.asked {
		return nil, false
	}
	for _, l := range h.lists {
		if l != nil && l.set != nil {
			l.set.weigh(len(l.members))
		}
	}
	h.interest.asked = true
	for _, handles := range h.table.handles {
		for _, handle := range handles {
			if e := h.table.at(handle); e.watchers > 0 {
				e.told = e.watchers
				wants = append(wants, presence.Want{ID: e.state.ID, Watchers: int(e.watchers)})
			}
		}
	}
	return wants, true
}
