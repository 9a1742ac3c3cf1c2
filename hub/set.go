package hub

import (
	"slices"
	"sync/atomic"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Set is a list of users that any number of subscriptions watch: the members of a group, or everyone whom some
// policy lets see. It costs each of them next to nothing.
type Set struct {
	hub *Hub
	list
	weighs  uint32 // its watchers, as its members' entries count them: see interest
	swayed  bool   // they may have to count anew
	next    uint32 // while they do, what those with handles below reached count already
	reached uint32
}

// tap is the watchers of a set that belong to one reader.
type tap struct {
	reader        *Reader
	subscriptions []*Subscription
	queued        bool // guarded by the reader's lock
}

// oldest remembers when the member confirmed longest ago was, for a heartbeat asks it for each watcher.
type oldest struct {
	tick atomic.Uint64 // the hub's clock of reads when it was found, plus one
	at   atomic.Int64
}

// Share returns a set of users.
func (h *Hub) Share(ids []presence.ID) *Set {
	s := &Set{hub: h}
	s.set = s
	h.mu.Lock()
	h.enlist(&s.list)
	h.mu.Unlock()
	s.Replace(ids)
	return s
}

// Replace makes ids the users of the set. Its watchers are told of those who joined as of changed users, and of
// those who left.
func (s *Set) Replace(ids []presence.ID) {
	h := s.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	handles := h.resolve(ids)
	var come, gone []uint32
	for _, handle := range handles {
		if _, member := s.find(handle); !member {
			come = append(come, handle)
		}
	}
	for _, m := range s.members {
		if _, stays := slices.BinarySearch(handles, m.handle); !stays {
			gone = append(gone, m.handle)
		}
	}
	if len(come)+len(gone) == 0 {
		return
	}
	h.tick++
	s.happened(come, true)
	s.happened(gone, false)
	s.add(h, come)
	s.remove(h, gone)
	s.oldest.tick.Store(0)
	s.wake()
}

// happened keeps the event for the watchers to come upon, and drops those of which every one has been told.
func (s *Set) happened(handles []uint32, here bool) {
	told := s.hub.tick - 1
	for _, t := range s.taps {
		for _, sub := range t.subscriptions {
			told = min(told, sub.told)
		}
	}
	s.membership = slices.DeleteFunc(s.membership, func(j joined) bool { return j.tick <= told })
	if len(s.taps) == 0 {
		return
	}
	for _, handle := range handles {
		s.membership = append(s.membership, joined{s.hub.tick, s.hub.table.at(handle).state.ID, here})
	}
	if len(s.membership) > 2*s.compact+minCompact {
		s.compactMembership()
	}
}

// minCompact is below how many events it is not worth it. Tests change it.
var minCompact = 1024

// compactMembership drops events that no watcher needs: whoever has not been told for long needs of each user the first
// event since alone, for what came of it the members say. So the log is never longer than its slow watchers have users.
func (s *Set) compactMembership() {
	var told []uint64
	for _, t := range s.taps {
		for _, sub := range t.subscriptions {
			i := slices.IndexFunc(sub.sets, func(w watched) bool { return w.set == s })
			told = append(told, max(sub.told, sub.sets[i].since))
		}
	}
	slices.Sort(told)
	told = slices.Compact(told)
	seen := map[presence.ID]struct{}{} // since the last of told that is before the event
	next := 0
	s.membership = slices.DeleteFunc(s.membership, func(j joined) bool {
		for ; next < len(told) && told[next] < j.tick; next++ {
			clear(seen)
		}
		_, again := seen[j.id]
		seen[j.id] = struct{}{}
		return again
	})
	s.compact = len(s.membership)
}

// Close gives the set back. Nobody may watch it any longer.
func (s *Set) Close() {
	s.hub.mu.Lock()
	defer s.hub.mu.Unlock()
	s.hub.delist(&s.list)
}

// resolve returns the handles of ids in rising order, each once, making entries where there are none.
func (h *Hub) resolve(ids []presence.ID) []uint32 {
	handles := make([]uint32, len(ids))
	for i, id := range ids {
		handles[i] = h.table.handle(id)
	}
	slices.Sort(handles)
	return slices.Compact(handles)
}

// attach makes sub a watcher of the set.
func (s *Set) attach(sub *Subscription) {
	i := slices.IndexFunc(s.taps, func(t *tap) bool { return t.reader == sub.reader })
	if i < 0 {
		i = len(s.taps)
		s.taps = append(s.taps, &tap{reader: sub.reader})
	}
	t := s.taps[i]
	sub.sets = append(sub.sets, watched{set: s, tap: t, at: len(t.subscriptions), since: s.hub.tick})
	t.subscriptions = append(t.subscriptions, sub)
	s.sway()
}

// detach ends that. The watcher that takes its place is told where it stands now.
func (s *Set) detach(sub *Subscription) {
	i := slices.IndexFunc(sub.sets, func(w watched) bool { return w.set == s })
	w := sub.sets[i]
	sub.sets = slices.Delete(sub.sets, i, i+1)
	last := len(w.tap.subscriptions) - 1
	moved := w.tap.subscriptions[last]
	w.tap.subscriptions[w.at] = moved
	w.tap.subscriptions[last] = nil
	w.tap.subscriptions = w.tap.subscriptions[:last]
	if moved != sub {
		j := slices.IndexFunc(moved.sets, func(w watched) bool { return w.set == s })
		moved.sets[j].at = w.at
	}
	if last == 0 {
		s.taps = slices.DeleteFunc(s.taps, func(t *tap) bool { return t == w.tap })
	}
	s.sway()
}
