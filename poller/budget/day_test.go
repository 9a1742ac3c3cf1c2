package budget_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// tenant counts what reaches Graph.
type tenant struct {
	mu        sync.Mutex
	arrivals  []time.Time
	left      int
	throttled time.Time // until when what arrives is answered 429
	pause     time.Time // the latest end of a Retry-After that was delivered
	early     int       // reads that left inside one
}

// peak returns the most arrivals in any closed interval of window.
func (g *tenant) peak(window time.Duration) int {
	slices.SortFunc(g.arrivals, time.Time.Compare)
	peak, first := 0, 0
	for last := range g.arrivals {
		for g.arrivals[last].Sub(g.arrivals[first]) > window {
			first++
		}
		peak = max(peak, last-first+1)
	}
	return peak
}

// weather is how a simulated day goes.
type weather struct {
	requests int
	window   time.Duration
	length   time.Duration
	crashes  bool // and crash loops
	restarts bool // clean ones
	throttle bool // 429, with and without Retry-After
	clocks   bool // wall clocks jump, machines reboot
	stalls   float64
	lost     float64
}

const grace = 10 * time.Second

// day lets a process read as much as it may, through everything the weather has, and returns the tenant's view.
func day(t *testing.T, seed uint64, w weather) (g *tenant) {
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		dice := rand.New(rand.NewPCG(seed, 1))
		machine := &budget.Machine{Boot: "first", Up: time.Now()}
		g = &tenant{}
		end := time.Now().Add(w.length)
		var network sync.WaitGroup
		for time.Now().Before(end) {
			b, err := budget.OpenOn(machine, budget.Options{
				Requests: w.requests, Window: w.window, Grace: grace, Dir: dir, Identity: "app/tenant",
			})
			if err != nil {
				t.Fatal(err)
			}
			life := time.Duration(dice.ExpFloat64() * float64(3*w.window))
			if dice.IntN(4) == 0 { // a crash loop
				life = time.Duration(dice.ExpFloat64() * float64(w.window/10))
			}
			if !w.crashes && !w.restarts {
				life = w.length
			}
			crash := w.crashes && (!w.restarts || dice.IntN(2) == 0)
			p := &process{b: b, g: g, w: w, dice: dice, network: &network}
			p.live(min(life, time.Until(end)), crash)
			if !crash {
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
			} else {
				b.Crash()
			}
			if dice.IntN(2) == 0 {
				time.Sleep(time.Duration(dice.ExpFloat64() * float64(w.window) / 4))
			}
			if w.clocks {
				switch dice.IntN(3) {
				case 0: // the wall clock is set, the machine stays up
					machine.Wall = time.Duration(dice.NormFloat64() * float64(time.Hour))
				case 1: // rebooted, with the clock right, or behind after the last shutdown's
					time.Sleep(time.Second)
					machine.Boot, machine.Up = fmt.Sprint(dice.Uint64()), time.Now()
					machine.Wall = min(machine.Wall, 0) - time.Duration(dice.Int64N(int64(time.Minute)))
				}
			}
		}
		network.Wait()
	})
	return g
}

// process is one life of a poller.
type process struct {
	b       *budget.Budget
	g       *tenant
	w       weather
	dice    *rand.Rand
	network *sync.WaitGroup
	reads   sync.WaitGroup
}

func (p *process) live(life time.Duration, crash bool) {
	ctx, stop := context.WithTimeout(context.Background(), life)
	defer stop()
	idle := p.w.stalls > 0 && p.dice.IntN(3) == 0
	for {
		spend, err := p.b.Reserve(ctx)
		if err != nil {
			break
		}
		if idle && p.dice.IntN(50) == 0 { // the pacer must not catch up all of it
			time.Sleep(time.Duration(p.dice.Int64N(int64(p.w.window))))
		}
		if !spend.Leave() {
			continue
		}
		p.send(ctx, spend, crash)
	}
	p.reads.Wait()
}

