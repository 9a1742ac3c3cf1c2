package hub

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// table holds an entry for each user that has a state or is on a list. Entries stand in chunks that never move, and
// are named by small numbers, handles: four bytes where a list names a user.
type table struct {
	handles [presence.Shards]map[presence.ID]uint32
	chunks  []*[chunk]entry
	used    uint32   // handles given out so far
	free    []uint32 // handles given back
}

const chunk = 1024

// entry is one user.
type entry struct {
	state    presence.State
	asked    int64    // Unix ns: when the read that last confirmed the state was begun
	answered int64    // Unix ns: when the answer that made the state had arrived; 0: unknown
	tick     uint64   // when the state last changed
	lists    []uint32 // numbers of the lists that hold the user
	watchers uint32   // what those lists weigh together
	told     uint32   // the watchers that Wants told of last
	queued   bool     // Wants has to look at the entry
}

func (t *table) at(handle uint32) *entry { return &t.chunks[handle/chunk][handle%chunk] }

// find returns the handle of id.
func (t *table) find(id presence.ID) (handle uint32, found bool) {
	handle, found = t.handles[id.Shard()][id]
	return handle, found
}

// handle returns the handle of id, making an entry where there is none.
func (t *table) handle(id presence.ID) uint32 {
	shard := id.Shard()
	handle, found := t.handles[shard][id]
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
	if t.handles[shard] == nil {
		t.handles[shard] = map[presence.ID]uint32{}
	}
	t.handles[shard][id] = handle
	t.at(handle).state.ID = id
	return handle
}

// release gives the entry of id back if it has no state, is on no list, and Wants has nothing to tell of it.
func (t *table) release(id presence.ID) {
	handle, found := t.find(id)
	if !found {
		return
	}
	e := t.at(handle)
	if !e.state.Version.IsZero() || len(e.lists) > 0 || e.queued {
		return
	}
	delete(t.handles[id.Shard()], id)
	*e = entry{}
	t.free = append(t.free, handle)
}

func (e *entry) item() Item {
	item := Item{State: e.state}
	if !e.state.Version.IsZero() {
		item.ObservedAt = time.Unix(0, e.asked)
		if e.answered != 0 {
			item.AnsweredAt = time.Unix(0, e.answered)
		}
	}
	return item
}
