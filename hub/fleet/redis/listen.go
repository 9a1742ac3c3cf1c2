package redis

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Limits of listening.
const (
	confirmLimit = 2 * time.Second        // how long a confirmation of a subscription is waited for
	firstRetry   = 20 * time.Millisecond  // after a subscription that broke, doubling
	lastRetry    = 500 * time.Millisecond // up to this
	rejoinRest   = time.Second            // a connection younger than this is not given up for one that seems deaf
)

// ear is one connection that listens to the channels of some shards. In a Cluster each has its own, since a connection
// reaches one node, and slots move one by one; else one hears all.
type ear struct {
	s      *Store
	l      fleet.Listener
	shards []int

	mu    sync.Mutex
	sub   *goredis.PubSub
	since time.Time // when sub was made
}

// Listen implements [fleet.Shards].
func (s *Store) Listen(ctx context.Context, l fleet.Listener) error {
	ears := make([]*ear, presence.Shards)
	for shard := range ears {
		if shard == 0 || s.cluster != nil {
			ears[shard] = &ear{s: s, l: l}
		} else {
			ears[shard] = ears[0]
		}
		ears[shard].shards = append(ears[shard].shards, shard)
	}
	s.mu.Lock()
	s.ears = ears
	s.mu.Unlock()
	var running sync.WaitGroup
	for shard, e := range ears {
		if e.shards[0] == shard {
			running.Go(func() { e.run(ctx) })
		}
	}
	running.Wait()
	s.mu.Lock()
	s.ears = nil
	s.mu.Unlock()
	return nil
}

// Rejoin implements [fleet.Shards]. Without a Cluster all shards are joined anew: they share a connection.
func (s *Store) Rejoin(shard int) {
	s.mu.Lock()
	ears := s.ears
	s.mu.Unlock()
	if ears == nil {
		return
	}
	if s.cluster != nil {
		s.cluster.ReloadState(context.Background())
	}
	ears[shard].giveUp()
}

// giveUp ends the connection, so that the next one begins.
func (e *ear) giveUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sub != nil && time.Since(e.since) >= rejoinRest {
		e.sub.Close()
	}
}

func (e *ear) run(ctx context.Context) {
	wait := firstRetry
	for ctx.Err() == nil {
		err, joined := e.listen(ctx)
		if ctx.Err() != nil {
			return
		}
		if joined {
			wait = firstRetry
		}
		e.s.log.Debug("a subscription ended", zap.Ints("shards", e.shards), zap.Error(e.s.troubled(ctx, err)))
		select {
		case <-time.After(wait/2 + rand.N(wait)):
		case <-ctx.Done():
		}
		wait = min(2*wait, lastRetry)
	}
}

// listen subscribes on a new connection and hears until that ends. It reports whether anything was joined.
func (e *ear) listen(ctx context.Context) (_ error, joined bool) {
	sub := e.open(ctx)
	defer sub.Close()
	defer context.AfterFunc(ctx, func() { sub.Close() })()
	e.mu.Lock()
	e.sub, e.since = sub, time.Now()
	e.mu.Unlock()
	if err := e.subscribe(ctx, sub); err != nil {
		return err, false
	}
	in := map[int]bool{}
	defer func() {
		for shard := range in {
			e.l.Left(shard)
		}
	}()
	deadline := time.Now().Add(confirmLimit)
	for {
		limit := time.Duration(0) // silence is the listener's to judge
		if len(in) < len(e.shards) {
			limit = max(time.Millisecond, time.Until(deadline))
		}
		heard, err := sub.ReceiveTimeout(ctx, limit)
		if err != nil {
			return err, joined
		}
		switch heard := heard.(type) {
		case *goredis.Subscription:
			shard, ours := e.s.keys.byName[heard.Channel]
			if !ours {
				continue
			}
			if heard.Kind != "subscribe" && heard.Kind != "ssubscribe" {
				return errEnded, joined // the slot moved, say
			}
			in[shard], joined = true, true
			e.l.Joined(shard)
		case *goredis.Message:
			e.hear(heard)
		}
	}
}

// open returns a connection for subscriptions, not made yet.
func (e *ear) open(ctx context.Context) *goredis.PubSub {
	if e.s.cluster != nil {
		return e.s.client.SSubscribe(ctx)
	}
	return e.s.client.Subscribe(ctx)
}

func (e *ear) subscribe(ctx context.Context, sub *goredis.PubSub) error {
	channels := make([]string, len(e.shards))
	for i, shard := range e.shards {
		channels[i] = e.s.keys.shards[shard].channel
	}
	if e.s.cluster != nil {
		return sub.SSubscribe(ctx, channels...)
	}
	return sub.Subscribe(ctx, channels...)
}

func (e *ear) hear(heard *goredis.Message) {
	shard, ours := e.s.keys.byName[heard.Channel]
	if !ours {
		return
	}
	m, err := readMessage(shard, []byte(heard.Payload))
	if err != nil {
		e.s.log.Warn("a message on a channel of ours cannot be read", zap.Int("shard", shard), zap.Error(err))
		return
	}
	e.l.Heard(m)
}
