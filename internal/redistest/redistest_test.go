package redistest_test

import (
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestStandaloneForgetsOrKeeps(t *testing.T) {
	for _, keeps := range []bool{false, true} {
		s := redistest.Standalone(t, redistest.Options{Persist: keeps})
		s.Do("SET", "a", "1")
		s.Kill()
		s.Start()
		if got := s.Do("EXISTS", "a"); (got == int64(1)) != keeps {
			t.Errorf("persist %v: %v after kill -9", keeps, got)
		}
		s.Kill()
		s.StartEmpty()
		if got := s.Do("EXISTS", "a"); got != int64(0) {
			t.Errorf("persist %v: %v after an empty start", keeps, got)
		}
	}
}

func TestUsersAndTLS(t *testing.T) {
	s := redistest.Standalone(t, redistest.Options{TLS: true, Users: []string{"user reader on >x %R~a* -@all +get"}})
	s.Do("SET", "a", "1")
	s.RenewTLS()
	if got := s.Do("GET", "a"); got != "1" {
		t.Errorf("got %v after the certificate was renewed", got)
	}
	s.SetUsers("user other on >y ~* +@all")
	if got := fmt.Sprint(s.Do("ACL", "USERS")); got != "[default keeper other]" {
		t.Errorf("users %s", got)
	}
}

func TestSentinelFailsOver(t *testing.T) {
	for name, o := range map[string]redistest.Options{
		"plain":         {},
		"TLS and users": {TLS: true, Users: []string{"user reader on >x ~* -@all +get"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := redistest.Sentinel(t, o)
			first := g.Primary()
			first.Do("SET", "a", "1")
			first.Do("WAIT", 1, 5000)
			first.Kill()
			second := g.AwaitPrimary(first)
			if got := second.Do("GET", "a"); got != "1" {
				t.Errorf("the new primary has %v", got)
			}
			first.Start()
			g.AwaitLinked()
		})
	}
}

func TestClusterMovesSlots(t *testing.T) {
	for name, o := range map[string]redistest.Options{
		"plain":         {},
		"TLS and users": {TLS: true, Users: []string{"user reader on >x ~* -@all +get"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := redistest.Cluster(t, o)
			owner := g.Owner("presence:{s07}:state")
			if got := owner.Do("CLUSTER", "KEYSLOT", "presence:{s07}:state"); got != int64(redistest.Slot("presence:{s07}:state")) {
				t.Errorf("slot %v", got)
			}
			owner.Do("SET", "presence:{s07}:state", "1")
			next := g.MigrateSlot("presence:{s07}:state")
			if got := next.Do("GET", "presence:{s07}:state"); got != "1" || g.Owner("presence:{s07}:state") != next {
				t.Errorf("the next owner has %v", got)
			}
			third := g.Failover("presence:{s07}:state")
			third.Kill()
			g.AwaitOwner("presence:{s07}:state", third)
			g.AwaitWhole()
		})
	}
}

func TestWireIsCut(t *testing.T) {
	s := redistest.Standalone(t, redistest.Options{})
	w := redistest.NewWire(t, s.Addr)
	through := func() bool { return redistest.Answers(w.Addr) }
	if !through() {
		t.Fatal("nothing gets through")
	}
	w.Cut()
	if through() {
		t.Error("a cut wire lets something through")
	}
	w.Mend()
	if !through() {
		t.Error("a mended wire lets nothing through")
	}
	w.Swallow()
	if through() {
		t.Error("what should be swallowed gets through")
	}
	w.Heal()
	if !through() {
		t.Error("a healed wire lets nothing through")
	}
}
