package hub

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Observe judges readings in their order, holds what is newer, and lets the lists that hold those users know. The
// verdicts stand in the order of the readings. It blocks on no reader.
func (h *Hub) Observe(_ context.Context, readings []presence.Reading) ([]presence.Verdict, error) {
	verdicts := make([]presence.Verdict, len(readings))
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick++
	for i := range readings {
		verdicts[i] = h.judge(&readings[i])
	}
	if len(readings) > 0 {
		h.settle(readings[len(readings)-1].Answered)
	}
	return verdicts, nil
}

func (h *Hub) judge(r *presence.Reading) presence.Verdict {
	handle := h.table.handle(r.ID)
	e := h.table.at(handle)
	verdict, state := h.weigh(handle, e.state, time.Unix(0, e.asked), r)
	switch verdict {
	case presence.Newer:
		h.put(handle, e, state, r.Answered)
		fallthrough
	case presence.Confirmed:
		h.confirm(handle, e, r.Asked)
	}
	return verdict
}

// weigh says what a reading means for the state held of handle, and holds nothing but doubts.
func (h *Hub) weigh(handle uint32, held presence.State, confirmed time.Time, r *presence.Reading) (presence.Verdict, presence.State) {
	doubt, doubted := h.doubts[handle]
	if !doubted {
		h.fresh = presence.Doubt{}
		doubt = &h.fresh
	}
	verdict, state := h.rule.Judge(held, confirmed, *r, doubt)
	if !doubted && h.fresh != (presence.Doubt{}) {
		kept := h.fresh
		h.doubts[handle] = &kept
	}
	if verdict == presence.Newer {
		h.issue(state.Version)
	}
	return verdict, state
}

// issue notes that a version was made: no other may be, ever.
func (h *Hub) issue(v presence.Version) {
	h.rule.Order = max(h.rule.Order, v.Order)
	h.highest = max(h.highest, v.Generation)
	h.use(v.Generation)
}

// put holds a state, and lets the lists that hold the user know.
func (h *Hub) put(handle uint32, e *entry, state presence.State, answered time.Time) {
	h.sums[state.ID.Shard()].replace(&e.state, &state)
	h.highest = max(h.highest, state.Version.Generation)
	e.state, e.answered, e.tick = state, 0, h.tick
	if !answered.IsZero() {
		e.answered = answered.UnixNano()
	}
	for _, number := range e.lists {
		h.lists[number].note(handle, h.tick)
	}
}

// confirm notes that a read begun at asked found the state that is held.
func (h *Hub) confirm(handle uint32, e *entry, asked time.Time) {
	e.asked = asked.UnixNano()
	if len(h.waiters) > 0 {
		h.serve(handle, asked)
	}
}

// use records a generation before a version of it is issued.
func (h *Hub) use(generation uint32) {
	if err := h.generations.Use(generation); err != nil {
		h.log.Warn("cannot record the generation of versions; after a restart they may repeat", zap.Error(err))
	}
}

// settle forgets the doubts that have nothing left to tell, now and then.
func (h *Hub) settle(now time.Time) {
	if now.Sub(h.settling) < 5*time.Second {
		return
	}
	h.settling = now
	for handle, doubt := range h.doubts {
		if doubt.Settled(now) {
			delete(h.doubts, handle)
		}
	}
}

// Forget drops the states of users who are no longer watched, and takes them off every list: whoever watched one of
// them watches them no longer, and is told so by the next Drain.
func (h *Hub) Forget(ids []presence.ID) { h.forget(ids, true) }

// Lapse drops the states of users whom nobody watches any longer. Who is watched again meanwhile keeps theirs.
func (h *Hub) Lapse(ids []presence.ID) { h.forget(ids, false) }

func (h *Hub) forget(ids []presence.ID, watched bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tick++
	raised := h.rule.Generation
	leaving := map[*list][]uint32{}
	for _, id := range ids {
		handle, found := h.table.find(id)
		if !found {
			continue
		}
		e := h.table.at(handle)
		if !watched && h.watchers(e) > 0 {
			continue
		}
		// Read again, the user would begin below what was issued for them under a number: begin a generation higher.
		if v := e.state.Version; v.Sequence != "" && (v.Order > 0 || v.Generation > h.rule.Generation) {
			raised = max(raised, v.Generation+1)
		}
		h.sums[id.Shard()].replace(&e.state, &presence.State{})
		e.state = presence.State{ID: id}
		delete(h.doubts, handle)
		delete(h.waiters, handle)
		if watched { // else all that is left are sets that nobody watches
			for _, number := range e.lists {
				l := h.lists[number]
				leaving[l] = append(leaving[l], handle)
			}
		}
		h.table.release(id)
	}
	for l, handles := range leaving {
		slices.Sort(handles)
		handles = slices.Compact(handles)
		if l.own != nil {
			for _, handle := range handles {
				l.own.left = append(l.own.left, h.table.at(handle).state.ID)
			}
		} else {
			l.set.happened(handles, false)
		}
		l.remove(h, handles) // which releases the entries that are on no list any longer
		l.wake()
	}
	if raised > h.rule.Generation {
		h.rule.Generation = raised
		h.use(raised)
	}
}
