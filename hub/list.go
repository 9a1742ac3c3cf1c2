package hub

import (
	"math/bits"
	"slices"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// list is a list of users that someone watches, and a short log of their changes. It belongs to one subscription
// (own), or is a set that any number of them share (taps). The hub's lock guards it.
type list struct {
	number  uint32
	members []member // by handle
	log     []change // a ring, begun with the first change
	next    int      // where in it the next change goes
	overrun uint64   // the latest tick that is no longer in it

	own  *Subscription
	set  *Set
	taps []*tap // of a set: its watchers, by reader

	membership []joined // of a set: who joined and left, by tick, as far back as some watcher has not been told
	compact    int      // how many of them the last compaction left
	oldest     oldest   // of a set
}

type member struct {
	handle uint32
	at     uint32 // where the list stands among the entry's
}

type change struct {
	tick   uint64
	handle uint32
}

// joined is an event of a set. It names the user by id, for a handle may be given to another once the user left.
type joined struct {
	tick uint64
	id   presence.ID
	here bool // joined; else left
}

// A log is an eighth as long as its list, within these bounds. Past it, everyone on the list is looked at.
const minLog, maxLog = 8, 1024

func (h *Hub) enlist(l *list) {
	if last := len(h.free) - 1; last >= 0 {
		l.number = h.free[last]
		h.free = h.free[:last]
		h.lists[l.number] = l
		return
	}
	l.number = uint32(len(h.lists)) //nolint:gosec // fewer lists than connections
	h.lists = append(h.lists, l)
}

func (h *Hub) delist(l *list) {
	for _, m := range l.members {
		l.unlink(h, m)
	}
	h.lists[l.number] = nil
	h.free = append(h.free, l.number)
	*l = list{own: l.own, set: l.set}
}

// find returns where handle stands among the members, or would.
func (l *list) find(handle uint32) (int, bool) {
	return slices.BinarySearchFunc(l.members, handle, func(m member, handle uint32) int {
		return int(int64(m.handle) - int64(handle))
	})
}

// add links handles, which must be in rising order and not members yet.
func (l *list) add(h *Hub, handles []uint32) {
	l.members = slices.Grow(l.members, len(handles))
	from := len(l.members) - 1
	l.members = l.members[:len(l.members)+len(handles)]
	for to := len(l.members) - 1; len(handles) > 0; to-- { // merge from the back
		last := handles[len(handles)-1]
		if from >= 0 && l.members[from].handle > last {
			l.members[to] = l.members[from]
			from--
			continue
		}
		e := h.table.at(last)
		l.members[to] = member{last, uint32(len(e.lists))} //nolint:gosec // as above
		e.lists = append(e.lists, l.number)
		e.watchers += l.weight(last)
		h.want(last, e)
		handles = handles[:len(handles)-1]
	}
}

// remove unlinks handles, which must be in rising order; those that are no members are passed over.
func (l *list) remove(h *Hub, handles []uint32) {
	kept := l.members[:0]
	for _, m := range l.members {
		for len(handles) > 0 && handles[0] < m.handle {
			handles = handles[1:]
		}
		if len(handles) > 0 && handles[0] == m.handle {
			l.unlink(h, m)
		} else {
			kept = append(kept, m)
		}
	}
	l.members = kept
	if cap(kept) > 64 && len(kept) < cap(kept)/4 {
		l.members = slices.Clone(kept)
	}
}

// unlink takes the list from the entry of a member. The list that takes its place there is told where it stands now.
func (l *list) unlink(h *Hub, m member) {
	e := h.table.at(m.handle)
	last := len(e.lists) - 1
	if int(m.at) != last {
		moved := h.lists[e.lists[last]]
		e.lists[m.at] = moved.number
		i, _ := moved.find(m.handle)
		moved.members[i].at = m.at
	}
	e.lists = e.lists[:last]
	e.watchers -= l.weight(m.handle)
	h.want(m.handle, e)
	if last == 0 {
		e.lists = nil
		h.table.release(e.state.ID)
	} else if cap(e.lists) > 64 && last < cap(e.lists)/4 {
		e.lists = slices.Clone(e.lists)
	}
}

// note logs a change of a member and wakes whoever watches the list.
func (l *list) note(handle uint32, tick uint64) {
	if l.log == nil {
		size := min(max(len(l.members)/8, minLog), maxLog)
		l.log = make([]change, 0, 1<<bits.Len(uint(size-1))) //nolint:gosec // positive
	}
	if len(l.log) < cap(l.log) {
		l.log = append(l.log, change{tick, handle})
	} else {
		l.overrun = l.log[l.next].tick
		l.log[l.next] = change{tick, handle}
		l.next = (l.next + 1) % len(l.log)
	}
	l.wake()
}

func (l *list) wake() {
	if l.own != nil {
		l.own.reader.queue(l.own)
	}
	for _, t := range l.taps {
		t.reader.queueTap(t)
	}
}

// since appends the changes of members after tick told.
func (l *list) since(h *Hub, told uint64, dst []change) []change {
	if told < l.overrun {
		for _, m := range l.members {
			if e := h.table.at(m.handle); e.tick > told {
				dst = append(dst, change{e.tick, m.handle})
			}
		}
		return dst
	}
	for i := range l.log { // from the newest back
		c := l.log[(l.next+len(l.log)-1-i)%len(l.log)]
		if c.tick <= told {
			break
		}
		if _, member := l.find(c.handle); member { // it may have left since
			dst = append(dst, c)
		}
	}
	return dst
}

// weight is what the list counts for among the watchers of a member.
func (l *list) weight(handle uint32) uint32 {
	switch {
	case l.own != nil:
		return 1
	case handle < l.set.reached:
		return l.set.next
	}
	return l.set.weighs
}

func (l *list) watchers() int {
	if l.own != nil {
		return 1
	}
	watchers := 0
	for _, t := range l.taps {
		watchers += len(t.subscriptions)
	}
	return watchers
}
