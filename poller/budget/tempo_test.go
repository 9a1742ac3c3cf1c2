package budget_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// lowered is a service whose limit, counted with what it refuses, drops without a word: for 20 minutes to 900 in
// 30 s, since another program takes the rest, and for one to 150, as in an incident.
func (w *world) lowered() {
	began := w.now
	var recent []time.Time // arrivals within 30 s
	w.answer = func() (time.Duration, bool) {
		for len(recent) > 0 && w.now.Sub(recent[0]) >= 30*time.Second {
			recent = recent[1:]
		}
		limit := w.limitAt(w.now.Sub(began))
		well := len(recent) < limit
		wait := time.Duration(0)
		if !well { // until there is room, in whole seconds
			wait = recent[len(recent)-limit].Add(30 * time.Second).Sub(w.now)
			wait = max(time.Second, (wait + time.Second - 1).Truncate(time.Second))
		}
		recent = append(recent, w.now)
		return wait, well
	}
}

func (w *world) limitAt(since time.Duration) int {
	switch {
	case since > 10*time.Minute && since < 30*time.Minute:
		return 900
	case since > 40*time.Minute && since < 41*time.Minute:
		return 150
	}
	return 1500
}

func TestLimitThatDropsUnannounced(t *testing.T) {
	t.Parallel()
	type outcome struct {
		share   float64 // of what could have been read
		refused int
		pauses  int     // more than 2 s without an answer
		wait    float64 // at the limit of 900, how long one who needs an answer waits, in seconds
	}
	measure := func(hasten bool) (o outcome) {
		w := newWorld(t, 3, weather{requests: 1500, window: 30 * time.Second, length: time.Hour})
		w.hasten = hasten
		w.lowered()
		began := w.now
		w.run()
		possible := 0.0
		for s := range 3600 {
			possible += float64(min(w.limitAt(time.Duration(s)*time.Second), 1350)) / 30
		}
		last := began
		for _, at := range w.accepted {
			gap := at.Sub(last).Seconds()
			if gap > 2 {
				o.pauses++
			}
			if since := at.Sub(began); since > 10*time.Minute && since < 30*time.Minute {
				o.wait += gap * gap / 2 / 1200
			}
			last = at
		}
		o.share, o.refused = float64(len(w.accepted))/possible, w.refused
		return o
	}
	full, cut := measure(true), measure(false)
	t.Log("                   of possible  429s  pauses > 2 s  mean wait at 900")
	for i, o := range []outcome{full, cut} {
		name := []string{"at the full pace", "with the cut"}[i]
		t.Logf("%-16s %12.1f %%  %6d  %8d  %12.2f s", name, 100*o.share, o.refused, o.pauses, o.wait)
	}
	if cut.share < .93 || cut.refused*2 > full.refused || cut.pauses*4 > full.pauses || cut.wait*5 > full.wait {
		t.Errorf("with the cut %+v, at the full pace %+v", cut, full)
	}
}

func (h *house) pace(what string, b *budget.Budget, want float64) {
	h.Helper()
	if got := b.Usage().Pace; math.Abs(got-want) > 1e-4 {
		h.Errorf("%s: %v of the full pace, want %v", what, got, want)
	}
}

func TestPaceIsCutOnceForAFlightAndGrowsBack(t *testing.T) {
	inHouse(t, func(h *house) {
		h.o.Requests = 1500
		b := h.open()
		rate := b.Rate()
		var flight []*budget.Spend
		for range 3 {
			s, _ := b.Reserve(context.Background())
			flight = append(flight, s)
		}
		time.Sleep(time.Second)
		flight[0].Throttled(10*time.Second, true)
		time.Sleep(time.Second)
		flight[1].Throttled(3*time.Second, true)
		flight[2].Throttled(0, false) // a pause of 10 s from here
		h.pace("after a flight", b, .8)
		if got := b.Rate(); math.Abs(got-.8*rate) > 1e-9 {
			h.Errorf("rate %v, want %v", got, .8*rate)
		}
		time.Sleep(10 * time.Second)
		h.pace("at the end of the pause", b, .8)
		if n := h.spend(b, 10*time.Second); n < 360 || n > 375 { // 36 a second, and a tenth more each second
			h.Errorf("%d reads in the 10 s after the pause", n)
		}
		h.pace("10 s later", b, .8+10./450)
		s, _ := b.Reserve(context.Background())
		s.Throttled(time.Second, true)
		h.pace("after the next refusal", b, (.8+10./450)*.8)
		time.Sleep(91*time.Second + 29*time.Second)
		if got := b.Usage().Pace; got < .9 || got >= 1 {
			h.Errorf("two minutes later: %v of the full pace", got)
		}
		time.Sleep(time.Minute)
		h.pace("three minutes later", b, 1)
		h.close(b)
	})
}

func TestPaceIsNeverCutToNothing(t *testing.T) {
	for requests, want := range map[int]time.Duration{1500: 450 * time.Millisecond, 60: 5 * time.Second, 2: 30 * time.Second} {
		inHouse(t, func(h *house) {
			h.o.Requests, h.o.Grace = requests, time.Second
			b := h.open()
			for range 40 {
				s, err := b.Reserve(context.Background())
				if err != nil {
					h.Fatal(err)
				}
				s.Throttled(time.Second, true)
			}
			places := float64(requests - max(1, requests/10))
			if got := time.Duration(30 / places / b.Usage().Pace * float64(time.Second)); (got - want).Abs() > 100*time.Millisecond {
				h.Errorf("%d requests: one each %v at the least, want %v", requests, got, want)
			}
			b.Close()
		})
	}
}

func TestCutPaceEndsWithTheProcess(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		s, _ := b.Reserve(context.Background())
		s.Throttled(time.Second, true)
		h.pace("before", b, .8)
		h.close(b)
		b = h.open()
		h.pace("after a restart", b, 1)
		h.close(b)
	})
}
