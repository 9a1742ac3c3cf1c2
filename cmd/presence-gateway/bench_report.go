package main

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// latencies counts times to the millisecond, up to a minute. Safe for concurrent use; the zero value is empty.
type latencies struct {
	counts [60_001]atomic.Int64
}

func (l *latencies) add(d time.Duration) {
	ms := max(0, min(d.Milliseconds(), int64(len(l.counts)-1)))
	l.counts[ms].Add(1)
}

// percentile answers the time within which share of all came; 0 if there were none.
func (l *latencies) percentile(share float64) time.Duration {
	total := int64(0)
	for i := range l.counts {
		total += l.counts[i].Load()
	}
	rank, seen := int64(share*float64(total)+0.5), int64(0)
	for ms := range l.counts {
		if seen += l.counts[ms].Load(); total > 0 && seen >= max(1, rank) {
			return time.Duration(ms) * time.Millisecond
		}
	}
	return 0
}

// progress keeps one line of a terminal up to date until ctx ends, and leaves nothing behind.
func (l *load) progress(ctx context.Context, w io.Writer) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	before, began := int64(0), time.Now()
	for {
		select {
		case <-ctx.Done():
			fmt.Fprint(w, "\r\x1b[K")
			return
		case now := <-tick.C:
			states := l.states.Load()
			what := "connecting"
			if l.measuring.Load() {
				what = "measuring"
			}
			fmt.Fprintf(w, "\r\x1b[K%s %3.0fs  connections %d/%d  lost %d  states/s %d", what, now.Sub(began).Seconds(),
				l.connected.Load(), l.flags.connections, l.lost.Load(), states-before)
			before = states
		}
	}
}

func (l *load) report(w io.Writer) {
	seconds := l.elapsed.Seconds()
	rate := func(n int64) float64 { return float64(n) / max(seconds, 0.001) }
	fmt.Fprintf(w, "connections   %d opened in %.1fs, %d lost\n", l.connected.Load(), l.dialling.Seconds(), l.lost.Load())
	fmt.Fprintf(w, "snapshots     %d states\n", l.snapshots.Load())
	fmt.Fprintf(w, "measured      %.1fs\n", seconds)
	fmt.Fprintf(w, "states        %d, %.0f/s\n", l.states.Load(), rate(l.states.Load()))
	fmt.Fprintf(w, "frames        %d, %.0f/s, %.2f MB/s\n", l.frames.Load(), rate(l.frames.Load()), rate(l.bytes.Load())/1e6)
	if l.states.Load() > 0 {
		fmt.Fprintf(w, "latency       p50 %s  p90 %s  p99 %s  max %s (from the beginning of the read)\n",
			l.latency.percentile(0.5), l.latency.percentile(0.9), l.latency.percentile(0.99), l.latency.percentile(1))
	}
	fmt.Fprintf(w, "clocks        the gateway's is %s ahead of this one (taken out)\n", l.offset.Round(time.Millisecond))
}
