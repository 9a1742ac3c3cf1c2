package gateway

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// memo keeps the frames composed in a round: many connections get the same states in the same view. A frame is the
// same if users, versions and rights are; when each was last confirmed may be as of the round's beginning.
type memo struct {
	seed   maphash.Seed
	frames map[uint64]remembered
	items  []hub.Item // of all that is remembered
	bytes  int
}

type remembered struct {
	grant    *grant
	events   bool
	packed   bool
	items    []hub.Item
	frames   []byte
	last     int // where in frames the last one begins
	sent     int
	answered time.Time
}

// maxMemo bounds what one round remembers, in bytes of frames.
const maxMemo = 1 << 20

// reset forgets; it begins a round.
func (m *memo) reset() {
	if m.frames == nil {
		m.seed, m.frames = maphash.MakeSeed(), map[uint64]remembered{}
	}
	clear(m.frames)
	clear(m.items)
	m.items, m.bytes = m.items[:0], 0
}

// states composes as composer.states does, or uses what was composed for another connection. shared says that there
// may be another.
func (m *memo) states(k *composer, g *grant, items []hub.Item, shared bool) []hub.Item {
	if !shared || m.frames == nil {
		return k.states(g, items)
	}
	key := m.key(g, items)
	if k.events {
		key = ^key
	}
	if k.packed {
		key = bits.ReverseBytes64(key)
	}
	if r, found := m.frames[key]; found && r.grant == g && r.events == k.events && r.packed == k.packed && slices.EqualFunc(r.items, items, sameState) {
		if r.last >= 0 {
			k.last = len(k.out) + r.last
		}
		k.out = append(k.out, r.frames...)
		k.sent += r.sent
		k.answered = r.answered
		return nil
	}
	from, before := len(k.out), k.sent
	rest := k.states(g, items)
	if len(rest) == 0 && m.bytes < maxMemo {
		first := len(m.items)
		m.items = append(m.items, items...)
		last := -1
		if len(k.out) > from {
			last = k.last - from
		}
		m.frames[key] = remembered{g, k.events, k.packed, m.items[first:], slices.Clone(k.out[from:]), last, k.sent - before, k.answered}
		m.bytes += len(k.out) - from
	}
	return rest
}

type stateKey struct {
	id      presence.ID
	version presence.Version
}

func (m *memo) key(g *grant, items []hub.Item) uint64 {
	key := maphash.Comparable(m.seed, g)
	for i := range items {
		key = key*31 + maphash.Comparable(m.seed, stateKey{items[i].ID, items[i].Version})
	}
	return key
}

func sameState(a, b hub.Item) bool {
	return a.ID == b.ID && a.Content == b.Content && a.Version == b.Version
}
