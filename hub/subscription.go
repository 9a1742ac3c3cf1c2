package hub

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Subscription is what one connection watches: a list of its own, some sets, and how far it has been told. Its
// methods are called under one lock of the owner's.
type Subscription struct {
	reader *Reader
	owner  any
	own    list
	sets   []watched
	told   uint64        // the hub's tick up to which everything was handed out
	left   []presence.ID // dropped from own by Forget; guarded by the hub's lock
	queued bool          // guarded by the reader's lock
}

// watched is a set as a subscription watches it.
type watched struct {
	set   *Set
	tap   *tap
	at    int    // where among the tap's subscriptions
	since uint64 // the hub's tick when it began
}

// News is what a subscription has not been told yet: first those whose states are to be dropped, then the states. It
// may be used again after Reset, and then costs nothing.
type News struct {
	Left      []presence.ID // no longer watched; who came back at once is among the items too
	Items     []Item        // the newest states of those who changed, each once, in no particular order
	Conflated int           // older states that were passed over, as far as is known

	changes []change
}

// Reset empties the news.
func (n *News) Reset() {
	clear(n.Items)
	*n = News{Items: n.Items[:0], Left: n.Left[:0], changes: n.changes[:0]}
}

// compact keeps the last of several items of one user, left over when a drain was followed by another.
func (n *News) compact() {
	slices.SortStableFunc(n.Items, func(a, b Item) int { return a.ID.Compare(b.ID) })
	kept := n.Items[:0]
	for i := range n.Items {
		if i+1 < len(n.Items) && n.Items[i+1].ID == n.Items[i].ID {
			n.Conflated++
		} else {
			kept = append(kept, n.Items[i])
		}
	}
	n.Items = kept
}

// leave adds ids to those who left; states found before are void.
func (n *News) leave(ids []presence.ID) {
	if len(ids) == 0 {
		return
	}
	n.Left = append(n.Left, ids...)
	slices.SortFunc(n.Left, presence.ID.Compare)
	n.Left = slices.Compact(n.Left)
	if len(n.Items) > 0 {
		slices.SortFunc(ids, presence.ID.Compare)
		n.Items = slices.DeleteFunc(n.Items, func(item Item) bool {
			_, left := slices.BinarySearchFunc(ids, item.ID, presence.ID.Compare)
			return left
		})
	}
}

// Subscribe returns an empty subscription whose news the reader will report. It must be closed.
func (r *Reader) Subscribe(owner any) *Subscription {
	s := &Subscription{reader: r, owner: owner}
	s.own.own = s
	r.hub.mu.Lock()
	defer r.hub.mu.Unlock()
	r.hub.enlist(&s.own)
	s.told = r.hub.tick
	return s
}

// Owner returns what Subscribe was given.
func (s *Subscription) Owner() any { return s.owner }

// Len returns how many users the subscription names itself, those of sets left out.
func (s *Subscription) Len() int {
	s.reader.hub.mu.RLock() // Forget may drop some
	defer s.reader.hub.mu.RUnlock()
	return len(s.own.members)
}

// Told returns the hub's tick up to which everything was handed out, by Add, Remove or Drain.
func (s *Subscription) Told() uint64 { return s.told }

// Since keeps those of items, as Add returned them, that changed after tick. It reports false if that cannot be told of
// all: some are not read yet, or the hub has not come to that tick.
func (s *Subscription) Since(items []Item, tick uint64) (_ []Item, known bool) {
	h := s.reader.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	if tick > h.tick {
		return items, false
	}
	changed := make([]Item, 0, min(len(items), 16))
	for i := range items {
		handle, found := h.table.find(items[i].ID)
		if !found || items[i].Pending() {
			return items, false
		}
		if h.table.at(handle).tick > tick {
			changed = append(changed, items[i])
		}
	}
	return changed, true
}

// Names returns the users that the subscription names itself, in no particular order.
func (s *Subscription) Names() []presence.ID {
	h := s.reader.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	ids := make([]presence.ID, len(s.own.members))
	for i, m := range s.own.members {
		ids[i] = h.table.at(m.handle).state.ID
	}
	return ids
}

