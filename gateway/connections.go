package gateway

import (
	"context"
	"sync"
)

// connections is those that are open.
type connections struct {
	mu   sync.Mutex
	open map[*conn]struct{}
	left chan struct{} // closed when the last one leaves; nil unless someone waits
}

func (cs *connections) add(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c] = struct{}{}
}

func (cs *connections) remove(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
	if len(cs.open) == 0 && cs.left != nil {
		close(cs.left)
		cs.left = nil
	}
}

func (cs *connections) len() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.open)
}

// all returns the connections open now.
func (cs *connections) all() []*conn {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	list := make([]*conn, 0, len(cs.open))
	for c := range cs.open {
		list = append(list, c)
	}
	return list
}

// wait waits until all have left, or the context ends.
func (cs *connections) wait(ctx context.Context) {
	cs.mu.Lock()
	if len(cs.open) == 0 {
		cs.mu.Unlock()
		return
	}
	if cs.left == nil {
		cs.left = make(chan struct{})
	}
	left := cs.left
	cs.mu.Unlock()
	select {
	case <-left:
	case <-ctx.Done():
	}
}
