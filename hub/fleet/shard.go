package fleet

import (
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// shard is one part of the hub's table, and where it stands in the stream of messages. While this process leads, the
// term moves it; else what is heard does. There is one way to become current, for a start, a resubscription, a gap and
// a digest that differs alike: be subscribed, load, then apply what was heard meanwhile.
type shard struct {
	fleet  *Fleet
	number int

	mu      sync.Mutex
	at      Position   // where the table stood last; zero: nobody knows
	current bool       // it stands there, and whatever follows will be heard
	joined  bool       // the channel is subscribed
	round   int        // counts subscriptions: what was loaded before the last one may have a gap behind it
	queued  bool       // waits for a loader, or is in the hands of one
	pending []*Message // heard while not current
	loaded  bool       // has been current once
	corrupt bool       // what stands in the store is not what it says it is; the leader is told
	// astray are users of whom the hub holds something else than the truth, which is the value: the store lost what had
	// been published, or (zero) the truth does not have them though somebody here watches them.
	astray map[presence.ID]presence.State

	heard    time.Time     // when there was a sign of life: a message, or the subscription
	patience time.Duration // how long silence is put up with
	shown    time.Time     // when a message last showed it to be current; a load does not: somebody must be alive. Zero: never
}

// maxPending bounds what is kept while loading. Past it the load is in vain, and another follows.
const maxPending = 4096

func (s *shard) begin(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.patience = now, deafAfter
}

// Joined is [Listener].
func (f *Fleet) Joined(number int) {
	s := &f.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined, s.current = true, false
	s.round++
	s.pending = nil
	s.heard = time.Now()
	s.reload("joined")
}

// Left is [Listener].
func (f *Fleet) Left(number int) {
	s := &f.shards[number]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.joined, s.current = false, false
	s.pending = nil
}

// Heard is [Listener].
func (f *Fleet) Heard(m *Message) {
	if m.Shard < 0 || m.Shard >= len(f.shards) {
		return
	}
	f.saw(m.Fence)
	f.health.note(m.Fence, m.Status)
	f.health.clock(m.At)
	f.directory.want(m.Directory)
	f.metrics.messages.Inc()
	s := &f.shards[m.Shard]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard, s.patience = time.Now(), deafAfter
	if f.leading() != nil {
		return // it is an echo, or from a term that is over
	}
	if s.queued || !s.current {
		s.pending = append(s.pending, m)
		if len(s.pending) > maxPending {
			s.pending = nil
			s.round++
		}
		s.reload("gap")
		return
	}
	s.follow(m)
}

// follow takes a message that comes next, passes over one that came before, and loads for any other.
func (s *shard) follow(m *Message) {
	switch {
	case m.From == s.at && !m.Reload:
		s.apply(m)
		s.show()
	case m.To == s.at:
		s.show()
	case m.To.Epoch == s.at.Epoch && m.To.Offset < s.at.Offset:
	default:
		s.current = false
		s.pending = []*Message{m}
		s.reload("gap")
	}
}

// apply brings the hub from m.From to m.To.
func (s *shard) apply(m *Message) {
	h := s.fleet.hub
	if len(m.Forgotten) > 0 {
		h.Forget(m.Forgotten)
		for _, id := range m.Forgotten {
			delete(s.astray, id)
		}
	}
	if len(m.Lapsed) > 0 {
		h.Lapse(m.Lapsed)
		for _, item := range h.Get(nil, m.Lapsed...) {
			s.stray(item.ID, presence.State{}, !item.Pending())
		}
	}
	if len(m.States) > 0 {
		s.hold(m.States)
		s.fleet.metrics.applied.Add(float64(len(m.States)))
	}
	for _, c := range m.Confirmed {
		users := c.Users
		if len(s.astray) > 0 { // what was confirmed of them is not what is held
			users = nil
			for _, id := range c.Users {
				if _, astray := s.astray[id]; !astray {
					users = append(users, id)
				}
			}
		}
		h.Confirm(users, c.Asked)
	}
	s.at = m.To
}

// hold applies states of the truth, and notes where the hub holds more.
func (s *shard) hold(states []hub.Item) {
	if len(s.astray) > 0 {
		for i := range states {
			delete(s.astray, states[i].ID)
		}
		s.fleet.wants.stir()
	}
	ahead := s.fleet.hub.Apply(states)
	if len(ahead) == 0 {
		return
	}
	truth := make(map[presence.ID]presence.State, len(states))
	for i := range states {
		truth[states[i].ID] = states[i].State
	}
	for i := range ahead {
		s.stray(ahead[i].ID, truth[ahead[i].ID], true)
	}
}

// stray notes that the hub holds something else of a user than the truth, or no longer.
func (s *shard) stray(id presence.ID, truth presence.State, astray bool) {
	if !astray {
		delete(s.astray, id)
		return
	}
	if s.astray == nil {
		s.astray = map[presence.ID]presence.State{}
	}
	s.astray[id] = truth
	s.fleet.wants.stir()
}

// show notes that a message has shown the shard to be current.
func (s *shard) show() {
	if s.check() {
		s.shown = time.Now()
	}
}

// check makes sure that the table is what stands at the position.
func (s *shard) check() bool {
	sum := s.fleet.hub.Sum(s.number)
	for id, truth := range s.astray {
		if item := s.fleet.hub.Get(nil, id)[0]; !item.Pending() {
			sum.Sub(&item.State)
		}
		sum.Add(&truth)
	}
	if sum.Count == s.at.Count && sum.Digest == s.at.Digest {
		return true
	}
	s.current, s.at = false, Position{}
	s.reload("mismatch")
	return false
}

// reload has a loader look at the shard.
func (s *shard) reload(why string) {
	if s.queued || !s.joined {
		return
	}
	s.queued = true
	s.fleet.metrics.resyncs.WithLabelValues(why).Inc()
	s.fleet.loads <- s.number // there is room for all
}
