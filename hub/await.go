package hub

import (
	"context"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

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
		handle, found := h.table.find(id)
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
