package main_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// The real program against the real tenant whose people live half an hour, when the budget allows everyone one read in
// about two and a half minutes of it: who is chosen to be read is fresher on the whole than everyone in turn, at the
// same price, and nobody pays for it with more than the promised longest wait.
func TestAdaptiveFreshness(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	s := &scenario{name: "batches", people: 5000, read: "batch", speed: 60, requests: 20, window: 6 * time.Second,
		warm: 12 * time.Second, measured: 18 * time.Second}
	adaptive, plain := s.compare(t, newOffice(s.people, s.lived(), 1))
	const moment = time.Second // for answers, flushes, and a busy machine
	sweep := s.sweep()
	if adaptive.longest > 5*sweep+moment || adaptive.gap > 5*sweep+moment || adaptive.settled > 5*sweep+5*time.Second {
		t.Errorf("more than four sweeps and one, of %v: %v", sweep, adaptive)
	}
	if plain.longest > sweep+sweep/2+moment || plain.gap > sweep+sweep/2+moment || plain.settled > sweep+5*time.Second {
		t.Errorf("more than a sweep of %v: %v", sweep, plain)
	}
	if adaptive.mean > plain.mean*9/10 {
		t.Errorf("a mean of %v, where everyone in turn gives %v", adaptive.mean, plain.mean)
	}
}

// offices are three days made up from different seeds, or the traces whose paths match FRESHNESS_TRACE. They must have
// as many people each.
func (s *scenario) offices(b *testing.B) (all []*office) {
	pattern := os.Getenv("FRESHNESS_TRACE")
	if pattern == "" {
		for seed := range uint64(3) {
			all = append(all, newOffice(s.people, s.lived(), seed+1))
		}
		return all
	}
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		b.Fatalf("FRESHNESS_TRACE: nothing matches %s: %v", pattern, err)
	}
	for _, path := range paths {
		all = append(all, readOffice(b, path))
		s.people = len(all[0].first)
	}
	return all
}

// What choosing whom to read is worth, in the real program.
func BenchmarkFreshness(b *testing.B) {
	for _, s := range []*scenario{
		{name: "batch/sweep-27s", people: 5000, read: "batch", speed: 10, requests: 20, window: 6 * time.Second, warm: time.Minute, measured: time.Minute},
		{name: "batch/sweep-160s", people: 5000, read: "batch", speed: 60, requests: 20, window: 6 * time.Second, warm: 75 * time.Second, measured: 75 * time.Second},
		{name: "users/sweep-800s", people: 1000, read: "users", speed: 60, requests: 500, window: 6 * time.Second, warm: 75 * time.Second, measured: 90 * time.Second},
	} {
		b.Run(s.name, func(b *testing.B) {
			for b.Loop() {
				offices := s.offices(b)
				results := make([]struct{ adaptive, plain freshness }, len(offices))
				var all sync.WaitGroup
				for i, o := range offices {
					all.Go(func() { results[i].adaptive, results[i].plain = s.compare(b, o) })
					if slices.Max(o.watchers) > 200 { // connections, which would be too many side by side
						all.Wait()
					}
				}
				all.Wait()
				ratio := func(name string, of func(freshness) time.Duration) {
					sum, least, most := 0.0, math.Inf(1), 0.0
					for _, r := range results {
						x := float64(of(r.adaptive)) / float64(of(r.plain))
						sum += x
						least, most = min(least, x), max(most, x)
					}
					b.ReportMetric(sum/float64(len(results)), name+"-ratio")
					b.ReportMetric(most-least, name+"-spread")
				}
				ratio("mean", func(f freshness) time.Duration { return f.mean })
				ratio("p95", func(f freshness) time.Duration { return f.p95 })
				gap, used := time.Duration(0), 0.0
				for _, r := range results {
					gap = max(gap, r.adaptive.gap)
					used += r.adaptive.used / float64(len(results))
				}
				b.ReportMetric(gap.Seconds()/s.sweep().Seconds(), "sweeps-longest-gap")
				b.ReportMetric(used, "budget-used")
				b.ReportMetric(0, "ns/op")
			}
		})
	}
}
