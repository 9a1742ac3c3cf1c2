package main_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// A primary that dies with writes it had acknowledged and nobody else has.
func TestFleetOverSentinel(t *testing.T) {
	t.Parallel()
	g := redistest.Sentinel(t, redistest.Options{Replicas: 2})
	s := newSystem(t, fmt.Sprintf("addrs: [%s], master_name: %s", quoted(g.Addrs), redistest.MasterName))
	s.join("all", "")
	s.join("all", "")
	s.watch(s.members...)
	s.another() // the first window is on the reserve
	for {
		var first *redistest.Server
		s.strike("Sentinel: primary killed, with writes that only it had", 5*time.Second, func() time.Time {
			first = g.Primary()
			replicas := g.Replicas()
			for _, replica := range replicas {
				replica.Stop()
			}
			first.CutClients("replica") // what was sent would be read from the wire
			pause(t, 700*time.Millisecond)
			first.Kill()
			began := time.Now()
			for _, replica := range replicas {
				replica.Continue()
			}
			g.AwaitPrimary(first)
			return began
		})
		g.AwaitLinked()
		s.another()
		s.strike("Sentinel: planned fail-over", 5*time.Second, func() time.Time {
			began := time.Now()
			g.Failover()
			return began
		})
		if time.Since(s.began) > soaking(t) {
			break
		}
		first.Start()
		s.another()
		g.AwaitLinked()
	}
	s.promises()
}

// An owner of slots that dies, and a slot that moves, in a Cluster of six.
func TestFleetOverCluster(t *testing.T) {
	t.Parallel()
	g := redistest.Cluster(t, redistest.Options{})
	s := newSystem(t, fmt.Sprintf("addrs: [%s]", quoted(g.Addrs)))
	s.join("all", "")
	s.join("all", "")
	s.watch(s.members...)
	for round := 0; ; round++ {
		for _, key := range []string{fmt.Sprintf("presence:{s%02d}:state", round%64), "presence:{poller}:lease", "presence:{wants}:x"} {
			s.strike("Cluster: slot of "+key+" moved under load", 4*time.Second, func() time.Time {
				began := time.Now()
				g.MigrateSlot(key)
				return began
			})
		}
		s.another()
		for _, key := range []string{"presence:{s07}:state", "presence:{poller}:lease"} {
			var owner *redistest.Server
			s.strike("Cluster: owner of "+key+" killed", 6*time.Second, func() time.Time {
				owner = g.Owner(key)
				began := time.Now()
				owner.Kill()
				g.AwaitOwner(key, owner)
				return began
			})
			owner.Start()
			g.AwaitWhole()
			g.AwaitReplicas()
			if key != "presence:{poller}:lease" {
				s.another()
			}
		}
		if time.Since(s.began) > soaking(t) {
			break
		}
	}
	s.promises()
}

func quoted(all []string) string { return `"` + strings.Join(all, `", "`) + `"` }
