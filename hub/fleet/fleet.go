package fleet

import (
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Options of a [Fleet]. The zero value is a replica that never polls.
type Options struct {
	// Lead polls for as long as the term lasts: ctx ends with it, or when this process is to end. When it returns, the
	// lease is handed on. An error is logged and ends this term alone. nil: this process never polls.
	Lead func(ctx context.Context, term *Term) error
	// OnDemand says that users are read whom somebody asks for, not only those whom the directory watches.
	OnDemand bool
	// Figures returns what operators of every process are told of the reading while this one polls, at most 16 KiB; nothing
	// of a person. nil: nothing is told.
	Figures func() []byte
	// Name of this process, for logs and for who reads Redis; default random. It is made unlike any other.
	Name string

	LeaseTTL time.Duration // how long a lease lasts without renewal; default 5 s
	Expire   time.Duration // how long a state is kept that nobody confirms, and nobody is to; default 1 min

	Registry prometheus.Registerer // nil: none
	Log      *zap.Logger           // nil: none
}

const (
	beatEvery = time.Second      // how often each shard is heard of
	deafAfter = 3 * beatEvery    // without a beat, a subscription is presumed deaf
	lostAfter = 5 * time.Second  // what could not be shown to be current for so long is announced
	wantsTTL  = 10 * time.Second // how long a replica's wants outlive it
	loaders   = 4                // shards loaded at once
)

// Fleet makes a hub one of many that hold the same. Create it with [New]; it works while [Fleet.Run] does.
type Fleet struct {
	hub     *hub.Hub
	store   Store
	o       Options
	log     *zap.Logger
	metrics *metrics

	shards [presence.Shards]shard
	loads  chan int      // shards to be loaded; each at most once
	fence  atomic.Uint64 // the highest number seen

	complained atomic.Int64 // when a shard that cannot be loaded was last warned of, Unix ns

	jitter func(time.Duration) time.Duration // a random time below; so that many do not do the same at once

	term atomic.Pointer[Term] // this process polls; nil: another does, or none

	directory directory
	wants     wants
	health    health
	figures   heardFigures
}

// New returns a fleet of which h is one hub. It starts nothing. The error says which option cannot be.
func New(h *hub.Hub, store Store, o Options) (*Fleet, error) {
	if o.LeaseTTL < 0 || o.Expire < 0 {
		return nil, fmt.Errorf("fleet: a negative time: lease %v, expiry %v", o.LeaseTTL, o.Expire)
	}
	o.LeaseTTL = cmp.Or(o.LeaseTTL, 5*time.Second)
	o.Expire = cmp.Or(o.Expire, time.Minute)
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	o.Name = unique(o.Name)
	f := &Fleet{
		hub: h, store: store, o: o,
		log:    o.Log.Named("fleet"),
		loads:  make(chan int, presence.Shards),
		jitter: rand.N[time.Duration],
	}
	for i := range f.shards {
		f.shards[i].number, f.shards[i].fleet = i, f
	}
	f.directory.init(f)
	f.wants.init(f)
	f.health.init(f)
	var err error
	if f.metrics, err = newMetrics(f); err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	return f, nil
}

// unique adds to a name what makes it unlike any other.
func unique(name string) string {
	var nonce [6]byte
	crand.Read(nonce[:])
	kept := make([]byte, 0, 40)
	for i := 0; i < len(name) && len(kept) < 40; i++ {
		if c := name[i]; c > ' ' && c < 0x7f {
			kept = append(kept, c)
		}
	}
	if len(kept) > 0 {
		kept = append(kept, '.')
	}
	return string(kept) + hex.EncodeToString(nonce[:])
}

// Run keeps the hub what the fleet holds, and polls whenever it is this process's turn, until ctx ends; then it hands
// over what it has and returns nil once everything it started has ended.
func (f *Fleet) Run(outer context.Context) error {
	now := time.Now()
	for i := range f.shards {
		f.shards[i].begin(now)
	}
	f.health.begin(now)
	running, ctx := errgroup.WithContext(outer)
	running.Go(func() error { return f.store.Listen(ctx, f) })
	for range loaders {
		running.Go(func() error { return f.load(ctx) })
	}
	running.Go(func() error { return f.watch(ctx) })
	running.Go(func() error { return f.health.run(ctx) })
	running.Go(func() error { return f.directory.follow(ctx) })
	running.Go(func() error { return f.wants.collect(ctx) })
	running.Go(func() error { return f.wants.post(ctx) })
	if f.o.Lead != nil {
		running.Go(func() error { return f.contest(ctx) })
	}
	running.Go(func() error { return f.health.ask(ctx) })
	if err := running.Wait(); err != nil && outer.Err() == nil {
		return fmt.Errorf("fleet: %w", err)
	}
	return nil
}

// Leads reports whether this process polls.
func (f *Fleet) Leads() bool { return f.leading() != nil }

func (f *Fleet) leading() *Term { return f.term.Load() }

// saw notes that a fence with this number was given once.
func (f *Fleet) saw(number uint64) {
	for {
		highest := f.fence.Load()
		if number <= highest || f.fence.CompareAndSwap(highest, number) {
			return
		}
	}
}

// sleep waits, and reports whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
