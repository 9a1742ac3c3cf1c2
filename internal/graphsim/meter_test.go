package graphsim_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// naive counts by looking at every arrival for every window.
type naive struct {
	at                   []time.Duration
	limit                int
	window               time.Duration
	refused, peak        int
	paused, late         int
	pauseFrom, pauseTill time.Duration
}

func (n *naive) arrive(now time.Duration) (over bool) {
	if now < n.pauseTill {
		n.paused++
		if now-n.pauseFrom > time.Second {
			n.late++
		}
	}
	n.at = append(n.at, now)
	held := 0
	for _, at := range n.at {
		if at > now-n.window {
			held++
		}
	}
	if held > n.limit {
		n.refused++
		over = true
	}
	// The peak over any window, wherever it begins.
	for _, from := range n.at {
		in := 0
		for _, at := range n.at {
			if at >= from && at < from+n.window {
				in++
			}
		}
		n.peak = max(n.peak, in)
	}
	return over
}

func TestMeterAgainstNaiveCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now time.Duration
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		window := time.Duration(rapid.IntRange(1, 10).Draw(t, "window")) * time.Second
		m := graphsim.NewMeter(func() time.Duration { return now }, limit, window)
		want := &naive{limit: limit, window: window}
		for range rapid.IntRange(1, 40).Draw(t, "reads") {
			now += time.Duration(rapid.IntRange(0, 6).Draw(t, "gap")) * 500 * time.Millisecond
			if got, want := m.Arrive(), want.arrive(now); got != want {
				t.Fatalf("at %v: over is %v, want %v", now, got, want)
			}
			if wait := m.Wait(); wait > 0 {
				// Exactly then there is room for one read, and not a moment before.
				count := func(at time.Duration) (n int) {
					for _, a := range want.at {
						if a > at-window {
							n++
						}
					}
					return n
				}
				if count(now+wait) >= limit || count(now+wait-1) < limit {
					t.Fatalf("wait is %v: %d reads then, %d just before, limit %d", wait, count(now+wait), count(now+wait-1), limit)
				}
			}
			if rapid.IntRange(0, 7).Draw(t, "pause") == 0 {
				d := time.Duration(rapid.IntRange(1, 5).Draw(t, "for")) * time.Second
				m.Announce(d)
				if now >= want.pauseTill {
					want.pauseFrom = now
				}
				want.pauseTill = max(want.pauseTill, now+d)
			}
		}
		reads, refused, peak, paused, late := m.Figures()
		if reads != len(want.at) || refused != want.refused || peak != want.peak || paused != want.paused || late != want.late {
			t.Fatalf("got reads %d refused %d peak %d paused %d late %d, want %d %d %d %d %d", reads, refused, peak, paused, late,
				len(want.at), want.refused, want.peak, want.paused, want.late)
		}
	})
}

func TestMeterForgetsInBoundedRoom(t *testing.T) {
	var now time.Duration
	m := graphsim.NewMeter(func() time.Duration { return now }, 10, time.Second)
	for range 100_000 {
		now += time.Millisecond
		m.Arrive()
	}
	if n := m.Room(); n > 10_000 {
		t.Errorf("holds %d arrivals for windows of 1000", n)
	}
}
