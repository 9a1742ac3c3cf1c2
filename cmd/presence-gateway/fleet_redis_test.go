package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// What can happen to one Redis, and to one process's way to it, while everything else goes on.
func TestFleetOverOneRedis(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{Config: []string{"client-output-buffer-limit pubsub 256kb 0 0"}})
	wire := redistest.NewWire(t, server.Addr)
	s := newSystem(t, fmt.Sprintf("addrs: [%q]", server.Addr))
	s.join("all", "")
	s.join("all", "")
	s.join("gateway", fmt.Sprintf("addrs: [%q]", wire.Addr))
	s.watch(s.members...)
	apart := fleetWatchers // the clients of the one behind the wire

	for { // in an order in which Redis has kept its record for a window whenever it loses it
		s.strike("SCRIPT FLUSH", 2*time.Second, func() (from time.Time) {
			server.ForgetScripts()
			return from
		})
		s.strike("maxmemory reached for 3 s", 3*time.Second, func() (from time.Time) {
			server.Set("maxmemory", "1")
			pause(t, 3*time.Second)
			server.Set("maxmemory", "0")
			return from
		})
		s.strike("output buffers overflow", 4*time.Second, func() (from time.Time) {
			noise := strings.Repeat("x", 200_000)
			_, err := server.Admin().TxPipelined(t.Context(), func(p goredis.Pipeliner) error {
				for range 10 { // at once: nobody can take it in between
					p.Publish(t.Context(), "presence:{s07}:deltas", noise)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
			return from
		})
		if !strings.Contains(server.Log(), "overcoming of output buffer limits") {
			t.Error("no subscriber was dropped")
		}
		s.strike("FLUSHALL", 3*time.Second, func() (from time.Time) {
			server.FlushAll()
			return from
		})
		var cut time.Time
		s.strike("one process cut off for 8 s", 3*time.Second, func() (from time.Time) {
			cut = time.Now()
			wire.Cut()
			pause(t, 8*time.Second)
			wire.Mend()
			return from
		})
		s.outage("one process cut off for 8 s", cut, apart)
		s.strike("one process's packets swallowed for 8 s", 4*time.Second, func() (from time.Time) {
			cut = time.Now()
			wire.Swallow()
			pause(t, 8*time.Second)
			wire.Heal()
			return from
		})
		s.outage("one process's packets swallowed for 8 s", cut, apart)
		s.strike("killed, back empty after 1 s", 3*time.Second, func() (from time.Time) {
			server.Kill()
			pause(t, time.Second)
			server.StartEmpty()
			return from
		})
		s.another()
		s.strike("killed, back empty after 9 s", 3*time.Second, func() (from time.Time) {
			cut = time.Now()
			server.Kill()
			pause(t, 9*time.Second)
			server.StartEmpty()
			return from
		})
		s.outage("killed, back empty after 9 s", cut, len(s.watchers))
		if time.Since(s.began) > soaking(t) {
			break
		}
		s.another()
	}
	s.promises()
}
