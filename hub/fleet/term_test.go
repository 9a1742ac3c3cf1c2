package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// quiet is a world in which nothing goes wrong but what the test does. It begins with everything settled.
func quiet(t *testing.T, processes int) *world {
	w := &world{T: t, Rand: rand.New(rand.NewPCG(1, 4)), seed: 1, onDemand: true, meanings: map[string]*presence.Content{}, strikes: map[string]int{}}
	w.master = &master{world: w, wants: map[string]board{}}
	w.tenant = &tenant{world: w, numbered: true, people: make([]truth, len(users))}
	for i := range w.tenant.people {
		w.tenant.people[i].now = contents[0]
	}
	w.mu.Lock()
	for i := range processes {
		w.processes = append(w.processes, w.start(fmt.Sprintf("p%d", i), true))
	}
	w.mu.Unlock()
	t.Cleanup(func() {
		for _, p := range w.processes {
			p.stop()
			p.ended.Wait()
		}
		if w.failure != "" {
			t.Error(w.failure)
		}
	})
	time.Sleep(window + 5*time.Second) // the first window is on the reserve
	w.mu.Lock()
	defer w.mu.Unlock()
	if wrong := w.wrong(); wrong != "" {
		t.Fatal(wrong)
	}
	return w
}

func (w *world) leader() (*process, int) {
	for i, p := range w.processes {
		if p.fleet.Leads() {
			return p, i
		}
	}
	w.Fatal("nobody polls")
	return nil, 0
}

// reads returns how many reads the tenant has seen.
func (w *world) reads() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.tenant.reads)
}

// remove takes a process out of the world.
func (w *world) remove(i int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.processes = append(w.processes[:i:i], w.processes[i+1:]...)
}

// A leader that dies is followed within the lease's time plus 2 s.
func TestTakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 3)
		p, i := w.leader()
		w.remove(i)
		w.mu.Lock()
		w.kill(p)
		w.mu.Unlock()
		p.ended.Wait()
		died, reads := time.Now(), w.reads()
		for w.reads() == reads {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(died); took > 7*time.Second {
			t.Errorf("the first read came %v after the leader's death", took)
		}
		w.mu.Lock()
		w.tenant.change()
		w.mu.Unlock()
		time.Sleep(window + 3*time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		if wrong := w.wrong(); wrong != "" {
			t.Error(wrong)
		}
	})
}

// A leader that ends in order hands over: nobody is told of anything, and the budget goes on where it was.
func TestHandOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 3)
		before := w.strikes["term begun where the last one ended"]
		for range 3 {
			p, i := w.leader()
			w.remove(i)
			p.stop()
			p.ended.Wait()
			w.mu.Lock()
			w.processes = append(w.processes, w.start(p.name+"'", true))
			w.tenant.change()
			w.mu.Unlock()
			ended := time.Now()
			for time.Since(ended) < 10*time.Second {
				time.Sleep(100 * time.Millisecond)
				for i, p := range w.processes {
					if i == 2 && time.Since(ended) < 500*time.Millisecond {
						continue // it has only begun
					}
					if status := p.hub.Status(); !status.Live() {
						t.Fatalf("%s: %v, %v after the end", p.name, status.Reason, time.Since(ended))
					}
				}
			}
			w.mu.Lock()
			if wrong := w.wrong(); wrong != "" {
				t.Error(wrong)
			}
			w.mu.Unlock()
		}
		if begun := w.strikes["term begun where the last one ended"] - before; begun != 3 {
			t.Errorf("%d terms began where the last one ended, want 3", begun)
		}
	})
}

// What clients are told when a process hears nothing: why, in time, and when it is over. Not, when it was a hiccup.
func TestSilenceIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 2)
		leader, i := w.leader()
		other := w.processes[1-i]
		cut := func(p *process, how bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if p.link.cut = how; how {
				p.link.reset()
			}
		}
		announced := func(p *process, want presence.Reason) {
			began := time.Now()
			for p.hub.Status().Live() {
				if time.Sleep(50 * time.Millisecond); time.Since(began) > 10*time.Second {
					t.Fatal("not announced")
				}
			}
			took := time.Since(began)
			if status := p.hub.Status(); took < 3*time.Second || took > 6*time.Second || status.Reason != want || began.Sub(status.Since).Abs() > 2*time.Second {
				t.Errorf("%v after %v, since %v, want %v", status.Reason, took, status.Since, want)
			}
		}
		cut(other, true)
		time.Sleep(3 * time.Second)
		cut(other, false)
		for range 50 {
			if time.Sleep(100 * time.Millisecond); !other.hub.Status().Live() {
				t.Fatal("a hiccup was announced")
			}
		}
		cut(other, true)
		announced(other, presence.HubUnavailable)
		if !leader.hub.Status().Live() {
			t.Error("the leader is well")
		}
		cut(other, false)
		time.Sleep(3 * time.Second)
		if status := other.hub.Status(); !status.Live() {
			t.Errorf("still %v", status.Reason)
		}
		w.mu.Lock()
		w.master.holder, w.master.until = "somebody who does nothing", time.Now().Add(time.Hour)
		w.mu.Unlock()
		for leader.fleet.Leads() {
			time.Sleep(50 * time.Millisecond)
		}
		announced(other, presence.NoPoller)
		w.mu.Lock()
		w.master.until = time.Now()
		w.mu.Unlock()
		time.Sleep(window + 5*time.Second)
		w.mu.Lock()
		defer w.mu.Unlock()
		if wrong := w.wrong(); wrong != "" {
			t.Error(wrong)
		}
	})
}

