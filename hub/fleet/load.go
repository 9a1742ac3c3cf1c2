package fleet

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// load brings shards that are not current in line with what stands in the store, one after the other.
func (f *Fleet) load(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case number := <-f.loads:
			f.shards[number].load(ctx)
		}
	}
}

// load makes the shard current, if it can. If not, the watch has it tried again.
func (s *shard) load(ctx context.Context) {
	s.mu.Lock()
	known, round := s.at, s.round
	s.mu.Unlock()
	snapshot, err := s.fleet.store.Load(ctx, s.number, known)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.queued = false
	switch {
	case !s.joined || s.fleet.leading() != nil:
		s.pending = nil
		return
	case round != s.round || known != s.at:
		s.reload("joined")
		return
	case err != nil:
		if ctx.Err() == nil {
			s.fleet.complain("a shard cannot be loaded", zap.Int("shard", s.number), zap.Error(err))
		}
		return
	}
	s.fleet.saw(snapshot.Fence)
	s.fleet.health.first(snapshot.Status)
	s.fleet.directory.want(snapshot.Directory)
	pending := s.pending
	s.pending = nil
	if !s.adopt(snapshot) {
		if len(pending) > 0 { // something was written there meanwhile
			s.reload("gap")
		}
		return
	}
	s.current, s.loaded = true, true
	if !s.check() {
		return
	}
	// What was heard before the snapshot, or long after it, does not lead on from it; the next beat tells which it was.
	next := slices.IndexFunc(pending, func(m *Message) bool { return m.From == s.at || m.To == s.at })
	for ; next >= 0 && next < len(pending) && s.current; next++ {
		s.follow(pending[next])
	}
}

// complain warns, and of what is like it within 5 s not again: without the store all shards meet with the same.
func (f *Fleet) complain(what string, fields ...zap.Field) {
	now, last := time.Now().UnixNano(), f.complained.Load()
	if last != 0 && now-last < int64(lostAfter) || !f.complained.CompareAndSwap(last, now) {
		f.log.Debug(what, fields...)
		return
	}
	f.log.Warn(what, fields...)
}

// adopt brings the hub to what stands in the store. It refuses an empty store: the leader will fill it again, and until
// then what is held is the best there is. And one that is not what it says it is.
func (s *shard) adopt(snapshot *Snapshot) bool {
	if snapshot.IsZero() || snapshot.Epoch == 0 {
		return false
	}
	if snapshot.Unchanged {
		return snapshot.Position == s.at
	}
	if !snapshot.sound() {
		s.fleet.log.Warn("a shard in the store is not what it says it is", zap.Int("shard", s.number))
		s.corrupt = true
		s.fleet.wants.stir()
		return false
	}
	if s.corrupt {
		s.corrupt = false
		s.fleet.wants.stir()
	}
	s.astray = nil
	s.hold(snapshot.States)
	there := make(map[presence.ID]bool, len(snapshot.States))
	for i := range snapshot.States {
		there[snapshot.States[i].ID] = true
	}
	for _, item := range s.fleet.hub.Held(nil, s.number) {
		if !there[item.ID] {
			s.stray(item.ID, presence.State{}, true)
		}
	}
	s.dropAstray()
	s.at = snapshot.Position
	return true
}

// dropAstray drops users whom the truth does not have: it may have dropped them unheard. Not those whom it will have
// again as soon as they are read: users of the directory, and on demand those whom somebody watches here.
func (s *shard) dropAstray() {
	var ids []presence.ID
	for id, truth := range s.astray {
		if truth.Version.IsZero() {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return
	}
	h := s.fleet.hub
	h.Lapse(ids)
	directory, known := h.Directory(), s.fleet.directory.loaded()
	var gone []presence.ID
	for _, item := range h.Get(nil, ids...) {
		switch {
		case item.Pending():
			delete(s.astray, item.ID)
		case known && !s.fleet.o.OnDemand && !directory.Watched(item.ID):
			gone = append(gone, item.ID)
			delete(s.astray, item.ID)
		}
	}
	h.Forget(gone)
}

// sound reports whether the snapshot's states come to what its position says.
func (s *Snapshot) sound() bool {
	var sum hub.Sum
	for i := range s.States {
		sum.Add(&s.States[i].State)
	}
	return sum == hub.Sum{Count: s.Count, Digest: s.Digest}
}

// watch looks after what time alone does: silence, and loads that failed.
func (f *Fleet) watch(ctx context.Context) error {
	tick := time.NewTicker(beatEvery / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-tick.C:
			for i := range f.shards {
				f.shards[i].look(now)
			}
		}
	}
}

// maxPatience bounds how seldom a silent shard is subscribed anew while nobody beats.
const maxPatience = 12 * time.Second

func (s *shard) look(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.heard) >= s.patience {
		s.heard = now
		s.patience = min(2*s.patience, maxPatience) + s.fleet.jitter(beatEvery)
		s.fleet.metrics.rejoins.Inc()
		s.fleet.store.Rejoin(s.number)
	}
	if s.fleet.leading() != nil {
		return
	}
	if s.joined && !s.current {
		s.reload("again")
	}
	if len(s.astray) > 0 {
		s.dropAstray()
	}
}
