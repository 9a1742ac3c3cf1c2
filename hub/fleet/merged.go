package fleet

import (
	"context"
	"errors"
	"math/bits"
	"sync"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// merged is what all replicas want together, as the leader sees it.
type merged struct {
	fleet *Fleet
	news  chan struct{} // one slot: changed is not empty

	mu       sync.Mutex
	replicas map[string]*replica
	total    map[presence.ID]int
	changed  map[presence.ID]bool
	whole    bool // every replica's has been seen once
}

// replica is what one of them wants, as last seen.
type replica struct {
	manifest Manifest
	counts   [presence.Shards]map[presence.ID]int
}

func (m *merged) init(f *Fleet) {
	*m = merged{fleet: f, news: make(chan struct{}, 1), replicas: map[string]*replica{}, total: map[presence.ID]int{}, changed: map[presence.ID]bool{}}
}

// Wants blocks until some users began or ceased to be watched by somebody, anywhere; the first call returns them all.
func (t *Term) Wants(ctx context.Context) ([]presence.Want, error) {
	select {
	case <-t.merged.news:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	m := &t.merged
	m.mu.Lock()
	defer m.mu.Unlock()
	wants := make([]presence.Want, 0, len(m.changed))
	for id := range m.changed {
		wants = append(wants, presence.Want{ID: id, Watchers: m.total[id]})
	}
	clear(m.changed)
	return wants, nil
}

func (m *merged) complete() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.whole
}

func (m *merged) wants(id presence.ID) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total[id] > 0
}

// gather follows what the replicas post. This process's own wants are taken from memory.
func (t *Term) gather(ctx context.Context) error {
	for {
		call, cancel := context.WithTimeout(ctx, carryLimit)
		err := t.look(call)
		cancel()
		if err != nil && ctx.Err() == nil {
			t.fleet.log.Debug("what replicas want cannot be read", zap.Error(err))
		}
		if !sleep(ctx, wantsLook) {
			return ctx.Err()
		}
	}
}

func (t *Term) look(ctx context.Context) error {
	m, name := &t.merged, t.fleet.o.Name
	stand, err := t.fleet.store.Wants(ctx)
	if err != nil {
		return err
	}
	own, parts := t.fleet.wants.own()
	stand[name] = own
	m.mu.Lock()
	for gone, r := range m.replicas {
		if _, stands := stand[gone]; !stands {
			for shard := range r.counts {
				m.replace(r, shard, nil)
			}
			delete(m.replicas, gone)
		}
	}
	m.mu.Unlock()
	for who, manifest := range stand {
		r := m.replicas[who] // only this goroutine changes them
		if r == nil {
			r = &replica{}
			m.mu.Lock()
			m.replicas[who] = r
			m.mu.Unlock()
		}
		changed := manifest.differ(&r.manifest)
		if len(changed) == 0 {
			continue
		}
		blobs := make([][]byte, len(changed))
		if who == name {
			for i, number := range changed {
				blobs[i] = parts[number]
			}
		} else if blobs, err = t.fleet.store.WantsParts(ctx, who, changed); err != nil {
			return err
		}
		for i, number := range changed {
			if digest(blobs[i]) != manifest[number] {
				continue // it changed meanwhile
			}
			if err := t.take(ctx, r, number, blobs[i]); err != nil {
				t.fleet.log.Warn("a replica posts what cannot be read", zap.String("replica", who), zap.Int("part", number), zap.Error(err))
				if !errors.Is(err, errPart) {
					continue
				}
			}
			r.manifest[number] = manifest[number]
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.whole || len(m.changed) > 0 {
		m.whole = true
		notify(m.news)
	}
	return nil
}

// own returns what this process wants, as it is or will be posted. The parts must not be modified.
func (w *wants) own() (Manifest, [Parts][]byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.board.now, w.board.parts
}

// take notes one part of what a replica posts.
func (t *Term) take(ctx context.Context, r *replica, number int, blob []byte) error {
	if number == Parts-1 {
		ahead, corrupt, err := parseAhead(blob)
		if err != nil {
			return err
		}
		for ; corrupt != 0; corrupt &= corrupt - 1 {
			select {
			case t.suspects <- bits.TrailingZeros64(corrupt):
			default: // all of them are
			}
		}
		return t.raise(ctx, ahead)
	}
	counts, err := parseWants(blob)
	if err != nil {
		return err
	}
	t.merged.mu.Lock()
	defer t.merged.mu.Unlock()
	t.merged.replace(r, number, counts)
	return nil
}

// replace makes counts what a replica wants of a shard.
func (m *merged) replace(r *replica, shard int, counts map[presence.ID]int) {
	before := r.counts[shard]
	r.counts[shard] = counts
	for id, watchers := range before {
		if counts[id] != watchers {
			m.add(id, counts[id]-watchers)
		}
	}
	for id, watchers := range counts {
		if _, known := before[id]; !known {
			m.add(id, watchers)
		}
	}
}

func (m *merged) add(id presence.ID, watchers int) {
	m.changed[id] = true
	if m.total[id] += watchers; m.total[id] == 0 {
		delete(m.total, id)
	}
}

// raise gives states anew, above versions that somebody holds and the truth does not have: the store lost them after
// they had been published. Whatever they were, what stands now is what was read last.
func (t *Term) raise(ctx context.Context, ahead map[presence.ID]presence.Version) error {
	t.turn <- struct{}{}
	defer t.pass()
	var raised []hub.Item
	for id, version := range ahead {
		if item, below := t.fleet.hub.Raise(id, version); below {
			raised = append(raised, item)
		}
	}
	if len(raised) == 0 {
		return nil
	}
	t.fleet.metrics.raised.Add(float64(len(raised)))
	t.fleet.log.Info("states are published again: somebody holds more than the truth", zap.Int("users", len(raised)))
	return t.write(ctx, t.jobs(raised))
}