// linkSlice bounds how many users are linked under the hub's lock at once, or one large subscription would hold up
// everyone for milliseconds.
const linkSlice = 512

// Add watches ids and sets too. It puts into news what had not been told of those watched before, and returns the
// states of those who are watched only from now on, as of the same instant: what follows by Drain is newer, and
// nothing is missed or repeated.
func (s *Subscription) Add(ids []presence.ID, sets []*Set, news *News) []Item {
	h := s.reader.hub
	var fresh []uint32 // in rising order
	for part := range slices.Chunk(ids, linkSlice) {
		h.mu.Lock()
		s.drain(news, fresh)
		fresh = s.name(part, fresh)
		h.mu.Unlock()
	}
	if len(sets) > 0 {
		h.mu.Lock()
		defer h.mu.Unlock()
	} else {
		h.mu.RLock()
		defer h.mu.RUnlock()
	}
	s.drain(news, fresh)
	news.compact()
	for _, set := range sets {
		if slices.ContainsFunc(s.sets, func(w watched) bool { return w.set == set }) {
			continue
		}
		for _, m := range set.members {
			if !s.watches(m.handle) {
				fresh = append(fresh, m.handle)
			}
		}
		set.attach(s)
	}
	now := make([]Item, 0, len(fresh))
	for _, handle := range fresh {
		if s.watches(handle) { // unless forgotten while linking
			now = append(now, h.table.at(handle).item())
		}
	}
	return now
}

// name links ids to the subscription's own list, and adds to fresh those who were not watched through a set either.
func (s *Subscription) name(ids []presence.ID, fresh []uint32) []uint32 {
	h := s.reader.hub
	handles := slices.DeleteFunc(h.resolve(ids), func(handle uint32) bool {
		_, named := s.own.find(handle)
		return named
	})
	for _, handle := range handles {
		if !s.inSets(handle) {
			fresh = append(fresh, handle)
		}
	}
	s.own.add(h, handles)
	slices.Sort(fresh)
	return fresh
}

// Remove watches ids and sets no longer. Who is named by one of them and still watched through another stays. It puts
// into news what had not been told until then; of those no longer watched, nothing follows.
func (s *Subscription) Remove(ids []presence.ID, sets []*Set, news *News) {
	h := s.reader.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	s.drain(news, nil)
	handles := make([]uint32, 0, len(ids))
	for _, id := range ids {
		if handle, found := h.table.find(id); found {
			handles = append(handles, handle)
		}
	}
	slices.Sort(handles)
	s.own.remove(h, handles)
	for _, set := range sets {
		if slices.ContainsFunc(s.sets, func(w watched) bool { return w.set == set }) {
			set.detach(s)
		}
	}
}

// Close gives the subscription back.
func (s *Subscription) Close() {
	h := s.reader.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	for len(s.sets) > 0 {
		s.sets[0].set.detach(s)
	}
	h.delist(&s.own)
}

// Drain adds to news the newest state of each user that changed since the last Drain or Add, and who is watched no
// longer.
func (s *Subscription) Drain(news *News) {
	s.reader.hub.mu.RLock()
	defer s.reader.hub.mu.RUnlock()
	s.drain(news, nil)
}

// drain leaves out those in fresh, which is in rising order.
func (s *Subscription) drain(news *News, fresh []uint32) {
	h := s.reader.hub
	changes := s.own.since(h, s.told, news.changes[:0])
	for _, w := range s.sets {
		changes = w.set.since(h, s.told, changes)
	}
	changes, left := s.moved(changes)
	s.told = h.tick
	news.leave(append(left, s.left...))
	s.left = nil

	slices.SortFunc(changes, func(a, b change) int { return cmp.Or(cmp.Compare(a.handle, b.handle), cmp.Compare(a.tick, b.tick)) })
	for i, c := range changes {
		if i+1 < len(changes) && changes[i+1].handle == c.handle {
			if changes[i+1].tick != c.tick {
				news.Conflated++
			}
			continue
		}
		if _, skip := slices.BinarySearch(fresh, c.handle); skip {
			continue
		}
		if e := h.table.at(c.handle); !e.state.Version.IsZero() {
			news.Items = append(news.Items, e.item())
		}
	}
	news.changes = changes
}