// send lets one read leave. It takes a random time, and reaches Graph somewhen within.
func (p *process) send(ctx context.Context, spend *budget.Spend, crash bool) {
	dice, g := p.dice, p.g
	g.mu.Lock()
	g.left++
	if time.Now().Before(g.pause) {
		g.early++
	}
	if p.w.throttle && dice.IntN(500) == 0 {
		g.throttled = time.Now().Add(time.Duration(dice.Int64N(int64(p.w.window))))
	}
	g.mu.Unlock()

	took := 20*time.Millisecond + time.Duration(dice.ExpFloat64()*float64(40*time.Millisecond))
	if dice.Float64() < p.w.stalls {
		took = time.Duration(dice.Int64N(int64(grace)))
	}
	lost := dice.Float64() < p.w.lost
	if lost {
		took = grace // the poller's own limit
	}
	arrives := time.Duration(dice.Int64N(int64(took)))
	switch dice.IntN(8) {
	case 0:
		arrives = 0
	case 1:
		arrives = took
	}
	if lost && dice.IntN(2) == 0 {
		arrives = took + time.Duration(dice.Int64N(int64(grace))) - 1
	}
	refused, short := make(chan time.Duration, 1), dice.IntN(3) == 0
	retryAfter := time.Duration(1+dice.IntN(40)) * time.Second
	p.network.Go(func() { // the request's own way
		died := ctx.Done()
		select {
		case <-time.After(arrives):
		case <-died:
			// What is in the kernel's and the network's hands still gets there, within the grace.
			if left := arrives - took; left < grace && !arriveAfterDeath(arrives) {
				return
			}
			time.Sleep(min(arrives, grace) / 2)
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		g.arrivals = append(g.arrivals, time.Now())
		if time.Now().Before(g.throttled) {
			refused <- retryAfter
		}
	})
	p.reads.Go(func() {
		select {
		case <-time.After(took):
		case <-ctx.Done():
			if !crash {
				spend.Lost()
			}
			return
		}
		if lost {
			spend.Lost()
			return
		}
		select {
		case wait := <-refused:
			g.mu.Lock()
			if !short {
				if until := time.Now().Add(wait); until.After(g.pause) {
					g.pause = until
				}
			}
			g.mu.Unlock()
			spend.Throttled(wait, !short)
		default:
			spend.Answered(time.Now())
			p.b.Succeeded()
		}
	})
}

// arriveAfterDeath lets about two in three requests of a dead process arrive.
func arriveAfterDeath(d time.Duration) bool { return d.Nanoseconds()%3 != 0 }

var seeds = flag.Int("seeds", 1, "how many times as many days to simulate")

func TestNoWindowEverHoldsMoreThanTheLimit(t *testing.T) {
	for _, kind := range []struct {
		name  string
		seeds int
		w     weather
	}{
		{"a calm hour at full size", 1, weather{requests: 1500, window: 30 * time.Second, length: time.Hour}},
		{"a day of stalls", 1, weather{requests: 60, window: 30 * time.Second, length: 24 * time.Hour, stalls: .2, lost: .1}},
		{"a day of refusals", 1, weather{requests: 60, window: 30 * time.Second, length: 24 * time.Hour, stalls: .1, throttle: true}},
		{"a day of clean restarts", 1, weather{requests: 60, window: 30 * time.Second, length: 24 * time.Hour, restarts: true,
			stalls: .1, lost: .05, throttle: true, clocks: true}},
		{"a day of crashes", 2, weather{requests: 60, window: 30 * time.Second, length: 24 * time.Hour, crashes: true,
			stalls: .2, lost: .1, throttle: true, clocks: true}},
		{"a day of everything", 3, weather{requests: 60, window: 30 * time.Second, length: 24 * time.Hour, crashes: true, restarts: true,
			stalls: .2, lost: .1, throttle: true, clocks: true}},
		{"hours of everything at full size", 2, weather{requests: 1500, window: 30 * time.Second, length: time.Hour, crashes: true,
			restarts: true, stalls: .2, lost: .1, throttle: true, clocks: true}},
		{"a tiny budget", 4, weather{requests: 3, window: 5 * time.Second, length: 6 * time.Hour, crashes: true, restarts: true,
			stalls: .2, lost: .1, clocks: true}},
	} {
		t.Run(kind.name, func(t *testing.T) {
			for seed := range kind.seeds * *seeds {
				t.Run(fmt.Sprint(seed), func(t *testing.T) {
					t.Parallel()
					g := day(t, uint64(seed), kind.w)
					limit := kind.w.requests
					if !kind.w.crashes {
						limit -= max(1, limit/10)
					}
					peak := g.peak(kind.w.window)
					if peak > limit {
						t.Errorf("%d reads reached Graph within %v, the limit is %d", peak, kind.w.window, limit)
					}
					if g.early > 0 {
						t.Errorf("%d reads left inside a Retry-After", g.early)
					}
					t.Logf("%d left, %d arrived, at most %d of %d in a window", g.left, len(g.arrivals), peak, kind.w.requests)
				})
			}
		})
	}
}
