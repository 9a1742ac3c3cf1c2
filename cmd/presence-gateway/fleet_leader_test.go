package main_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// another waits until the window on the reserve is over that began with a change of regime. Two losses of the record in one
// window are more than a reserve can carry.
func (s *system) another() {
	s.Helper()
	pause(s.T, fleetWindow+3*time.Second+time.Second) // and the timeout of reads
}

// What can happen to whoever reads, when two processes read and two others serve. Those who serve have no credential, and in
// Redis the rights that docs/redis.md gives them.
func TestFleetLosesItsLeader(t *testing.T) {
	t.Parallel()
	users := documentedUsers(t)
	server := redistest.Standalone(t, redistest.Options{Users: users})
	s := newSystem(t, "")
	as := func(user string) string {
		return fmt.Sprintf("addrs: [%q], username: presence-%s", server.Addr, user)
	}
	join := func(role string) *gatewayProcess {
		return s.join(role, as(role), "PRESENCE_HUB_REDIS_PASSWORD=CHANGE-"+strings.ToUpper(role))
	}
	join("poller")
	join("poller")
	first, second := join("gateway"), join("gateway")
	s.watch(first, second)

	for {
		var leader *gatewayProcess
		var handed time.Time
		s.strike("planned hand-over", 2*time.Second, func() time.Time {
			leader = s.leader()
			handed = time.Now()
			leader.signal(syscall.SIGTERM)
			if code := leader.exit(10 * time.Second); code != 0 {
				t.Errorf("ended with %d", code)
			}
			return handed
		})
		s.revive(leader)
		s.another()
		if told, _, _ := s.announced("planned hand-over", handed); told > 0 {
			t.Errorf("a planned hand-over was announced to %d clients", told)
		}
		s.strike("leader killed", 7*time.Second, func() time.Time {
			leader = s.leader()
			began := time.Now()
			leader.kill()
			s.after(began, 7*time.Second)
			return began
		})
		s.revive(leader)
		s.another()
		s.strike("leader stopped for 9 s, after it went on", time.Second, func() time.Time {
			leader = s.leader()
			began := time.Now()
			leader.signal(syscall.SIGSTOP)
			s.after(began, 7*time.Second)
			pause(t, time.Until(began.Add(9*time.Second)))
			leader.signal(syscall.SIGCONT)
			return time.Time{}
		})
		asked := time.Now()
		s.strike("leader killed in a pause of 12 s", 13*time.Second, func() time.Time {
			asked = time.Now()
			s.tenant.ask("PUT", "/sim/faults", `{"status":{"status":429,"retryAfter":12,"count":1}}`, nil)
			pause(t, time.Second)
			leader = s.leader()
			began := time.Now()
			leader.kill()
			return began
		})
		s.revive(leader)
		s.outage("leader killed in a pause of 12 s", asked, len(s.watchers))
		if time.Since(s.began) > soaking(t) {
			break
		}
		s.another()
	}
	if refused := server.Refused(); len(refused) > 0 {
		t.Errorf("rights that the documentation does not give were wanted: %v", refused)
	}
	s.promises()
}

// after says how long after a moment the tenant was read again.
func (s *system) after(moment time.Time, limit time.Duration) {
	s.Helper()
	pause(s.T, 300*time.Millisecond) // what had left arrives
	before := s.tenant.stats().Reads
	eventually(s, slower*limit, "a new read", func() bool { return s.tenant.stats().Reads > before })
	s.Logf("FIGURE first new read after %v (at most %v)", time.Since(moment).Round(time.Millisecond), limit)
}

// documentedUsers are the users of Redis that the documentation names.
func documentedUsers(t testing.TB) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/redis.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(text), "```acl\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		t.Fatal("docs/redis.md names no users")
	}
	return strings.Split(strings.TrimSpace(block), "\n")
}
