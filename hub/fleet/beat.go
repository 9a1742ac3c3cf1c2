package fleet

import (
	"context"
	"slices"
	"time"

	"go.uber.org/zap"

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
// write there. And it looks after who was left behind.
func (t *Term) audit(ctx context.Context) error {
	tick, expiry := time.NewTicker(beatEvery), time.NewTicker(t.fleet.o.Expire/4)
	defer tick.Stop()
	defer expiry.Stop()
	var doubtful []int // suspects that could not be looked at
	for next := 0; ; {
		var number int
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-expiry.C:
			t.expire()
			continue
		case number = <-t.suspects:
			doubtful = append(doubtful, number)
		case <-tick.C:
			if number = next; len(doubtful) > 0 {
				number = doubtful[0]
			} else {
				next = (next + 1) % presence.Shards
			}
		}
		call, cancel := context.WithTimeout(ctx, callLimit)
		snapshot, err := t.fleet.store.Load(call, number, Position{})
		cancel()
		if err != nil {
			continue // the beats will tell
		}
		doubtful = slices.DeleteFunc(doubtful, func(n int) bool { return n == number })
		if !snapshot.sound() {
			t.fleet.metrics.mismatches.Inc()
			t.fleet.log.Error("a shard in the store is not what was written there, it is written anew", zap.Int("shard", number))
			t.turn <- struct{}{}
			t.fleet.shards[number].lose() // the next beat sets it right
			t.pass()
		}
	}
}

// expire drops the states of users who are not to be read any longer, and whose end the poller could not tell: it came to
// pass in a term before. They are those whom neither the directory lists nor, on demand, anybody wants.
func (t *Term) expire() {
	if !t.told.Load() || !t.merged.complete() {
		return
	}
	directory, limit := t.fleet.hub.Directory(), time.Now().Add(-t.fleet.o.Expire)
	for number := range presence.Shards {
		var ids []presence.ID
		for _, item := range t.fleet.hub.Held(nil, number) {
			if item.ObservedAt.Before(limit) && !directory.Watched(item.ID) && !(t.fleet.o.OnDemand && t.merged.wants(item.ID)) {
				ids = append(ids, item.ID)
			}
		}
		switch {
		case len(ids) == 0:
		case t.fleet.o.OnDemand:
			t.Lapse(ids)
		default:
			t.Forget(ids)
		}
	}
}
