package poller

import (
	"runtime"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What somebody's interest costs in heap, for each of a million watched users, and in time.
func BenchmarkInterest(b *testing.B) {
	const users = 1_000_000
	ids := make([]presence.ID, users)
	for i := range ids {
		ids[i] = presence.ID{byte(i), byte(i >> 8), byte(i >> 16), 15: 1}
	}
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	now := time.Unix(1e9, 0)
	for b.Loop() {
		r := newRoster(Watch{Users: ids}.withDefaults())
		r.apply(update{}, now)
		before := heap()
		wants := make([]presence.Want, 8192)
		began := time.Now()
		for at := 0; at < users; at += len(wants) {
			some := wants[:min(len(wants), users-at)]
			for i := range some {
				some[i] = presence.Want{ID: ids[at+i], Watchers: 3}
			}
			r.apply(update{wants: some}, now)
		}
		b.ReportMetric(float64(time.Since(began).Nanoseconds())/users, "ns/user")
		b.ReportMetric(float64(heap()-before)/users, "B/user")
		runtime.KeepAlive(r)
	}
}
