package redis_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// recover writes a beat again and again, as a leader does, until one is done that everybody of the audience hears, and
// returns how long that took. A foreign position is written over. A listener that hears nothing for three seconds
// is joined anew, as a replica has it.
func (p *pen) recover(hears *audience) time.Duration {
	p.t.Helper()
	began := time.Now()
	rejoin := began.Add(3 * time.Second)
	for time.Since(began) < patience {
		if time.Now().After(rejoin) {
			hears.store.Rejoin(p.shard)
			rejoin = time.Now().Add(3 * time.Second)
		}
		a := p.message(nil)
		got := p.try(a)
		switch {
		case got.Err != nil:
			time.Sleep(20 * time.Millisecond)
			continue
		case got.Outcome == fleet.Foreign:
			p.rewrite(got.Stands)
			continue
		case got.Outcome != fleet.Done:
			p.t.Fatalf("beat: %+v", got)
		}
		p.took(a)
		for wait := time.Now().Add(100 * time.Millisecond); time.Now().Before(wait); time.Sleep(5 * time.Millisecond) {
			if hears.last(p.shard).Equal(a.At) {
				return time.Since(began)
			}
		}
	}
	p.t.Fatalf("not recovered within %v", patience)
	return 0
}

// rewrite puts everything that is held in place of what stands.
func (p *pen) rewrite(stands fleet.Position) {
	p.t.Helper()
	held := p.held
	p.held = map[presence.ID]presence.State{}
	p.at = fleet.Position{Epoch: p.at.Epoch + 1}
	var items []hub.Item
	for _, state := range held {
		items = append(items, hub.Item{State: state, ObservedAt: time.UnixMilli(1_790_000_000_123)})
	}
	a := p.message(nil, items...)
	a.From = stands
	if got := p.try(a); got.Err != nil || got.Outcome != fleet.Done {
		p.t.Logf("rewrite: %+v", got)
		p.held = held
		return
	}
	p.took(a)
}

// last is when the last message of a shard was made.
func (a *audience) last(shard int) time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n := len(a.heard[shard]); n > 0 {
		return a.heard[shard][n-1].At
	}
	return time.Time{}
}

// joined is how often a shard was joined.
func (a *audience) joined(shard int) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.joins[shard]
}

// within says that a recovery took no longer than it may: on a machine that does much besides, twice as long.
func within(t *testing.T, what string, took, limit time.Duration) {
	t.Helper()
	t.Logf("%s: %v, at most %v", what, took.Round(time.Millisecond), limit)
	if took > 2*limit {
		t.Errorf("%s took %v, want at most %v", what, took, limit)
	}
}

func TestStandaloneComesBackEmpty(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{})
	o := redis.Options{Addrs: []string{server.Addr}}
	s := open(t, o)
	hears := listen(t, open(t, o))
	hears.awaitAll(t)
	p := newPen(t, s, 3)
	p.write(nil, stateOf(someone(3, 0), "A", "Busy"))
	for range 3 {
		server.Kill()
		hears.await(t, "the shards are left", func() bool { return !hears.in[3] })
		if got := p.try(p.message(nil)); got.Err == nil {
			t.Errorf("an append to a dead server: %+v", got)
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Error("a dead server answers")
		}
		server.Start()
		began := time.Now()
		var got *fleet.Snapshot
		if err := eventually(func() (err error) {
			got, err = s.Load(t.Context(), 3, p.at)
			return err
		}); err != nil || !got.IsZero() {
			t.Fatalf("an empty server has %+v, %v", got, err)
		}
		p.recover(hears)
		within(t, "standalone killed, back empty", time.Since(began), 3*time.Second)
		wantStates(t, "written again", p.load().States, stateOf(someone(3, 0), "A", "Busy"))
	}
	server.FlushAll()
	if got := p.try(p.message(nil)); got.Outcome != fleet.Foreign || !got.Stands.IsZero() {
		t.Errorf("after FLUSHALL: %+v", got)
	}
	within(t, "FLUSHALL", p.recover(hears), time.Second)
	server.Do("DEL", "presence:{s03}:state")
	if got := p.try(p.message(nil)); got.Outcome != fleet.Foreign || got.Stands.Count != 0 || got.Stands.Epoch == 0 {
		t.Errorf("after the states alone were lost: %+v", got)
	}
	p.recover(hears)
	beat := p.message(nil)
	beat.Confirmed = []fleet.Confirmed{{Asked: time.Now(), Users: []presence.ID{someone(3, 1)}}}
	if got := p.try(beat); got.Err != nil || server.Do("HLEN", "presence:{s03}:seen") != int64(1) {
		t.Errorf("somebody without a state is noted as seen: %+v", got)
	}
	p.took(beat)
	server.ForgetScripts()
	if got := p.try(p.message(nil)); got.Err != nil || got.Outcome != fleet.Done {
		t.Errorf("after SCRIPT FLUSH: %+v", got)
	}
}

