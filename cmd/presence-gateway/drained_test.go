package main_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process with 5,000 connections that is told to end tells each of them so, after the newest state, closes all with 1012,
// and is gone within gateway.drain, while presences go on changing.
func TestDrainOfThousands(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	const clients, watched, drain = 5000, 20, 10 * time.Second
	tn := startTenant(t, "--users", "1000", "--changes-per-second", "20")
	g := startGateway(t, tn, t.TempDir(), "gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: \"*\"}], drain: "+drain.String()+", drain_delay: 2s}\n")
	herd := newHerd(tn.people())
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	var roamers []*roamer
	for n := range clients {
		c := &roamer{herd: herd, address: g.address, versions: make([]string, watched), states: make([]string, watched)}
		for c.users = []int{0}; len(c.users) < watched; c.users = slices.Compact(c.users) { // all watch the first
			c.users = append(c.users, 1+rand.IntN(len(herd.ids)-1))
			slices.Sort(c.users)
		}
		roamers = append(roamers, c)
		running.Go(func() { c.run(ctx) })
		if n%50 == 49 {
			time.Sleep(10 * time.Millisecond) // what is measured is not how all begin
		}
	}
	count := func(so func(c *roamer) bool) (n int) {
		for _, c := range roamers {
			c.mu.Lock()
			if so(c) {
				n++
			}
			c.mu.Unlock()
		}
		return n
	}
	eventually(t, 30*time.Second, "all are connected", func() bool { return count(func(c *roamer) bool { return c.whole }) == clients })
	herd.since()

	tn.setPresence(herd.ids[0], "DoNotDisturb", "Presenting") // nobody waits for it: it is on its way at the end
	began := time.Now()
	g.signal(syscall.SIGTERM)
	code := g.exit(drain + 2*time.Second)
	took := time.Since(began)
	eventually(t, 10*time.Second, "all have read what was sent", func() bool { return count(func(c *roamer) bool { return !c.whole }) == clients })
	cancel()
	running.Wait()
	now := herd.since()
	newest := count(func(c *roamer) bool { return c.states[0] == "DoNotDisturb/Presenting" })
	t.Logf("drained in %v with %d; ends %v; %d had the newest state", took.Round(time.Millisecond), code, now.ends, newest)
	if code != 0 || took > drain {
		t.Errorf("ended with %d after %v", code, took)
	}
	if now.ends["goodbye"] != clients || now.ends["1012"] != clients || newest != clients {
		t.Errorf("of %d clients %d were told, %d closed with 1012, and %d had the newest state", clients, now.ends["goodbye"], now.ends["1012"], newest)
	}
	if len(herd.faults) > 0 {
		t.Errorf("%d faults, the first: %s", len(herd.faults), herd.faults[0])
	}
}
