package hub

import "github.com/presence-gateway/presence-gateway/internal/presence"

// Sum tells whether two tables hold the same states of a shard: their number, gone ones included, and their digests,
// XORed. Equal sums mean equal tables, but for a chance of one in 2^64.
type Sum struct {
	Count  int
	Digest uint64
}

// Add counts a state in. One that was never read does not count.
func (s *Sum) Add(state *presence.State) {
	if !state.Version.IsZero() {
		s.Count++
		s.Digest ^= state.Digest()
	}
}

// Sub counts a state out.
func (s *Sum) Sub(state *presence.State) {
	if !state.Version.IsZero() {
		s.Count--
		s.Digest ^= state.Digest()
	}
}

func (s *Sum) replace(old, state *presence.State) {
	s.Sub(old)
	s.Add(state)
}

// Sum returns the sum of what is held of a shard.
func (h *Hub) Sum(shard int) Sum {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.sums[shard]
}