// A leader that is cut off holds its lease a little longer, but what it reads gets nowhere: its own clients are told no
// later than others.
func TestSilenceAroundTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 2)
		leader, _ := w.leader()
		for range 3 {
			w.mu.Lock()
			leader.link.cut = true
			leader.link.reset()
			w.mu.Unlock()
			began := time.Now()
			for leader.hub.Status().Live() && time.Since(began) < 10*time.Second {
				time.Sleep(50 * time.Millisecond)
			}
			if took := time.Since(began); took < 3*time.Second || took > 6*time.Second {
				t.Errorf("announced after %v", took)
			}
			w.mu.Lock()
			leader.link.cut = false
			w.mu.Unlock()
			time.Sleep(window + 5*time.Second)
			leader, _ = w.leader()
		}
	})
}

// In a Cluster the node of some shards may be gone while that of the lease lives: the term goes on, in vain.
func TestLeaderThatCannotWriteAShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 2)
		leader, _ := w.leader()
		down := func(shard int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for _, p := range w.processes {
				p.link.ownerOf = shard
			}
		}
		down(7)
		began := time.Now()
		for leader.hub.Status().Live() && time.Since(began) < 15*time.Second {
			time.Sleep(50 * time.Millisecond)
		}
		if took := time.Since(began); took < 3*time.Second || took > 7*time.Second {
			t.Errorf("announced after %v", took)
		}
		down(0)
		time.Sleep(10 * time.Second)
		if leader, _ = w.leader(); !leader.hub.Status().Live() {
			t.Error("its end is not announced")
		}
	})
}

// Whom anybody watches, the leader hears of within a second, and no longer once the process is dead.
func TestWantsReachTheLeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 3)
		_, i := w.leader()
		other := w.processes[(i+1)%3]
		id := presence.ID{0: 0xee, 15: 9}
		w.mu.Lock()
		w.heard = map[presence.ID]int{}
		w.mu.Unlock()
		heard := func() int {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.heard[id]
		}
		sub := other.reader.Subscribe(nil)
		sub.Add([]presence.ID{id}, nil, &hub.News{})
		again := other.reader.Subscribe(nil)
		again.Add([]presence.ID{id}, nil, &hub.News{})
		time.Sleep(time.Second)
		if heard() != 2 {
			t.Fatalf("%d watchers heard of, want 2", heard())
		}
		sub.Close()
		again.Close()
		time.Sleep(time.Second)
		if heard() != 0 {
			t.Fatalf("%d watchers heard of, want none", heard())
		}
		last := other.reader.Subscribe(nil)
		last.Add([]presence.ID{id}, nil, &hub.News{})
		time.Sleep(time.Second)
		w.remove((i + 1) % 3)
		w.mu.Lock()
		w.kill(other)
		w.mu.Unlock()
		other.ended.Wait()
		time.Sleep(12 * time.Second)
		if heard() != 0 {
			t.Fatalf("%d watchers heard of, all in a process that is dead", heard())
		}
	})
}

// A leader whose calls take too long does not read past its lease, whatever it was told last.
func TestLeaseEndsByTheLocalClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 1)
		p, _ := w.leader()
		w.mu.Lock()
		p.link.cut = true
		w.mu.Unlock()
		time.Sleep(4500 * time.Millisecond)
		reads := w.reads()
		time.Sleep(10 * time.Second)
		if w.reads() != reads || p.fleet.Leads() {
			t.Errorf("%d reads after the lease was over", w.reads()-reads)
		}
		w.mu.Lock()
		p.link.cut = false
		w.mu.Unlock()
		time.Sleep(window + 8*time.Second)
	})
}

func TestOptionsAndMetrics(t *testing.T) {
	registry := prometheus.NewRegistry()
	if _, err := fleet.New(hub.New(hub.Options{}), &stream{}, fleet.Options{LeaseTTL: -1}); err == nil {
		t.Error("a negative lease")
	}
	if _, err := fleet.New(hub.New(hub.Options{}), &stream{}, fleet.Options{Registry: registry, Name: "a b\n"}); err != nil {
		t.Fatal(err)
	}
	if _, err := fleet.New(hub.New(hub.Options{}), &stream{}, fleet.Options{Registry: registry}); err == nil {
		t.Error("registered twice")
	}
	n, err := testutil.GatherAndCount(registry, "presence_leader", "presence_hub_connected", "presence_fleet_fence_refusals_total")
	if err != nil || n != 3 {
		t.Error(n, err)
	}
}

// Without the store all shards meet with the same: one of them says it, and again after a while.
func TestComplaintsAreFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		core, said := observer.New(zap.WarnLevel)
		f, err := fleet.New(hub.New(hub.Options{}), nil, fleet.Options{Log: zap.New(core)})
		if err != nil {
			t.Fatal(err)
		}
		for second := range 10 {
			for range presence.Shards {
				f.Complain("a shard cannot be loaded")
			}
			if want := 1 + second/5; said.Len() != want {
				t.Fatalf("said %d times after %d s, want %d", said.Len(), second, want)
			}
			time.Sleep(time.Second)
		}
	})
}