func TestSubscriberCutOff(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{Config: []string{"client-output-buffer-limit pubsub 64kb 0 0"}})
	wire := redistest.NewWire(t, server.Addr)
	s := open(t, redis.Options{Addrs: []string{server.Addr}})
	beyond := open(t, redis.Options{Addrs: []string{wire.Addr}})
	hears := listen(t, beyond)
	hears.awaitAll(t)
	p := newPen(t, s, 3)
	p.write(nil)

	again := func(what string, limit time.Duration, before int) {
		t.Helper()
		within(t, what, hears.await(t, what, func() bool { return hears.in[3] && hears.joins[3] > before }), limit)
		p.recover(hears)
	}
	was := hears.joined(3)
	server.CutClients("pubsub")
	again("CLIENT KILL", time.Second, was)

	was = hears.joined(3)
	wire.Cut()
	hears.await(t, "left", func() bool { return !hears.in[3] })
	wire.Mend()
	again("a cut wire", time.Second, was)

	// A wire that swallows everything shows by silence only; who notices asks to be joined anew.
	was = hears.joined(3)
	wire.Swallow()
	time.Sleep(time.Until(time.Now().Add(1100 * time.Millisecond))) // a fresh connection is not given up
	beyond.Rejoin(3)
	hears.await(t, "left", func() bool { return !hears.in[3] })
	wire.Heal()
	again("a wire that swallowed all", 3*time.Second, was)

	// Redis drops a subscriber that does not keep up.
	was = hears.joined(3)
	hears.mu.Lock() // whoever tells it something waits
	note := strings.Repeat("x", 50_000)
	for n := range 1000 {
		item := stateOf(someone(3, 0), fmt.Sprintf("B%04d", n), "Busy")
		item.Content = presence.Intern(presence.Facts{StatusMessage: note + fmt.Sprint(n)}, presence.StatusMessage)
		p.write(nil, item)
	}
	hears.mu.Unlock()
	again("an overflow of the output buffer", 5*time.Second, was)
}

