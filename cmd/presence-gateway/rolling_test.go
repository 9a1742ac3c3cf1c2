package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// Beyond so many clients a balancer needs more files than this machine may allow one process.
const clientsPerBalancer = 8000

const drainDelay = 1500 * time.Millisecond

// rolling is two replicas over one Redis behind balancers, and clients that have signed in.
type rolling struct {
	*testing.T
	tenant   *tenant
	replicas []*gatewayProcess
	herd     *herd
	roamers  []*roamer
}

func startRolling(t *testing.T, clients, people, watched int) *rolling {
	t.Helper()
	if _, err := exec.LookPath("haproxy"); err != nil {
		if out, err := exec.Command("../../scripts/need.sh", "haproxy").CombinedOutput(); err != nil && os.Getenv("CI") == "" {
			t.Skipf("no haproxy here, and none to be had: %s", out)
		}
	}
	r := &rolling{T: t, tenant: startTenant(t, "--users", fmt.Sprint(people), "--changes-per-second", "10", "--seed", "7")}
	all := r.tenant.people()
	r.herd = newHerd(all)
	issuer := startCloud(t, "--api-id", gatewayID)
	store := redistest.Standalone(t, redistest.Options{})
	for range 2 {
		r.replicas = append(r.replicas, startGateway(t, r.tenant, t.TempDir(), fmt.Sprintf(`hub: {kind: redis, redis: {addrs: [%q]}}
trusted_proxies: [127.0.0.1/32]
gateway:
  auth: {jwt: {issuer: "%s/%s/v2.0", audience: %s, required_scope: Presence.Subscribe}}
  policy: [{who: {everyone: true}, allow: "*"}]
  drain_delay: %v
`, store.Addr, issuer.authority, issuer.tenantID, gatewayID, drainDelay), "PRESENCE_GATEWAY_AUTH_ANONYMOUS=false", "PRESENCE_GRAPH_CREDENTIAL_CA_FILE="+issuer.caFile,
			"PRESENCE_GRAPH_INTERVAL=1s"))
	}
	var balancers []string
	for range (clients + clientsPerBalancer - 1) / clientsPerBalancer {
		balancers = append(balancers, r.balance())
	}
	const each = 10 // connections of a person
	tokens := r.mint(issuer, all, (clients+each-1)/each)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() { cancel(); running.Wait() })
	began := time.Now()
	for n := range clients {
		c := &roamer{herd: r.herd, address: balancers[n%len(balancers)], token: tokens[n/each], versions: make([]string, watched), states: make([]string, watched)}
		c.users = rand.Perm(len(all))[:watched]
		slices.Sort(c.users)
		r.roamers = append(r.roamers, c)
		running.Go(func() { c.run(ctx) })
		if n%50 == 49 {
			time.Sleep(25 * time.Millisecond) // what is measured is not how all begin
		}
	}
	r.settle(time.Minute)
	t.Logf("%d clients of %d users each were connected and held the tenant's state after %v", clients, watched, time.Since(began).Round(time.Millisecond))
	return r
}

// balance runs the documented balancer before both replicas, without TLS: that is not what is measured.
func (r *rolling) balance() (address string) {
	r.Helper()
	_, text, _ := strings.Cut(slurp(r.T, "../../docs/proxies.md"), "## Several replicas")
	_, text, _ = strings.Cut(text, "```haproxy\n")
	text, _, _ = strings.Cut(text, "```")
	address = freePort(r.T)
	port := func(g *gatewayProcess) string { return g.admin[strings.LastIndex(g.admin, ":")+1:] }
	text = strings.NewReplacer("0.0.0.0:443 ssl crt /etc/ssl/presence.both.pem alpn h2,http/1.1", address,
		"10.0.0.1:8080 check port 9090", r.replicas[0].address+" check port "+port(r.replicas[0]),
		"10.0.0.2:8080 check port 9090", r.replicas[1].address+" check port "+port(r.replicas[1])).Replace(text)
	file := filepath.Join(r.TempDir(), "haproxy.conf")
	write(r.T, file, fmt.Sprintf("global\n  maxconn %d\n", clientsPerBalancer+1000)+text)
	runProxy(r.T, []string{"haproxy", "-db", "-f", file})
	eventually(r.T, 10*time.Second, "the balancer", func() bool {
		status, _ := request(r.T, "GET", "http://"+address+"/v1/settings", "")
		return status == 200
	})
	return address
}

// mint has tokens made for so many people.
func (r *rolling) mint(issuer *cloud, people []person, n int) []string {
	tokens := make([]string, n)
	var makers sync.WaitGroup
	for k := range 4 {
		makers.Go(func() {
			for i := k; i < n; i += 4 {
				tokens[i] = issuer.mint(fmt.Sprintf(`{"user":%q}`, people[i%len(people)].ID))
			}
		})
	}
	makers.Wait()
	return tokens
}

// correct reports how many clients are not connected, or hold another state than the tenant's of somebody who has not changed
// for a while.
func (r *rolling) correct(quiet time.Duration) (absent, wrong int) {
	truth := r.tenant.truth()
	now := time.Now()
	want := make([]string, len(r.herd.ids)) // empty: changed lately
	for i, id := range r.herd.ids {
		if is := truth[id]; now.Sub(is.at) > quiet {
			want[i] = is.availability + "/" + is.activity
		}
	}
	for _, c := range r.roamers {
		c.mu.Lock()
		if !c.whole {
			absent++
		}
		for i, user := range c.users {
			if want[user] != "" && c.states[i] != want[user] {
				wrong++
			}
		}
		c.mu.Unlock()
	}
	return absent, wrong
}

