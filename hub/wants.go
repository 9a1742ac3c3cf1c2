package hub

import (
	"context"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// want notes that a user is watched from now on, or no longer.
func (h *Hub) want(id presence.ID) {
	if !h.wanting {
		return
	}
	h.wants[id] = true
	select {
	case h.wanted <- struct{}{}:
	default:
	}
}

// Wants waits until some users began or ceased to be watched, and returns them; the first call returns everyone who
// is watched. One caller at a time.
func (h *Hub) Wants(ctx context.Context) ([]presence.Want, error) {
	if wants, first := h.firstWants(); first {
		return wants, nil
	}
	select {
	case <-h.wanted:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	wants := make([]presence.Want, 0, len(h.wants))
	for id := range h.wants {
		want := presence.Want{ID: id}
		if handle, found := h.table.handles[id]; found {
			want.Watchers = len(h.table.at(handle).lists)
		}
		wants = append(wants, want)
	}
	clear(h.wants)
	return wants, nil
}

func (h *Hub) firstWants() ([]presence.Want, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.wanting {
		return nil, false
	}
	h.wanting = true
	var wants []presence.Want
	for id, handle := range h.table.handles {
		if n := len(h.table.at(handle).lists); n > 0 {
			wants = append(wants, presence.Want{ID: id, Watchers: n})
		}
	}
	return wants, true
}

// waiter waits for reads of some users.
type waiter struct {
	since   time.Time
	missing map[uint32]struct{}
	done    chan struct{}
}

// Await waits until a read of each user that was begun at since or later has confirmed or changed their state, or
// the context ends. Meanwhile the users are watched, which is interest: whoever reads Graph on demand reads them.
func (h *Hub) Await(ctx context.Context, ids []presence.ID, since time.Time) error {
	sub := h.NewReader().Subscribe(nil)
	defer sub.Close()
	sub.Add(ids, nil, &News{})

	w := &waiter{since: since, missing: map[uint32]struct{}{}, done: make(chan struct{})}
	h.mu.Lock()
	for _, id := range ids {
		handle, found := h.table.handles[id]
		if !found { // forgotten meanwhile
			continue
		}
		if e := h.table.at(handle); e.state.Version.IsZero() || time.Unix(0, e.asked).Before(since) {
			w.missing[handle] = struct{}{}
			h.waiters[handle] = append(h.waiters[handle], w)
		}
	}
	waiting := len(w.missing) > 0
	h.mu.Unlock()
	if !waiting {
		return nil
	}
	defer h.dismiss(w)
	select {
	case <-w.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// serve tells those who wait for a user that a read begun at asked has come.
func (h *Hub) serve(handle uint32, asked time.Time) {
	waiting := h.waiters[handle]
	for i := 0; i < len(waiting); {
		w := waiting[i]
		if asked.Before(w.since) {
			i++
			continue
		}
		waiting[i] = waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		if delete(w.missing, handle); len(w.missing) == 0 {
			close(w.done)
		}
	}
	h.keep(handle, waiting)
}

func (h *Hub) keep(handle uint32, waiting []*waiter) {
	if len(waiting) == 0 {
		delete(h.waiters, handle)
	} else {
		h.waiters[handle] = waiting
	}
}

func (h *Hub) dismiss(w *waiter) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for handle := range w.missing {
		waiting := h.waiters[handle]
		for i := range waiting {
			if waiting[i] == w {
				waiting[i] = waiting[len(waiting)-1]
				h.keep(handle, waiting[:len(waiting)-1])
				break
			}
		}
	}
}
