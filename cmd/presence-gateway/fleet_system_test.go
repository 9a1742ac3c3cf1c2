package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// The size of a system of several processes. The budget is small and spent to the last read that is not the reserve,
// so that whoever began after a change of regime as if nothing had been spent would be over it at once.
const (
	fleetUsers    = 120
	fleetRequests = 300
	fleetWindow   = 10 * time.Second
	fleetInterval = 25 * time.Millisecond // a read each: more than the budget allows
	fleetWatchers = 12                    // of each process
	fleetChanges  = 25                    // a second
)

// system is several processes over one Redis, a tenant, and clients of every process that serves. Clients go to
// another process where theirs is gone, as behind a load balancer.
type system struct {
	crowd
	redis    string   // the key hub of the configuration
	people   []string // ids
	members  []*gatewayProcess
	stirring atomic.Bool // people change
	began    time.Time
}

// newSystem makes the tenant of a system whose processes find Redis by some lines under hub.redis.
func newSystem(t *testing.T, redis string) *system {
	t.Helper()
	if testing.Short() {
		t.Skip("takes a minute")
	}
	s := &system{crowd: crowd{T: t, truth: map[string][]held{}}, redis: redis, began: time.Now()}
	s.tenant = startTenant(t, "--users", fmt.Sprint(fleetUsers), "--changes-per-second", "0.000001", "--seed", "11",
		"--budget", fmt.Sprint(fleetRequests), "--window", fleetWindow.String())
	s.people = s.tenant.ids()
	return s
}

// join starts one process more, with a role and its own way to Redis, and its clients where it has any. "" is the way
// of all.
func (s *system) join(role, redis string, env ...string) *gatewayProcess {
	s.Helper()
	g := s.launch(role, redis, env...)
	g.ready(s.T)
	s.members = append(s.members, g)
	return g
}

func (s *system) launch(role, redis string, env ...string) *gatewayProcess {
	s.Helper()
	if redis == "" {
		redis = s.redis
	}
	graph := fmt.Sprintf("interval: %v, timeout: 3s, budget: {requests: %d, window: %v}", fleetInterval, fleetRequests, fleetWindow)
	return launchMember(s, s.tenant, role, graph, redis, env...)
}

// launchMember starts one process of several, with a role, and lines under graph and hub.redis.
func launchMember(t testing.TB, tn *tenant, role, graph, redis string, env ...string) *gatewayProcess {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "token"), "secret-of-a-test")
	write(t, filepath.Join(dir, "users"), strings.Join(tn.ids(), "\n"))
	if role != "gateway" { // which has no credential, and needs none
		graph += fmt.Sprintf(", credential: {kind: token_file, token_file: %s}", filepath.Join(dir, "token"))
	}
	g := &gatewayProcess{address: freePort(t), admin: freePort(t), config: filepath.Join(dir, "config.yaml")}
	write(t, g.config, fmt.Sprintf(`listen: %s
admin_listen: %s
graph: {base_url: %q, %s}
watch: {users_file: %s}
hub: {kind: redis, redis: {%s}}
%s`, g.address, g.admin, tn.url, graph, filepath.Join(dir, "users"), redis, openDoor))
	g.process = start(t, append([]string{"PRESENCE_GATEWAY_AUTH_ANONYMOUS=true"}, env...), "serve", "--role", role, "--config", g.config)
	return g
}

func (g *gatewayProcess) ready(t testing.TB) {
	t.Helper()
	eventually(t, 20*time.Second, "readiness", func() bool {
		status, _ := request(t, "GET", "http://"+g.admin+"/readyz", "")
		return status == http.StatusOK
	})
}

// revive starts a process that has ended anew.
func (s *system) revive(g *gatewayProcess) {
	s.Helper()
	<-g.ended
	g.process = start(s, g.command.Env[2:], g.command.Args[1:]...)
	g.ready(s.T)
}

// watch lets clients watch through some processes, and people change.
func (s *system) watch(through ...*gatewayProcess) {
	s.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	s.Cleanup(func() {
		cancel()
		running.Wait()
	})
	addresses := make([]string, len(through))
	for i, g := range through {
		addresses[i] = g.address
	}
	for i := range through {
		for range fleetWatchers {
			w := &watcher{t: s, history: map[string][]held{}, address: addresses[i],
				others: slices.Concat(addresses[i+1:], addresses[:i]), users: s.people}
			s.watchers = append(s.watchers, w)
			running.Go(func() { w.run(ctx) })
		}
	}
	running.Go(func() { s.stir(ctx) })
	s.allTold(true, "", time.Now().Add(15*time.Second))
	s.whole("at first", time.Now(), 15*time.Second)
}

var activities = []string{"Available", "Away", "Busy", "BeRightBack", "DoNotDisturb", "Offline"}

// stir lets people change while they may.
func (s *system) stir(ctx context.Context) {
	tick := time.NewTicker(time.Second / fleetChanges)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.stirring.Load() {
			continue
		}
		is := activities[rand.IntN(len(activities))]
		path := s.tenant.url + "/sim/users/" + s.people[rand.IntN(len(s.people))] + "/presence"
		r, err := http.NewRequestWithContext(ctx, "PUT", path, strings.NewReader(fmt.Sprintf(`{"availability":%q,"activity":%q}`, is, is)))
		if err != nil {
			s.Error(err)
			return
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			if ctx.Err() == nil {
				s.Error(err)
			}
			return
		}
		response.Body.Close()
	}
}

// leader returns the one process that says it reads.
func (s *system) leader() *gatewayProcess {
	s.Helper()
	var leader *gatewayProcess
	eventually(s, 20*time.Second, "one process leads", func() bool {
		leader = nil
		for _, g := range s.members {
			select {
			case <-g.ended:
				continue
			default:
			}
			if _, text := request(s, "GET", "http://"+g.admin+"/metrics", ""); strings.Contains(text, "\npresence_leader 1") {
				if leader != nil {
					return false
				}
				leader = g
			}
		}
		return leader != nil
	})
	return leader
}

// kill ends a process as a power cut does.
func (g *gatewayProcess) kill() {
	g.signal(syscall.SIGKILL)
	<-g.ended
}

// soaking is how long faults come again, beyond the first round.
func soaking(t testing.TB) time.Duration {
	text := os.Getenv("PRESENCE_SOAK")
	if text == "" {
		return 0
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