func TestServerThatRefuses(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{})
	s := open(t, redis.Options{Addrs: []string{server.Addr}})
	p := newPen(t, s, 3)
	p.write(nil, stateOf(someone(3, 0), "A", "Busy"), stateOf(someone(3, 1), "A", "Busy"))

	server.Set("maxmemory", "1")
	a := p.message([]presence.ID{someone(3, 1)}, stateOf(someone(3, 0), "B", "Away"))
	got := p.try(a)
	var refused *redis.Refusal
	if !errors.As(got.Err, &refused) || !strings.Contains(refused.Remedy, "maxmemory") {
		t.Errorf("without memory: %+v", got)
	}
	server.Set("maxmemory", "0")
	wantStates(t, "nothing was done", p.load().States, stateOf(someone(3, 0), "A", "Busy"), stateOf(someone(3, 1), "A", "Busy"))
	if got := p.try(a); got.Err != nil || got.Outcome != fleet.Done {
		t.Errorf("with memory again: %+v", got)
	}
	p.took(a)

	server.Do("REPLICAOF", "127.0.0.1", "1")
	if got := p.try(p.message(nil)); got.Err == nil {
		t.Errorf("by a replica: %+v", got)
	}
	server.Do("REPLICAOF", "NO", "ONE")
	p.write(nil)

	server.Stop()
	began := time.Now()
	if got := p.try(p.message(nil)); got.Err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("by a server that stands still: %+v after %v", got, time.Since(began))
	}
	server.Continue()
	// The append may have been done meanwhile.
	switch got := p.try(p.message(nil)); {
	case got.Err != nil:
		t.Errorf("after it went on: %+v", got)
	case got.Outcome != fleet.Done && got.Outcome != fleet.Foreign:
		t.Errorf("after it went on: %+v", got)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	t.Parallel()
	g := redistest.Sentinel(t, redistest.Options{Replicas: 2})
	o := redis.Options{Addrs: g.Addrs, MasterName: redistest.MasterName}
	s := open(t, o)
	hears := listen(t, open(t, o))
	hears.awaitAll(t)
	p := newPen(t, s, 3)
	p.write(nil, stateOf(someone(3, 0), "A", "Busy"))
	lease, err := s.Acquire(t.Context(), "one", 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveBudget(t.Context(), lease, []byte("spent")); err != nil {
		t.Fatal(err)
	}
	first := g.Primary()
	first.Do("WAIT", 2, 5000)

	// What only the primary knew is lost with it.
	for _, replica := range g.Replicas() {
		replica.Stop()
	}
	first.CutClients("replica") // what was sent would be read from the wire
	kept := p.at
	p.write(nil, stateOf(someone(3, 0), "B", "Away"))
	lost := p.at
	first.Kill()
	for _, replica := range g.Replicas() {
		replica.Continue()
	}
	began := time.Now()
	g.AwaitPrimary(first)
	for {
		got := p.try(p.message(nil))
		if got.Err != nil && time.Since(began) < patience {
			continue
		}
		if got.Err != nil || got.Outcome != fleet.Foreign || got.Stands != kept {
			t.Errorf("after acknowledged writes were lost: %+v, want foreign at %v, not %v", got, kept, lost)
		}
		break
	}
	p.recover(hears)
	wantStates(t, "written again", p.load().States, stateOf(someone(3, 0), "B", "Away"))

	if err := eventually(func() error { return s.Renew(t.Context(), lease, time.Minute) }); err != nil {
		t.Errorf("renewed at the new primary: %v", err)
	}
	if record, _, err := s.LoadBudget(t.Context(), lease); string(record) != "spent" || !errors.Is(err, fleet.ErrForeign) {
		t.Errorf("a record kept by the primary before: %q, %v", record, err)
	}
	first.Start()
	g.Failover()
	began = time.Now()
	p.recover(hears)
	within(t, "Sentinel: planned fail-over", time.Since(began), 5*time.Second)

	g.AwaitLinked()
	third := g.Primary()
	third.Kill()
	began = time.Now()
	p.recover(hears)
	within(t, "Sentinel: primary killed", time.Since(began), 5*time.Second)
	g.AwaitPrimary(third)

	// A primary whose sentinels have no majority may be replaced by one that we cannot see: nothing is granted.
	g.Sentinels[1].Kill()
	g.Sentinels[2].Kill()
	deadline := time.Now().Add(patience)
	for err = nil; err == nil && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		err = s.Renew(t.Context(), lease, time.Minute)
	}
	if err == nil || errors.Is(err, fleet.ErrLost) {
		t.Errorf("renewed without a majority of sentinels: %v", err)
	}
	if got := p.try(p.message(nil)); got.Err != nil {
		t.Errorf("append without a majority of sentinels: %+v", got)
	}
}

func eventually(do func() error) (err error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = do(); err == nil {
			return nil
		}
	}
	return err
}

func TestClusterLosesAnOwnerAndMovesSlots(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, redistest.Options{})
	o := redis.Options{Addrs: g.Addrs}
	s := open(t, o)
	hears := listen(t, open(t, o))
	hears.awaitAll(t)
	const shard, key = 3, "presence:{s03}:state"
	p := newPen(t, s, shard)
	p.write(nil, stateOf(someone(shard, 0), "A", "Busy"))
	p.recover(hears)

	for range 3 {
		joins := hears.joined(shard)
		g.MigrateSlot(key)
		within(t, "Cluster: slot moved, joined anew", hears.await(t, "the shard is joined anew", func() bool { return hears.joins[shard] > joins }), 2*time.Second)
		within(t, "Cluster: slot moved", p.recover(hears), 4*time.Second)
		wantStates(t, "moved", p.load().States, stateOf(someone(shard, 0), "A", "Busy"))
	}
	g.Failover(key)
	within(t, "Cluster: planned fail-over", p.recover(hears), 6*time.Second)

	owner := g.Owner(key)
	owner.Kill()
	began := time.Now()
	p.recover(hears)
	within(t, "Cluster: owner killed", time.Since(began), 6*time.Second)
	hears.awaitAll(t)
	within(t, "Cluster: owner killed, all shards joined", time.Since(began), 8*time.Second)
	wantStates(t, "after all", p.load().States, stateOf(someone(shard, 0), "A", "Busy"))
	if err := eventually(func() error { return s.Ping(t.Context()) }); err != nil {
		t.Errorf("ping: %v", err)
	}
}

