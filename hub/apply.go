package hub

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What follows is for many processes that are to hold the same: one of them judges, without holding anything yet; once
// what it found is published, it and all others apply it. Applying compares versions, so order and repetition do no harm.

// Judgement is what readings mean, before anything of it is held.
type Judgement struct {
	Verdicts []presence.Verdict // in the order of the readings
	States   []Item             // those that would stand, each user once
}

// Judge is [Hub.Observe] without holding what is newer, nor noting what is confirmed.
func (h *Hub) Judge(readings []presence.Reading) Judgement {
	j := Judgement{Verdicts: make([]presence.Verdict, len(readings))}
	at := map[presence.ID]int{} // where in States
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range readings {
		r := &readings[i]
		handle := h.table.handle(r.ID)
		e := h.table.at(handle)
		held, confirmed := e.state, time.Unix(0, e.asked)
		before, again := at[r.ID]
		if again {
			held, confirmed = j.States[before].State, j.States[before].ObservedAt
		}
		verdict, state := h.weigh(handle, held, confirmed, r)
		j.Verdicts[i] = verdict
		switch item := (Item{State: state, ObservedAt: r.Asked, AnsweredAt: r.Answered}); {
		case verdict == presence.Newer && again:
			j.States[before] = item
		case verdict == presence.Newer:
			at[r.ID] = len(j.States)
			j.States = append(j.States, item)
		case verdict == presence.Confirmed && again:
			j.States[before].ObservedAt = r.Asked
		}
	}
	if len(readings) > 0 {
		h.settle(readings[len(readings)-1].Answered)
	}
	return j
}

// Apply holds each item whose version is above the one held, and returns those held that are above the items given.
// Where the versions are equal, the later confirmation counts. It blocks on no reader.
func (h *Hub) Apply(items []Item) (ahead []Item) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick++
	for i := range items {
		item := &items[i]
		if item.Version.IsZero() {
			continue
		}
		handle := h.table.handle(item.ID)
		e := h.table.at(handle)
		switch order := item.Version.Compare(e.state.Version); {
		case order < 0:
			ahead = append(ahead, e.item())
		case order > 0:
			h.put(handle, e, item.State, item.AnsweredAt)
			h.confirm(handle, e, item.ObservedAt)
		case item.ObservedAt.UnixNano() > e.asked:
			h.confirm(handle, e, item.ObservedAt)
		}
	}
	return ahead
}

// Confirm notes that the states held of these users were still right in a read begun at asked. Users without a state
// are passed over.
func (h *Hub) Confirm(ids []presence.ID, asked time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick++
	for _, id := range ids {
		if handle, found := h.table.find(id); found {
			if e := h.table.at(handle); !e.state.Version.IsZero() && asked.UnixNano() > e.asked {
				h.confirm(handle, e, asked)
			}
		}
	}
}

// Held appends everything that is held of a shard, in no particular order.
func (h *Hub) Held(dst []Item, shard int) []Item {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for _, handle := range h.table.handles[shard] {
		if e := h.table.at(handle); !e.state.Version.IsZero() {
			dst = append(dst, e.item())
		}
	}
	return dst
}

// Begin issues versions under this generation from now on, unless a higher one is in use already, and forgets readings
// not believed so far: others may have judged since. nonce as in [presence.Rule].
func (h *Hub) Begin(generation uint32, nonce uint16) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rule.Generation, h.rule.Nonce = max(h.rule.Generation, generation), nonce
	clear(h.doubts)
	h.use(h.rule.Generation)
}

// Highest returns the highest generation of any version held or issued so far, those dropped included.
func (h *Hub) Highest() uint32 {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.highest
}

// Raise returns the state held of a user under a new version above the one given, to be applied; false if it is not
// below that one, or if there is none. See [presence.Rule.Raise].
func (h *Hub) Raise(id presence.ID, above presence.Version) (Item, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	handle, found := h.table.find(id)
	if !found {
		return Item{}, false
	}
	item := h.table.at(handle).item()
	if item.Version.IsZero() || item.Version.Compare(above) >= 0 {
		return Item{}, false
	}
	item.State = h.rule.Raise(item.State, above)
	h.issue(item.Version)
	return item, true
}
