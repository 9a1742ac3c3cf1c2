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

	subjects map[string]int // connections of each subject
	awaited  map[string]int // connections that have not signed in yet, by address
	strange  int            // all of those
}

// How many connections that have not signed in may be open, from one address or network and in all. Each has
// [signInTime] for it.
const (
	maxAwaitedOfOne = 500
	maxAwaited      = 5000
)

func newConnections() connections {
	return connections{open: map[*conn]struct{}{}, subjects: map[string]int{}, awaited: map[string]int{}}
}

// claim takes one of a subject's places, if one is left.
func (cs *connections) claim(subject string, places int) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.subjects[subject] >= places {
		return false
	}
	cs.subjects[subject]++
	return true
}

// expect notes a connection that is to sign in, if there are few enough.
func (cs *connections) expect(address string) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.strange >= maxAwaited || cs.awaited[address] >= maxAwaitedOfOne {
		return false
	}
	cs.strange++
	cs.awaited[address]++
	return true
}

// arrived notes that one of them has signed in, or left.
func (cs *connections) arrived(address string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.strange--
	less(cs.awaited, address)
}

func less(counts map[string]int, name string) {
	if counts[name]--; counts[name] == 0 {
		delete(counts, name)
	}
}

func (cs *connections) add(c *conn) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.open[c] = struct{}{}
}

// remove gives back what c took: its place, and one of its subject's.
func (cs *connections) remove(c *conn, subject string) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	delete(cs.open, c)
	if subject != "" {
		less(cs.subjects, subject)
	}
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
