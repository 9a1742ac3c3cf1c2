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
	ids                  []int
	byIDs                bool
	limit                int
	window               time.Duration
	refused, peak        int
	allIDs, peakIDs      int
	paused, late         int
	pauseFrom, pauseTill time.Duration
}

// held is what the window up to now holds: reads, their ids, and what counts.
func (n *naive) held(now time.Duration) (reads, ids, counted int) {
	for i, at := range n.at {
		if at > now-n.window {
			reads++
			ids += n.ids[i]
		}
	}
	if n.byIDs {
		return reads, ids, ids
	}
	return reads, ids, reads
}

func (n *naive) arrive(now time.Duration, ids int) (over bool) {
	if now < n.pauseTill {
		n.paused++
		if now-n.pauseFrom > time.Second {
			n.late++
		}
	}
	n.at, n.ids = append(n.at, now), append(n.ids, ids)
	n.allIDs += ids
	if _, _, counted := n.held(now); counted > n.limit {
		n.refused++
		over = true
	}
	// The peak over any window, wherever it begins.
	for _, from := range n.at {
		in, asked := 0, 0
		for i, at := range n.at {
			if at >= from && at < from+n.window {
				in++
				asked += n.ids[i]
			}
		}
		n.peak, n.peakIDs = max(n.peak, in), max(n.peakIDs, asked)
	}
	return over
}

func TestMeterAgainstNaiveCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var now time.Duration
		limit := rapid.IntRange(1, 6).Draw(t, "limit")
		window := time.Duration(rapid.IntRange(1, 10).Draw(t, "window")) * time.Second
		byIDs := rapid.Bool().Draw(t, "by ids")
		m := graphsim.NewMeter(func() time.Duration { return now }, limit, byIDs, window)
		want := &naive{limit: limit, byIDs: byIDs, window: window}
		for range rapid.IntRange(1, 40).Draw(t, "reads") {
			now += time.Duration(rapid.IntRange(0, 6).Draw(t, "gap")) * 500 * time.Millisecond
			ids := rapid.IntRange(1, 4).Draw(t, "ids")
			if got, want := m.Arrive(ids), want.arrive(now, ids); got != want {
				t.Fatalf("at %v: over is %v, want %v", now, got, want)
			}
			if wait := m.Wait(ids); wait > 0 {
				// Exactly then there is room for such a read, and not a moment before; or none at all is left.
				room := func(at time.Duration) bool {
					reads, _, counted := want.held(at)
					if byIDs {
						return counted+ids <= limit || reads == 0
					}
					return counted < limit
				}
				if !room(now+wait) || room(now+wait-1) {
					t.Fatalf("wait is %v: room then %v, just before %v, limit %d, by ids %v", wait, room(now+wait), room(now+wait-1), limit, byIDs)
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
		if ids, peak := m.IDs(); ids != want.allIDs || peak != want.peakIDs {
			t.Fatalf("got %d ids and at most %d, want %d and %d", ids, peak, want.allIDs, want.peakIDs)
		}
	})
}

func TestMeterForgetsInBoundedRoom(t *testing.T) {
	var now time.Duration
	m := graphsim.NewMeter(func() time.Duration { return now }, 10, false, time.Second)
	for range 100_000 {
		now += time.Millisecond
		m.Arrive(1)
	}
	if n := m.Room(); n > 10_000 {
		t.Errorf("holds %d arrivals for windows of 1000", n)
	}
}