// A change may wait for a sweep, and for its way.
const changeTime = 3 * time.Second

// settle waits until all clients are connected and right, and returns when that was seen.
func (r *rolling) settle(within time.Duration) time.Time {
	r.Helper()
	for deadline := time.Now().Add(within); ; pause(r.T, 200*time.Millisecond) {
		absent, wrong := r.correct(changeTime)
		if absent+wrong == 0 {
			return time.Now()
		}
		if time.Now().After(deadline) {
			r.Fatalf("not within %v: %d clients are not connected, %d states are not the tenant's; %v", within, absent, wrong, r.herd.since())
		}
	}
}

// last watches for a while, and until all clients are connected and right, and returns when one last was not. A poller that
// was lost is missed only by those who hold what changed since.
func (r *rolling) last(while time.Duration) (wrong time.Time) {
	r.Helper()
	for began := time.Now(); ; pause(r.T, 100*time.Millisecond) {
		looked := time.Now()
		absent, differ := r.correct(changeTime)
		switch {
		case absent+differ > 0:
			wrong = looked
		case looked.Sub(began) >= while:
			return wrong
		}
		if looked.Sub(began) > time.Minute {
			r.Fatalf("not within a minute: %d clients are not connected, %d states are not the tenant's; %+v", absent, differ, r.herd.since())
		}
	}
}

// judge checks what was seen through a replica's end, after which so many clients have to move.
func (r *rolling) judge(what string, began time.Time, while, grace time.Duration, before seen, moved int) {
	r.Helper()
	right := latest(began, r.last(while))
	now := r.herd.since()
	r.Logf("%s: last client correct after %v; %d came back, the slowest %v after its loss; %d handshakes, %d in the busiest second; "+
		"p99 of %d states of those who stayed %v (before %v); ends %v", what, right.Sub(began).Round(time.Millisecond), now.back, now.away.Round(time.Millisecond),
		now.attempts, now.peak, now.deltas, now.delay.Round(time.Millisecond), before.delay.Round(time.Millisecond), now.ends)
	if correct := right.Sub(began); correct > 15*time.Second+grace {
		r.Errorf("%s: the last client was correct after %v", what, correct)
	}
	if now.back < moved {
		r.Errorf("%s: %d clients came back, of %d", what, now.back, moved)
	}
	if now.delay > 2*before.delay+2*time.Second { // two for a busy machine, on which the clients live too
		r.Errorf("%s: p99 of those who stayed %v, before %v", what, now.delay, before.delay)
	}
	if now.attempts > 3*moved { // who comes back finds somebody
		r.Errorf("%s: %d handshakes for %d clients who had to move", what, now.attempts, moved)
	}
}

// spread has half of the clients come back of their own accord, to the replica that has none.
func (r *rolling) spread() {
	r.Helper()
	for _, c := range r.roamers[:len(r.roamers)/2] {
		c.mu.Lock()
		_ = c.line.Close()
		c.mu.Unlock()
	}
	pause(r.T, 500*time.Millisecond)
	r.settle(time.Minute)
}

// shares is how many clients each replica has.
func (r *rolling) shares() map[string]int {
	shares := map[string]int{}
	for _, c := range r.roamers {
		c.mu.Lock()
		shares[c.replica]++
		c.mu.Unlock()
	}
	return shares
}

// One of two replicas is killed, comes back, and then both are restarted one after the other, all under load: clients with
// valid tokens are let in again by whoever is there, spread over time, and in the end each holds the tenant's state.
// PRESENCE_ROLLING is how many clients there are.
func TestRollingRestart(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	clients := 1000
	if text := os.Getenv("PRESENCE_ROLLING"); text != "" {
		var err error
		if clients, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	r := startRolling(t, clients, 2000, 50)
	r.herd.since()
	pause(t, 4*time.Second) // what is measured is a stretch of time
	before := r.herd.since()
	t.Logf("before: p99 of %d states %v; clients of each replica %v", before.deltas, before.delay.Round(time.Millisecond), r.shares())
	if before.deltas == 0 || before.attempts > 0 || len(r.shares()) != 2 {
		t.Errorf("there is no load, or nothing stands: %+v, %v", before, r.shares())
	}

	began := time.Now()
	r.replicas[0].signal(syscall.SIGKILL)
	<-r.replicas[0].ended
	r.judge("kill -9 of one", began, 8*time.Second, 0, before, clients/2) // the poller's place is taken within these
	r.replicas[0] = r.replicas[0].again(t)
	pause(t, time.Second) // the balancer looks twice a second
	r.spread()

	for i := range r.replicas {
		t.Logf("clients of each replica %v", r.shares())
		r.herd.since()
		began = time.Now()
		r.replicas[i].signal(syscall.SIGTERM)
		if code := r.replicas[i].exit(25 * time.Second); code != 0 {
			t.Errorf("a drain ended with %d", code)
		}
		t.Logf("replica %d drained in %v", i, time.Since(began).Round(time.Millisecond))
		r.judge(fmt.Sprintf("restart of replica %d", i), began, 4*time.Second, drainDelay, before, clients*(i+1)/2) // the second has all
		r.replicas[i] = r.replicas[i].again(t)
		pause(t, time.Second)
	}
	if faults := r.herd.faults; len(faults) > 0 {
		t.Errorf("%d faults, the first: %s", len(faults), strings.Join(faults[:min(len(faults), 5)], "\n"))
	}
}