// A retry by the client library after a lost answer must not look as if somebody else had written.
func TestAnswerIsLost(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{})
	deaf := &deafDialer{}
	s := open(t, redis.Options{Addrs: []string{server.Addr}, Dial: deaf.dial})
	p := newPen(t, s, 3)
	p.write(nil, stateOf(someone(3, 0), "A", "Busy"))
	for n := range 3 {
		deaf.drop.Store(true) // the next answer
		a := p.message(nil, stateOf(someone(3, 0), fmt.Sprintf("B%d", n), "Busy"))
		got := p.try(a)
		if got.Err != nil { // the library does not repeat a pipeline: we do
			got = p.try(a)
		}
		if got.Err != nil || got.Outcome != fleet.Done || got.Stands != a.To {
			t.Errorf("sent twice: %+v", got)
		}
		p.took(a)
	}
	if deaf.dropped.Load() != 3 {
		t.Errorf("%d answers were dropped", deaf.dropped.Load())
	}
}

func TestServersThatAreRefused(t *testing.T) {
	t.Parallel()
	cluster, sentinels := redistest.Cluster(t, redistest.Options{}), redistest.Sentinel(t, redistest.Options{})
	old := ancient(t)
	locked := redistest.Standalone(t, redistest.Options{Users: []string{"user someone on >secret ~* &* +@all -ping"}})
	password := func() (string, error) { return "wrong", nil }
	right := func() (string, error) { return "secret", nil }
	for what, c := range map[string]struct {
		o    redis.Options
		want string
	}{
		"too old":               {redis.Options{Addrs: []string{old}}, "Redis 6.2.14: take Redis 7.0 or later"},
		"a node of a Cluster":   {redis.Options{Addrs: cluster.Addrs[:1]}, "name several of its nodes"},
		"a sentinel":            {redis.Options{Addrs: sentinels.Addrs[:1]}, "set hub.redis.master_name"},
		"not a Cluster":         {redis.Options{Addrs: []string{sentinels.Servers[0].Addr, sentinels.Servers[1].Addr}}, "not in a Cluster"},
		"another master's name": {redis.Options{Addrs: sentinels.Addrs, MasterName: "nobody"}, "nobody"},
		"no password":           {redis.Options{Addrs: []string{locked.Addr}}, "hub.redis.password_file"},
		"a wrong password":      {redis.Options{Addrs: []string{locked.Addr}, Username: "someone", Password: password}, "hub.redis.password_file"},
		"nobody there":          {redis.Options{Addrs: []string{"127.0.0.1:1"}}, "refused"},
		"a plain server":        {redis.Options{Addrs: []string{locked.Addr}, TLS: true}, "TLS"},
		"a broken password":     {redis.Options{Addrs: []string{locked.Addr}, Password: func() (string, error) { return "", errors.New("the file is gone") }}, "the file is gone"},
		"a user without rights": {redis.Options{Addrs: []string{locked.Addr}, Username: "someone", Password: right}, "docs/redis.md"},
	} {
		err := open(t, c.o).Ping(t.Context())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want it to name %q", what, err, c.want)
		}
	}
	for _, o := range []redis.Options{{Prefix: "a{b}"}, {Prefix: "a b"}, {Prefix: "ä"}, {Expire: -1}} {
		if _, err := redis.New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// ancient answers HELLO as a release does that cannot be installed beside today's.
func ancient(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() {
		listener.Close()
		<-done
	})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			buffer := make([]byte, 1024)
			for {
				if _, err := c.Read(buffer); err != nil {
					break
				}
				if _, err := c.Write([]byte("*6\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n6.2.14\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n")); err != nil {
					break
				}
			}
			c.Close()
		}
	}()
	return listener.Addr().String()
}

// deafDialer makes connections of which one answer can be lost.
type deafDialer struct {
	drop    atomic.Bool
	dropped atomic.Int64
}

func (d *deafDialer) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return &deafConn{c, d}, err
}

type deafConn struct {
	net.Conn
	d *deafDialer
}

func (c *deafConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.d.drop.CompareAndSwap(true, false) {
		c.d.dropped.Add(1)
		c.Close()
		return 0, net.ErrClosed
	}
	return n, err
}
