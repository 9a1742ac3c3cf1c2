// Reader follows the presences that a Presence Gateway keeps in Redis, and prints each state, once, when it is new, and
// who is dropped, one JSON object a line. It is an example of how to read without missing anything: docs/redis.md.
//
//	go run . -redis 127.0.0.1:6379 [-cluster] [-prefix presence] [-user presence-reader]
//
// The password comes from REDIS_PASSWORD.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// silence is how long a shard may say nothing: it is beaten each second.
const silence = 3 * time.Second

// event is what a connection tells: a shard is subscribed to anew, or a message came.
type event struct {
	shard   int
	message []byte // nil: joined
}

func main() {
	addrs := flag.String("redis", "127.0.0.1:6379", "host:port, for a Cluster several, with commas")
	cluster := flag.Bool("cluster", false, "the addresses are nodes of a Cluster")
	prefix := flag.String("prefix", "presence", "hub.redis.prefix")
	user := flag.String("user", "", "user of Redis")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()

	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs: strings.Split(*addrs, ","), IsClusterMode: *cluster, Username: *user, Password: os.Getenv("REDIS_PASSWORD"),
		Protocol: 2, DisableIdentity: true, DialTimeout: 500 * time.Millisecond, MaxRetries: 1,
	})
	defer client.Close()
	follow(ctx, client, *prefix)
}

// follow keeps a table of all shards until ctx ends.
func follow(ctx context.Context, client redis.UniversalClient, prefix string) {
	var shards [64]*shard
	events := make(chan event, 1024)
	ears := listen(ctx, client, prefix, events)
	for number := range shards {
		shards[number] = &shard{client: client, name: fmt.Sprintf("%s:{s%02d}:", prefix, number), heard: time.Now()}
	}
	ticks := time.NewTicker(time.Second)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-events:
			s := shards[e.shard]
			s.heard = time.Now()
			// Messages that come while this loads wait in the channel, so that none is lost.
			if e.message == nil || !s.apply(e.message) {
				s.load(ctx)
			}
		case <-ticks.C:
			for number, s := range shards {
				if time.Since(s.heard) > silence {
					// What is held may be old. Say so where you show it.
					s.heard = time.Now()
					ears[number].rejoin()
				}
			}
		}
	}
}
