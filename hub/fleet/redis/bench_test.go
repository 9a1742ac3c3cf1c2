package redis_test

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// BenchmarkAppend publishes the changes of one read of 650 users, spread over all shards, 16 and 64 changes each.
func BenchmarkAppend(b *testing.B) {
	for _, each := range []int{1, 10, 100} {
		b.Run(fmt.Sprintf("%d_changes_in_each_shard", each), func(b *testing.B) {
			server := redistest.Standalone(b, redistest.Options{})
			s := open(b, redis.Options{Addrs: []string{server.Addr}})
			pens := make([]*pen, presence.Shards)
			for shard := range pens {
				pens[shard] = newPen(b, s, shard)
			}
			before := cpu(b)
			states := 0
			for n := 0; b.Loop(); n++ {
				appends := make([]fleet.Append, len(pens))
				for shard, p := range pens {
					items := make([]hub.Item, each)
					for i := range items {
						items[i] = stateOf(someone2(shard, i), fmt.Sprintf("A%09d", n), "Busy")
					}
					appends[shard] = p.message(nil, items...)
					states += each
				}
				for shard, a := range s.Append(context.Background(), pens[0].fence, appends) {
					if a.Err != nil || a.Outcome != fleet.Done {
						b.Fatalf("%+v", a)
					}
					pens[shard].took(appends[shard])
				}
			}
			took := cpu(b) - before
			b.ReportMetric(float64(states)/b.Elapsed().Seconds(), "states/s")
			b.ReportMetric(float64(states)/took.Seconds(), "states/s/core")
		})
	}
}

// BenchmarkBeats appends a beat to every shard, as once a second.
func BenchmarkBeats(b *testing.B) {
	server := redistest.Standalone(b, redistest.Options{})
	s := open(b, redis.Options{Addrs: []string{server.Addr}})
	pens := make([]*pen, presence.Shards)
	for shard := range pens {
		pens[shard] = newPen(b, s, shard)
	}
	for b.Loop() {
		appends := make([]fleet.Append, len(pens))
		for shard, p := range pens {
			appends[shard] = p.message(nil)
		}
		for shard, a := range s.Append(context.Background(), pens[0].fence, appends) {
			if a.Err != nil || a.Outcome != fleet.Done {
				b.Fatalf("%+v", a)
			}
			pens[shard].took(appends[shard])
		}
	}
}

// BenchmarkHear is from a message's text to its states.
func BenchmarkHear(b *testing.B) {
	server := redistest.Standalone(b, redistest.Options{})
	s := open(b, redis.Options{Addrs: []string{server.Addr}})
	text := redis.Encode(s, message(10))
	for b.Loop() {
		if _, err := redis.ReadMessage(3, text); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(10*b.N)/b.Elapsed().Seconds(), "states/s/core")
}

// message has n states of shard 3.
func message(n int) *fleet.Message {
	m := &fleet.Message{Shard: 3, From: fleet.Position{Epoch: 1}, To: fleet.Position{Epoch: 1, Offset: 1}, At: time.Now()}
	for i := range n {
		m.States = append(m.States, stateOf(someone2(3, i), "A000000001", "Busy"))
	}
	return m
}

// BenchmarkLoad loads a shard of 1,600 users: a hundred thousand in all.
func BenchmarkLoad(b *testing.B) {
	server := redistest.Standalone(b, redistest.Options{})
	s := open(b, redis.Options{Addrs: []string{server.Addr}})
	p := newPen(b, s, 3)
	p.write(nil, message(1600).States...)
	for b.Loop() {
		if got := p.load(); len(got.States) != 1600 {
			b.Fatal(len(got.States))
		}
	}
	b.ReportMetric(float64(1600*b.N)/b.Elapsed().Seconds(), "states/s")
}

// cpu is the time that this process has computed.
func cpu(t testing.TB) time.Duration {
	text, err := os.ReadFile("/proc/self/stat")
	if err != nil {
		t.Skip("no /proc: the cost in cores cannot be told")
	}
	var skip string
	var user, system int64
	fields := []any{}
	for range 13 {
		fields = append(fields, &skip)
	}
	if _, err := fmt.Sscan(string(text), append(fields, &user, &system)...); err != nil {
		t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}
