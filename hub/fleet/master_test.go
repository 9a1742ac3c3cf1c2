package fleet_test

import (
	"maps"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// master is what one Redis holds. Everything is done at one instant, as in a script.
type master struct {
	world      *world
	shards     [presence.Shards]keys
	holder     string
	until      time.Time
	fence      uint64
	generation uint32
	budget     []byte
	saved      time.Time
	savedAt    int // the life of the server that the budget was saved at
	life       int
	directory  board
	wants      map[string]board
	figures    []byte // said of the reading
	told       time.Time
	figuresEnd time.Time
	isolated   bool // a majority has another master
}

// keys is one shard.
type keys struct {
	fence     fleet.Fence
	at        fleet.Position
	call      string
	answer    fleet.Answer
	states    map[presence.ID]hub.Item
	status    presence.Status
	directory uint64
	hurt      bool // somebody changed the states behind everyone's back
}

// sound reports whether the states come to what the position says.
func (k *keys) sound() bool {
	var sum hub.Sum
	for _, item := range k.states {
		sum.Add(&item.State)
	}
	return sum == hub.Sum{Count: k.at.Count, Digest: k.at.Digest}
}

type board struct {
	manifest fleet.Manifest
	parts    [fleet.Parts][]byte
	until    time.Time
}

// clone is what a Redis replica has at this instant.
func (m *master) clone() *master {
	c := *m
	c.wants = maps.Clone(m.wants)
	for i := range c.shards {
		c.shards[i].states = maps.Clone(m.shards[i].states)
	}
	return &c
}

func (m *master) append(fence fleet.Fence, a *fleet.Append) fleet.Answer {
	k := &m.shards[a.Shard]
	stands := k.at
	stands.Count = len(k.states)
	switch {
	case without != "fence" && (k.fence.Number > fence.Number || k.fence.Number == fence.Number && k.fence.Holder != "" && k.fence.Holder != fence.Holder):
		m.world.strike("write of an old term refused")
		return fleet.Answer{Outcome: fleet.Fenced, Stands: stands, Fence: k.fence.Number}
	case k.call == a.Call:
		m.world.strike("same call again")
		return k.answer
	case without != "position" && stands != a.From:
		return fleet.Answer{Outcome: fleet.Foreign, Stands: stands, Fence: k.fence.Number}
	}
	if fence.Number < k.fence.Number {
		m.world.failf("shard %d: a write of %v after one of %v", a.Shard, fence, k.fence)
	}
	if k.states == nil {
		k.states = map[presence.ID]hub.Item{}
	}
	for _, ids := range [][]presence.ID{a.Forgotten, a.Lapsed} {
		for _, id := range ids {
			delete(k.states, id)
		}
	}
	for _, item := range a.States {
		k.states[item.ID] = item
	}
	for _, c := range a.Confirmed {
		for _, id := range c.Users {
			if item, found := k.states[id]; found {
				item.ObservedAt = c.Asked
				k.states[id] = item
			}
		}
	}
	for _, id := range a.Lapsed {
		if i := index(id); i >= 0 && i < listed && !m.world.moved[i] && !k.hurt {
			m.world.failf("user %d is dropped, whom the configuration lists", i)
		}
	}
	k.fence, k.at, k.status, k.directory = fence, a.To, a.Status, a.Directory
	if k.hurt = k.hurt && !k.sound(); !k.hurt && !k.sound() {
		m.world.failf("shard %d does not hold what %v stands for", a.Shard, a.To)
	}
	k.call, k.answer = a.Call, fleet.Answer{Stands: a.To, Fence: fence.Number}
	m.world.publish(m, a)
	return k.answer
}

func (m *master) load(shard int, known fleet.Position) *fleet.Snapshot {
	k := &m.shards[shard]
	s := &fleet.Snapshot{Position: k.at, Fence: k.fence.Number, Status: k.status, Directory: k.directory}
	s.Count = len(k.states)
	if s.Unchanged = s.Position == known && !known.IsZero(); s.Unchanged {
		return s
	}
	for _, item := range k.states {
		s.States = append(s.States, item)
	}
	return s
}

func (m *master) held(fence fleet.Fence) bool {
	return m.holder == fence.Holder && time.Now().Before(m.until)
}

func (m *master) acquire(holder string, above uint64, ttl time.Duration) (fleet.Fence, error) {
	if time.Now().Before(m.until) {
		return fleet.Fence{}, fleet.ErrHeld
	}
	m.fence = max(m.fence, above) + 1
	m.holder, m.until = holder, time.Now().Add(ttl)
	return fleet.Fence{Number: m.fence, Holder: holder}, nil
}

func (m *master) renew(fence fleet.Fence, ttl time.Duration) error {
	if !m.held(fence) {
		return fleet.ErrLost
	}
	m.until = time.Now().Add(ttl)
	return nil
}

func (m *master) release(fence fleet.Fence) error {
	if m.holder == fence.Holder {
		m.until = time.Time{}
	}
	return nil
}

func (b *board) post(p fleet.Post, until time.Time) error {
	if !p.Whole && b.manifest != p.Was {
		return fleet.ErrForeign
	}
	if p.Whole {
		b.parts = [fleet.Parts][]byte{}
	}
	b.manifest, b.until = p.Now, until
	for i, part := range p.Parts {
		b.parts[i] = part
	}
	return nil
}

func (b *board) pick(parts []int) (blobs [][]byte) {
	for _, i := range parts {
		blobs = append(blobs, b.parts[i])
	}
	return blobs
}
