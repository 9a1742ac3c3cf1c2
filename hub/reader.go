package hub

import "sync"

// Reader is one consumer of many subscriptions.
type Reader struct {
	hub  *Hub
	wake chan struct{}

	mu            sync.Mutex
	subscriptions []*Subscription // with news in their own lists
	taps          []*tap          // with news for all of theirs
}

// NewReader returns a reader. It needs no closing.
func (h *Hub) NewReader() *Reader { return &Reader{hub: h, wake: make(chan struct{}, 1)} }

// Wake returns the channel on which one token lies whenever there may be news. A token may outlive them.
func (r *Reader) Wake() <-chan struct{} { return r.wake }

// Ready appends the subscriptions with news since it was last called, each once.
func (r *Reader) Ready(dst []*Subscription) []*Subscription {
	r.hub.mu.RLock() // for the watchers of sets
	defer r.hub.mu.RUnlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	before := len(dst)
	dst = append(dst, r.subscriptions...)
	clear(r.subscriptions)
	r.subscriptions = r.subscriptions[:0]
	for _, t := range r.taps {
		t.queued = false
		for _, s := range t.subscriptions {
			if !s.queued {
				s.queued = true
				dst = append(dst, s)
			}
		}
	}
	clear(r.taps)
	r.taps = r.taps[:0]
	for _, s := range dst[before:] {
		s.queued = false
	}
	return dst
}

func (r *Reader) queue(s *Subscription) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !s.queued {
		s.queued = true
		r.subscriptions = append(r.subscriptions, s)
		r.ring()
	}
}

func (r *Reader) queueTap(t *tap) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !t.queued {
		t.queued = true
		r.taps = append(r.taps, t)
		r.ring()
	}
}

func (r *Reader) ring() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