// moved adds to changes those who came to be watched because they joined a set, and returns those who ceased to be
// because they left one. Who left and came back is among both: the state may have been dropped in between.
func (s *Subscription) moved(changes []change) (_ []change, left []presence.ID) {
	h := s.reader.hub
	firsts := make([]map[presence.ID]bool, len(s.sets)) // whether each one's first event was to join
	var ids []presence.ID
	for i := range s.sets {
		events := s.sets[i].events(s.told)
		if len(events) == 0 {
			continue
		}
		firsts[i] = make(map[presence.ID]bool, len(events))
		for _, event := range events {
			if _, later := firsts[i][event.id]; !later {
				firsts[i][event.id] = event.here
				ids = append(ids, event.id)
			}
		}
	}
	slices.SortFunc(ids, presence.ID.Compare)
	for _, id := range slices.Compact(ids) {
		handle, known := h.table.find(id)
		was, throughout := s.watched(id, handle, known, firsts)
		if was && !throughout {
			left = append(left, id)
		}
		if known && !throughout && s.watches(handle) {
			changes = append(changes, change{h.table.at(handle).tick, handle})
		}
	}
	return changes, left
}

// events returns who joined and left the set since the subscription was told, or began to watch the set.
func (w *watched) events(told uint64) []joined {
	from, _ := slices.BinarySearchFunc(w.set.membership, max(told, w.since)+1, func(j joined, tick uint64) int { return cmp.Compare(j.tick, tick) })
	return w.set.membership[from:]
}

// watched reports whether the user was watched when the subscription was last told, and whether through one and the
// same list ever since.
func (s *Subscription) watched(id presence.ID, handle uint32, known bool, firsts []map[presence.ID]bool) (was, throughout bool) {
	if known {
		if _, named := s.own.find(handle); named {
			return true, true
		}
	}
	for i, w := range s.sets {
		if joined, moved := firsts[i][id]; moved {
			was = was || !joined
		} else if _, member := w.set.find(handle); known && member {
			return true, true
		}
	}
	return was, false
}

func (s *Subscription) watches(handle uint32) bool {
	_, named := s.own.find(handle)
	return named || s.inSets(handle)
}

func (s *Subscription) inSets(handle uint32) bool {
	return slices.ContainsFunc(s.sets, func(w watched) bool {
		_, member := w.set.find(handle)
		return member
	})
}

// Watches reports whether id is watched.
func (s *Subscription) Watches(id presence.ID) bool {
	h := s.reader.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	handle, found := h.table.find(id)
	return found && s.watches(handle)
}

// DrainOldest is Drain, and returns when the state confirmed longest ago among those watched was confirmed, as of the
// same instant: whoever is told the news holds no state that is older. It is zero where there is no state.
func (s *Subscription) DrainOldest(news *News) time.Time {
	h := s.reader.hub
	h.mu.RLock()
	defer h.mu.RUnlock()
	s.drain(news, nil)
	at := s.own.findOldest(h)
	for _, w := range s.sets {
		at = min(at, w.set.cachedOldest(h))
	}
	if at == math.MaxInt64 {
		return time.Time{}
	}
	return time.Unix(0, at)
}

func (l *list) findOldest(h *Hub) int64 {
	at := int64(math.MaxInt64)
	for _, m := range l.members {
		if e := h.table.at(m.handle); e.state.Content != nil {
			at = min(at, e.asked)
		}
	}
	return at
}

// cachedOldest looks again only once the hub has observed something.
func (s *Set) cachedOldest(h *Hub) int64 {
	if s.oldest.tick.Load() == h.tick+1 {
		return s.oldest.at.Load()
	}
	at := s.findOldest(h)
	s.oldest.at.Store(at)
	s.oldest.tick.Store(h.tick + 1)
	return at
}
