package plan_test

import (
	"cmp"
	"fmt"
	"math/bits"
	"os"
	"testing"
	"time"
)

// BenchmarkReading reads one morning by the plan, in turn and with hindsight, and prints the plan's figures as
// ratios to those of the others. PLAN_TRACE may name a file to read instead of the made-up morning, of which PLAN_WARM
// (75m) is not measured.
func BenchmarkReading(b *testing.B) {
	tr := traceOr(b, 2000, 200*time.Minute)
	warm, err := time.ParseDuration(cmp.Or(os.Getenv("PLAN_WARM"), "75m"))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct {
		batch int
		sweep time.Duration
	}{
		{650, time.Second}, {650, 4 * time.Second}, {650, 30 * time.Second}, {650, 150 * time.Second},
		{1, 4 * time.Second}, {1, 30 * time.Second}, {1, 200 * time.Second}, {1, 1000 * time.Second},
	} {
		batch := min(c.batch, max(1, len(tr.persons)/20))
		b.Run(fmt.Sprintf("batch=%d/sweep=%v", batch, c.sweep), func(b *testing.B) {
			r := &replay{trace: tr, batch: batch, interval: time.Second, warm: warm,
				rate: float64(len(tr.persons)) / float64(batch) / c.sweep.Seconds()}
			for b.Loop() {
				turns := r.run(&turns{replay: r})
				best := r.run(r.hindsight())
				began := time.Now()
				got := r.run(r.planned())
				cost := time.Since(began)
				// What counting the watchers is worth, and what it loses by telling doublings alone.
				told := func(by func(int) int) figures {
					d := r.planned()
					d.told = by
					d.restart(r.trace)
					return r.run(d)
				}
				uncounted := told(func(n int) int { return min(n, 1) })
				doublings := told(func(n int) int { return 1 << bits.Len(uint(n)) >> 1 })
				b.ReportMetric(ratio(uncounted.mean, turns.mean), "uncounted/turns")
				b.ReportMetric(ratio(doublings.mean, turns.mean), "doublings/turns")
				b.ReportMetric(turns.mean.Seconds(), "turns-s")
				b.ReportMetric(ratio(got.mean, turns.mean), "mean/turns")
				b.ReportMetric(ratio(got.p95, turns.p95), "p95/turns")
				b.ReportMetric(ratio(got.p99, turns.p99), "p99/turns")
				b.ReportMetric(ratio(got.mean, best.mean), "mean/hindsight")
				b.ReportMetric(got.unseen/turns.unseen, "unseen/turns")
				b.ReportMetric(ratio(got.gap, c.sweep), "gap/sweep")
				b.ReportMetric(100*got.used, "budget%")
				b.ReportMetric(float64(cost.Nanoseconds())/float64(got.reads), "ns/read")
			}
		})
	}
}

func ratio(a, b time.Duration) float64 { return float64(a) / float64(b) }
