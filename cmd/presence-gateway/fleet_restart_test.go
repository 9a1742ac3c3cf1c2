package main_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// A Redis that comes back with all it had, after so long that nobody has the lease any more: its record of spent reads may
// be an older one, and keeps nobody from reading.
func TestFleetReadsAgainAfterRedisWasRestarted(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{Persist: true})
	s := newSystem(t, fmt.Sprintf("addrs: [%q]", server.Addr))
	s.join("all", "")
	read := func(what string) {
		t.Helper()
		before := s.tenant.stats().Reads
		eventually(t, 20*time.Second, what, func() bool { return s.tenant.stats().Reads > before })
	}
	read("a read")
	server.Shutdown()
	pause(t, 6*time.Second)
	server.Start()
	read("a read after the restart")
}
