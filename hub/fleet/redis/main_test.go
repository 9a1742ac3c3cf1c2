package redis_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

func TestMain(m *testing.M) {
	// A pool that could not dial tries once a second, and looks then whether it was closed.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/go-redis/v9/internal/pool.(*ConnPool).tryDial"))
}

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

func open(t testing.TB, o redis.Options) *redis.Store {
	t.Helper()
	if o.Fields == 0 {
		o.Fields = presence.OutOfOffice | presence.StatusMessage | presence.SinceChange
	}
	s, err := redis.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// topologies are one of each kind of Redis, with the options that reach it.
func topologies(t *testing.T, test func(t *testing.T, o redis.Options)) {
	for name, start := range map[string]func(t *testing.T) redis.Options{
		"standalone": func(t *testing.T) redis.Options {
			return redis.Options{Addrs: []string{redistest.Standalone(t, redistest.Options{}).Addr}}
		},
		"sentinel": func(t *testing.T) redis.Options {
			g := redistest.Sentinel(t, redistest.Options{})
			return redis.Options{Addrs: g.Addrs, MasterName: redistest.MasterName}
		},
		"cluster": func(t *testing.T) redis.Options {
			return redis.Options{Addrs: redistest.Cluster(t, redistest.Options{}).Addrs}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// someone returns the n-th id of a shard.
func someone(shard, n int) presence.ID {
	for at := 0; ; at++ {
		id := presence.ID{0: 0xab, 12: byte(at >> 24), 13: byte(at >> 16), 14: byte(at >> 8), 15: byte(at)}
		if id.Shard() == shard {
			if n--; n < 0 {
				return id
			}
		}
	}
}

func stateOf(id presence.ID, sequence, availability string) hub.Item {
	return hub.Item{
		State: presence.State{ID: id, Version: presence.Version{Generation: 7, Sequence: sequence},
			Content: presence.Intern(presence.Facts{Availability: availability, Activity: availability, OutOfOffice: presence.False}, presence.OutOfOffice)},
		ObservedAt: time.UnixMilli(1_790_000_000_123),
		AnsweredAt: time.UnixMicro(1_790_000_000_456_789),
	}
}

// pen writes one shard as a leader does, knowing where it stands.
type pen struct {
	t     testing.TB
	store *redis.Store
	fence fleet.Fence
	shard int
	at    fleet.Position
	held  map[presence.ID]presence.State
	calls int
}

func newPen(t testing.TB, s *redis.Store, shard int) *pen {
	return &pen{t: t, store: s, fence: fleet.Fence{Number: 1, Holder: "first"}, shard: shard, held: map[presence.ID]presence.State{}}
}

// message is the next one, which sets these states and drops those users.
func (p *pen) message(drop []presence.ID, items ...hub.Item) fleet.Append {
	p.calls++
	to := p.at
	if to.Epoch == 0 {
		to.Epoch = 0xfeed
	}
	if len(items)+len(drop) > 0 {
		to.Offset++
	}
	held := map[presence.ID]presence.State{}
	for id, state := range p.held {
		held[id] = state
	}
	for _, id := range drop {
		delete(held, id)
	}
	for _, item := range items {
		held[item.ID] = item.State
	}
	to.Count, to.Digest = len(held), 0
	for _, state := range held {
		to.Digest ^= state.Digest()
	}
	return fleet.Append{Call: fmt.Sprintf("%s-%d-%d", p.fence.Holder, p.shard, p.calls), Message: fleet.Message{
		Shard: p.shard, Fence: p.fence.Number, From: p.at, To: to, Lapsed: drop, States: items, At: time.UnixMilli(1_790_000_001_000 + int64(p.calls)).UTC(),
	}}
}

// took notes that an append was done.
func (p *pen) took(a fleet.Append) {
	p.at = a.To
	for _, id := range append(a.Lapsed, a.Forgotten...) {
		delete(p.held, id)
	}
	for _, item := range a.States {
		p.held[item.ID] = item.State
	}
}

func (p *pen) try(a fleet.Append) fleet.Answer {
	return p.store.Append(context.Background(), p.fence, []fleet.Append{a})[0]
}

// write must succeed.
func (p *pen) write(drop []presence.ID, items ...hub.Item) fleet.Append {
	p.t.Helper()
	a := p.message(drop, items...)
	if got := p.try(a); got.Err != nil || got.Outcome != fleet.Done || got.Stands != a.To {
		p.t.Fatalf("append: %+v, want done at %v", got, a.To)
	}
	p.took(a)
	return a
}

func (p *pen) load() *fleet.Snapshot {
	p.t.Helper()
	snapshot, err := p.store.Load(context.Background(), p.shard, fleet.Position{})
	if err != nil {
		p.t.Fatal(err)
	}
	return snapshot
}

// audience writes down what it is told.
type audience struct {
	mu     sync.Mutex
	in     map[int]bool
	joins  map[int]int
	heard  map[int][]*fleet.Message
	change chan struct{} // closed and made anew with each
	store  *redis.Store  // that it listens by
}

// listen starts listening, until the test ends.
func listen(t testing.TB, s *redis.Store) *audience {
	a := &audience{in: map[int]bool{}, joins: map[int]int{}, heard: map[int][]*fleet.Message{}, change: make(chan struct{}), store: s}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Listen(ctx, a) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("listen: %v", err)
		}
	})
	return a
}

func (a *audience) note(note func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	note()
	close(a.change)
	a.change = make(chan struct{})
}

func (a *audience) Joined(shard int) { a.note(func() { a.in[shard] = true; a.joins[shard]++ }) }
func (a *audience) Left(shard int)   { a.note(func() { a.in[shard] = false }) }
func (a *audience) Heard(m *fleet.Message) {
	a.note(func() { a.heard[m.Shard] = append(a.heard[m.Shard], m) })
}

// await waits until it is so, and returns how long that took.
func (a *audience) await(t testing.TB, what string, so func() bool) time.Duration {
	t.Helper()
	began, deadline := time.Now(), time.After(patience)
	for {
		a.mu.Lock()
		is, change := so(), a.change
		a.mu.Unlock()
		if is {
			return time.Since(began)
		}
		select {
		case <-change:
		case <-deadline:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func (a *audience) awaitAll(t testing.TB) time.Duration {
	t.Helper()
	return a.await(t, "all shards are joined", func() bool {
		for shard := range presence.Shards {
			if !a.in[shard] {
				return false
			}
		}
		return true
	})
}
