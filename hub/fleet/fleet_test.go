package fleet_test

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var (
	usual   = uint64(300)
	replay  = flag.Uint64("seed", 0, "replay this seed of TestFleet alone")
	without = os.Getenv("PRESENCE_FLEET_WITHOUT") // a guard of the store: fence, position
)

// Whatever happens, in any order: no budget is overspent, no client is told anything older than before, silence is
// announced, and once the trouble is over everybody is told the truth. PRESENCE_FLEET_SEEDS says how many seeds.
func TestFleet(t *testing.T) {
	seeds := usual
	if n, err := strconv.ParseUint(os.Getenv("PRESENCE_FLEET_SEEDS"), 10, 64); err == nil {
		seeds = n
	}
	first := uint64(1)
	if *replay != 0 {
		first, seeds = *replay, *replay
	}
	var mu sync.Mutex
	strikes := map[string]int{}
	var recoveries []time.Duration
	next := first
	var running sync.WaitGroup
	for range 2 {
		running.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				stop := seed > seeds || t.Failed()
				mu.Unlock()
				if stop {
					return
				}
				var w *world
				synctest.Test(t, func(t *testing.T) { w = live(t, seed) })
				mu.Lock()
				recoveries = append(recoveries, w.recovered)
				for what, n := range w.strikes {
					strikes[what] += n
				}
				if w.failure != "" {
					lines := append(w.history, w.logged...)
					slices.Sort(lines)
					for _, line := range lines {
						t.Log(line)
					}
					t.Errorf("seed %d: %s; again with go test ./hub/fleet -run TestFleet -seed %d", seed, w.failure, seed)
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	var names []string
	for what := range strikes {
		names = append(names, what)
	}
	slices.Sort(names)
	slices.Sort(recoveries)
	t.Logf("all right again after %v in half of the seeds, %v in 99 of 100, %v at the latest", recoveries[len(recoveries)/2],
		recoveries[len(recoveries)*99/100], recoveries[len(recoveries)-1])
	for _, what := range names {
		t.Logf("%7d  %s", strikes[what], what)
	}
}
