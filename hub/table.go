package hub

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// table holds an entry for each user that has a state or is on a list. Entries stand in chunks that never move, and
// are named by small numbers, handles: four bytes where a list names a user.
type table struct {
	handles map[presence.ID]uint32
	chunks  []*[chunk]entry
	used    uint32   // handles given out so far
	free    []uint32 // handles given back
}

const chunk = 1024

// entry is one user.
type entry struct {
	state    presence.State
	asked    int64    // Unix ns: when the read that last confirmed the state was begun
	answered int64    // Unix ns: when the answer that made the state had arrived
	tick     uint64   // when the state last changed
	lists    []uint32 // numbers of the lists that hold the user
	watchers uint32   // what those lists weigh together
	told     uint32   // the watchers that Wants told of last
	queued   bool     // Wants has to look at the entry
}

func (t *table) at(handle uint32) *entry { return &t.chunks[handle/chunk][handle%chunk] }

// handle returns the handle of id, making an entry where there is none.
func (t *table) handle(id presence.ID) uint32 {
	handle, found := t.handles[id]
	if found {
		return handle
	}
	if last := len(t.free) - 1; last >= 0 {
		handle = t.free[last]
		t.free = t.free[:last]
	} else {
		if t.used%chunk == 0 {
			t.chunks = append(t.chunks, new([chunk]entry))
		}
		handle = t.used
		t.used++
	}
	t.handles[id] = handle
	t.at(handle).state.ID = id
	return handle
}

// release gives the entry of id back if it has no state, is on no list, and Wants has nothing to tell of it.
func (t *table) release(id presence.ID) {
	handle, found := t.handles[id]
	if !found {
		return
	}
	e := t.at(handle)
	if !e.state.Version.IsZero() || len(e.lists) > 0 || e.queued {
		return
	}
	delete(t.handles, id)
	*e = entry{}
	t.free = append(t.free, handle)
}

func (e *entry) item() Item {
	item := Item{State: e.state}
	if !e.state.Version.IsZero() {
		item.ObservedAt, item.AnsweredAt = time.Unix(0, e.asked), time.Unix(0, e.answered)
	}
	return item
}
