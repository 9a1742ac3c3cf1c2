package hub_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func crowd(n int) []presence.ID {
	ids := make([]presence.ID, n)
	for i := range ids {
		ids[i] = presence.ID{byte(i), byte(i >> 8), byte(i >> 16), 15: 1}
	}
	return ids
}

func heap() uint64 {
	for range 3 { // interned contents take more than one
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A batch of 650 rows of which none, or all, changed, each user watched by some lists.
func BenchmarkObserve(b *testing.B) {
	for _, watchers := range []int{0, 1, 25} {
		for _, changed := range []bool{false, true} {
			b.Run(fmt.Sprintf("lists=%d/changed=%v", watchers, changed), func(b *testing.B) {
				h := hub.New(hub.Options{})
				ids := crowd(650)
				for range watchers {
					h.NewReader().Subscribe(nil).Add(ids, nil, &hub.News{})
				}
				readings := make([]presence.Reading, len(ids))
				for i, id := range ids {
					readings[i] = presence.Reading{ID: id, Content: contents[1], Sequence: "A0000000000", Asked: time.Unix(1e9, 0), Answered: time.Unix(1e9, 1)}
				}
				n := 0
				for b.Loop() {
					if n++; changed {
						sequence := fmt.Sprintf("A%010d", n)
						for i := range readings {
							readings[i].Sequence = sequence
						}
					}
					if _, err := h.Observe(context.Background(), readings); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(ids)), "ns/row")
			})
		}
	}
}

// One user changes, whom everybody watches through one set.
func BenchmarkDrainShared(b *testing.B) {
	h := hub.New(hub.Options{})
	ids := crowd(10_000)
	set := h.Share(ids)
	reader := h.NewReader()
	const connections = 10_000
	for range connections {
		reader.Subscribe(nil).Add(nil, []*hub.Set{set}, &hub.News{})
	}
	var news hub.News
	var ready []*hub.Subscription
	n := 0
	for b.Loop() {
		n++
		_, _ = h.Observe(context.Background(), []presence.Reading{{ID: ids[n%len(ids)], Content: contents[1], Sequence: fmt.Sprintf("A%010d", n), Asked: time.Unix(1e9, 0)}})
		ready = reader.Ready(ready[:0])
		for _, sub := range ready {
			news.Reset()
			sub.Drain(&news)
			if len(news.Items) != 1 {
				b.Fatal("lost")
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*connections), "ns/delivery")
}

func BenchmarkSubscribe50(b *testing.B) {
	h := hub.New(hub.Options{})
	ids := crowd(20_000)
	reader := h.NewReader()
	n := 0
	for b.Loop() {
		n++
		at := n * 50 % (len(ids) - 50)
		sub := reader.Subscribe(nil)
		sub.Add(ids[at:at+50], nil, &hub.News{})
		sub.Close()
	}
}

// What a user and a connection cost in heap.
func BenchmarkMemory(b *testing.B) {
	for b.Loop() {
		const users, connections = 1_000_000, 20_000
		before := heap()
		h := hub.New(hub.Options{})
		ids := crowd(users)
		listed := heap()
		for at := 0; at < users; at += 650 {
			var readings []presence.Reading
			for i := at; i < min(at+650, users); i++ {
				readings = append(readings, presence.Reading{ID: ids[i], Content: contents[1+i%3], Sequence: fmt.Sprintf("A%010d", i), Asked: time.Unix(1e9, 0)})
			}
			_, _ = h.Observe(context.Background(), readings)
		}
		held := heap()
		reader := h.NewReader()
		var subs []*hub.Subscription
		for c := range connections {
			sub := reader.Subscribe(nil)
			at := c * 37 % (20_000 - 50)
			sub.Add(ids[at:at+50], nil, &hub.News{})
			subs = append(subs, sub)
		}
		watched := heap()
		b.ReportMetric(float64(held-listed)/users, "B/user")
		b.ReportMetric(float64(watched-held)/connections, "B/connection")
		b.ReportMetric(float64(listed-before)/users, "B/id")
		runtime.KeepAlive(subs)
		runtime.KeepAlive(ids)
		runtime.KeepAlive(h)
	}
}

// A million users begin to be watched through one set, and everyone who comes after is told of in doublings.
func BenchmarkWantsOfASet(b *testing.B) {
	h := hub.New(hub.Options{})
	ctx := context.Background()
	if _, err := h.Wants(ctx); err != nil {
		b.Fatal(err)
	}
	const users = 1_000_000
	set := h.Share(crowd(users))
	reader := h.NewReader()
	for b.Loop() {
		sub := reader.Subscribe(nil)
		sub.Add(nil, []*hub.Set{set}, &hub.News{})
		began := time.Now()
		some, err := h.Wants(ctx) // looks at everyone, under the hub's lock
		b.ReportMetric(float64(time.Since(began).Microseconds())/1000, "ms/look")
		for told := len(some); told < users && err == nil; told += len(some) {
			some, err = h.Wants(ctx)
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/users, "ns/user")
		b.StopTimer()
		sub.Close()
		for told := 0; told < users && err == nil; told += len(some) { // which waits until a set may be looked at again
			some, err = h.Wants(ctx)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
