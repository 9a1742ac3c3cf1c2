package fleet

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// beat lets every shard be heard of each second: who hears nothing must be deaf, or nobody polls.
func (t *Term) beat(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		case <-t.hasty:
		}
		if err := t.all(ctx); err != nil {
			return err
		}
	}
}

// all writes what there is to say to every shard.
func (t *Term) all(ctx context.Context) error {
	t.turn <- struct{}{}
	defer t.pass()
	jobs := make([]*job, presence.Shards)
	for i := range jobs {
		jobs[i] = &job{shard: &t.fleet.shards[i]}
	}
	return t.write(ctx, jobs)
}

// flush writes what is left when the term ends of itself, and reports whether all of it is there.
func (t *Term) flush() bool {
	if t.ctx.Err() != nil || t.recorded == 0 {
		return false
	}
	ctx, cancel := context.WithTimeout(t.ctx, callLimit)
	defer cancel()
	return t.all(ctx) == nil
}

// audit looks each second whether one shard in the store is what it should be: memory errs, and so do those who may
// write there. And it drops who was left behind: users nobody confirms, lists or wants any longer.
func (t *Term) audit(ctx context.Context) error {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for number := 0; ; number = (number + 1) % presence.Shards {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		call, cancel := context.WithTimeout(ctx, callLimit)
		snapshot, err := t.fleet.store.Load(call, number, Position{})
		cancel()
		if err != nil {
			continue // the beats will tell
		}
		if snapshot.sum() != (hub.Sum{Count: snapshot.Count, Digest: snapshot.Digest}) {
			t.fleet.metrics.mismatches.Inc()
			t.fleet.log.Error("a shard in the store is not what was written there, it is written anew", zap.Int("shard", number))
			t.fleet.shards[number].lose()
		}
		t.expire(number)
	}
}

// expire drops the states of users who have not been confirmed for long, unless they are to be read.
func (t *Term) expire(number int) {
	t.turn <- struct{}{}
	defer t.pass()
	if t.fleet.directory.loaded() && t.merged.complete() {
		directory, limit := t.fleet.hub.Directory(), time.Now().Add(-t.fleet.o.Expire)
		var ids []presence.ID
		for _, item := range t.fleet.hub.Held(nil, number) {
			if item.ObservedAt.Before(limit) && !directory.Watched(item.ID) && !t.merged.wants(item.ID) {
				ids = append(ids, item.ID)
			}
		}
		if len(ids) > 0 {
			t.lapse(ids)
		}
	}
}
