package plan

// queue is a heap of users by when they are due, four children wide: with a million users the way down is short, and
// siblings share a cache line. A node is never searched for: one whose entry has moved on is dropped when it comes up.
type queue struct {
	nodes []node
	live  int // nodes that still count
}

type node struct {
	due int64
	at  uint32 // index of the entry
}

func (q *queue) push(n node) {
	q.live++
	q.nodes = append(q.nodes, n)
	i := len(q.nodes) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if q.nodes[parent].due <= n.due {
			break
		}
		q.nodes[i] = q.nodes[parent]
		i = parent
	}
	q.nodes[i] = n
}

func (q *queue) pop() node {
	top := q.nodes[0]
	last := len(q.nodes) - 1
	n := q.nodes[last]
	q.nodes = q.nodes[:last]
	switch {
	case last > 0:
		q.down(0, n)
	case cap(q.nodes) > 1024:
		q.nodes = nil // all came at once, which may not happen again
	}
	return top
}

func (q *queue) down(i int, n node) {
	for {
		child := 4*i + 1
		if child >= len(q.nodes) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(q.nodes)); c++ {
			if q.nodes[c].due < q.nodes[least].due {
				least = c
			}
		}
		if n.due <= q.nodes[least].due {
			break
		}
		q.nodes[i] = q.nodes[least]
		i = least
	}
	q.nodes[i] = n
}

// tidy drops the nodes that no longer count, once they are more than those that do.
func (q *queue) tidy(counts func(node) bool) {
	if len(q.nodes) >= 2*q.live+1024 {
		q.rebuild(func(n *node) bool { return counts(*n) })
	}
}

// rebuild keeps the nodes that keep says, with their due times as it leaves them.
func (q *queue) rebuild(keep func(*node) bool) {
	kept := q.nodes[:0]
	for _, n := range q.nodes {
		if keep(&n) {
			kept = append(kept, n)
		}
	}
	q.nodes = kept
	for i := (len(kept) - 2) / 4; i >= 0 && len(kept) > 1; i-- {
		q.down(i, kept[i])
	}
}
