package budget_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// soak is whether the tests may take long: many more seeds, and longer simulated times.
var soak = os.Getenv("PRESENCE_SOAK") != ""

var rounds = map[string]int{}

// again skips a test that the seed decides from the second round of a soak on: it would run just the same.
func again(t *testing.T) {
	t.Helper()
	if rounds[t.Name()]++; soak && rounds[t.Name()] > 1 {
		t.Skip("the same seeds were run before")
	}
}

// check runs w and reports everything against the promise.
func (w *world) check() {
	w.Helper()
	w.run()
	limit := w.requests
	if !w.crashes {
		limit -= max(1, limit/10)
	}
	peak := w.peak()
	if peak > limit {
		w.Errorf("%d reads reached Graph within %v, the limit is %d", peak, w.window, limit)
	}
	if w.early > 0 {
		w.Errorf("%d reads left inside a Retry-After", w.early)
	}
	if w.left == 0 {
		w.Error("nothing was read")
	}
	w.Logf("%d left, %d arrived, at most %d of %d in a window", w.left, len(w.arrivals), peak, w.requests)
}

func TestNoWindowEverHoldsMoreThanTheLimit(t *testing.T) {
	again(t)
	all := weather{crashes: true, restarts: true, handovers: true, stalls: .2, lost: .1, throttle: true, clocks: true}
	small, full, tiny := all, all, all
	small.requests, small.window, small.length = 60, 30*time.Second, 4*time.Hour
	full.requests, full.window, full.length = 1500, 30*time.Second, 10*time.Minute
	tiny.requests, tiny.window, tiny.length = 3, 5*time.Second, 6*time.Hour
	for _, kind := range []struct {
		name string
		w    weather
	}{
		{"calm at full size", weather{requests: 1500, window: 30 * time.Second, length: 5 * time.Minute}},
		{"stalls", weather{requests: 60, window: 30 * time.Second, length: 4 * time.Hour, stalls: .2, lost: .1}},
		{"refusals", weather{requests: 60, window: 30 * time.Second, length: 4 * time.Hour, stalls: .1, throttle: true}},
		{"clean restarts", weather{requests: 60, window: 30 * time.Second, length: 4 * time.Hour, restarts: true,
			handovers: true, stalls: .1, lost: .05, throttle: true, clocks: true}},
		{"crashes", weather{requests: 60, window: 30 * time.Second, length: 4 * time.Hour, crashes: true,
			stalls: .2, lost: .1, throttle: true, clocks: true}},
		{"everything", small},
		{"everything at full size", full},
		{"everything with a tiny budget", tiny},
	} {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			seeds := 1
			if soak {
				seeds, kind.w.length = 4, 6*kind.w.length
			}
			for seed := range seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) { newWorld(t, uint64(seed), kind.w).check() })
			}
		})
	}
}

// TestRandomFaults runs schedules of faults that the seed draws, few of them unless PRESENCE_SOAK is set. One is
// repeated by its name: PRESENCE_SOAK=1 go test -run 'TestRandomFaults/^777$'.
func TestRandomFaults(t *testing.T) {
	again(t)
	schedules := 40
	if soak {
		schedules = 1000
	}
	for seed := range schedules {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			dice := rand.New(rand.NewPCG(uint64(seed), 2))
			maybe := func() bool { return dice.IntN(3) > 0 }
			w := weather{
				requests: []int{2, 3, 10, 60, 300, 1500}[dice.IntN(6)],
				window:   []time.Duration{5, 30, 60}[dice.IntN(3)] * time.Second,
				crashes:  maybe(), restarts: maybe(), handovers: maybe(), throttle: maybe(), clocks: maybe(),
				stalls: .4 * dice.Float64(), lost: .3 * dice.Float64(),
			}
			w.length = w.window * time.Duration(max(12, min(400, 8000/w.requests)))
			newWorld(t, uint64(seed), w).check()
		})
	}
}

// TestReadersBesideEachOther lets the race detector see what the simulation's single thread cannot.
func TestReadersBesideEachOther(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		end := time.Now().Add(10 * time.Minute)
		w := &world{weather: weather{window: h.o.Window}}
		var mu sync.Mutex
		var readers sync.WaitGroup
		for seed := range 16 {
			readers.Go(func() {
				dice := rand.New(rand.NewPCG(uint64(seed), 3))
				for time.Now().Before(end) {
					s, err := b.Reserve(h.Context())
					if err != nil {
						h.Error(err)
						return
					}
					if !s.Leave() {
						continue
					}
					time.Sleep(time.Duration(dice.Int64N(int64(time.Second))))
					mu.Lock()
					w.arrivals = append(w.arrivals, time.Now())
					mu.Unlock()
					switch dice.IntN(60) {
					case 0:
						s.Throttled(time.Second, dice.IntN(2) == 0)
					case 1, 2:
						s.Lost()
					default:
						s.Answered(time.Now())
						b.Succeeded()
					}
					b.Usage()
				}
			})
		}
		readers.Wait()
		synctest.Wait()
		slices.SortFunc(w.arrivals, time.Time.Compare)
		if peak := w.peak(); peak > 90 || peak < 60 {
			h.Errorf("%d reads within %v, want up to 90", peak, h.o.Window)
		}
		h.close(b)
	})
}
