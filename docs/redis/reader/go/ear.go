package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// ear is a connection that listens to some shards: in a Cluster to one, since slots move one by one, else to all.
type ear struct {
	client   redis.UniversalClient
	cluster  *redis.ClusterClient // nil: none
	channels []string
	shards   map[string]int // by channel

	mu    sync.Mutex
	sub   *redis.PubSub
	since time.Time
}

// listen starts listening and returns the ear of each shard.
func listen(ctx context.Context, client redis.UniversalClient, prefix string, events chan<- event) []*ear {
	cluster, _ := client.(*redis.ClusterClient)
	ears := make([]*ear, 64)
	for shard := range ears {
		if shard == 0 || cluster != nil {
			ears[shard] = &ear{client: client, cluster: cluster, shards: map[string]int{}}
		} else {
			ears[shard] = ears[0]
		}
		channel := fmt.Sprintf("%s:{s%02d}:deltas", prefix, shard)
		ears[shard].channels = append(ears[shard].channels, channel)
		ears[shard].shards[channel] = shard
	}
	for shard, e := range ears {
		if shard == 0 || cluster != nil {
			go func() {
				for ctx.Err() == nil {
					log.Print(e.hear(ctx, events))
					if cluster != nil {
						cluster.ReloadState(ctx) // a slot may have moved
					}
					time.Sleep(200 * time.Millisecond)
				}
			}()
		}
	}
	return ears
}

// hear subscribes on a new connection, and tells what comes until that ends.
func (e *ear) hear(ctx context.Context, events chan<- event) error {
	var sub *redis.PubSub
	if e.cluster != nil {
		sub = e.client.SSubscribe(ctx, e.channels...)
	} else {
		sub = e.client.Subscribe(ctx, e.channels...)
	}
	defer sub.Close()
	e.mu.Lock()
	e.sub, e.since = sub, time.Now()
	e.mu.Unlock()
	for {
		said, err := sub.Receive(ctx)
		if err != nil {
			return err
		}
		switch said := said.(type) {
		case *redis.Subscription:
			if said.Kind != "subscribe" && said.Kind != "ssubscribe" {
				return fmt.Errorf("%s: %s", said.Channel, said.Kind)
			}
			events <- event{shard: e.shards[said.Channel]}
		case *redis.Message:
			events <- event{shard: e.shards[said.Channel], message: []byte(said.Payload)}
		}
	}
}

// rejoin ends a connection that says nothing, unless it is new.
func (e *ear) rejoin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sub != nil && time.Since(e.since) > time.Second {
		e.sub.Close()
	}
}
