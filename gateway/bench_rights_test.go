package gateway_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What judging one user of a subscribe costs, by the kind of rule that lets them be seen.
func BenchmarkPolicyCheck(b *testing.B) {
	const users = 10_000
	team := user(1_000_000)
	members := make([]presence.ID, users)
	for i := range members {
		members[i] = user(i)
	}
	for name, allow := range map[string]gateway.Allow{"star": {All: true}, "group": {Groups: []presence.ID{team}}, "denied": {Users: []presence.ID{user(users)}}} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, 0, gateway.Options{Door: good(), Policy: []gateway.Rule{{Who: gateway.Who{Everyone: true}, Allow: allow}}})
			w.describe(users, presence.Group{ID: team, DisplayName: "Team", Members: members})
			eventually(b, "the directory is followed", func() bool { return w.server.Directory() == w.hub.Directory() })
			judge := w.server.Judge("good", members[:wire.MaxUsers])
			for b.Loop() {
				judge()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*wire.MaxUsers), "ns/user")
		})
	}
}

// What a connection costs that names 10,000 users of its own.
func BenchmarkLargeConnection(b *testing.B) {
	const users, connections = 10_000, 5
	w := newWorld(b, users, gateway.Options{})
	w.setAll("Busy", upTo(users)...)
	open := func() {
		c := w.dial()
		c.subscribe(upTo(users)[:wire.MaxUsers]...)
		c.subscribe(upTo(users)[wire.MaxUsers:]...)
	}
	open() // what is made once is made
	for b.Loop() {
		before := heap()
		for range connections {
			open()
		}
		b.ReportMetric(float64(int64(heap())-int64(before))/connections/1024, "KiB/connection") //nolint:gosec // small
	}
}

// Handshakes with an API key, from dial to status, by both ends in one process; per second and core of theirs together.
func BenchmarkHandshake(b *testing.B) {
	known := map[string]auth.Principal{}
	for i := range 64 {
		known[fmt.Sprint("k", i)] = auth.Principal{Subject: fmt.Sprint("key:k", i), Key: fmt.Sprint("k", i)}
	}
	w := newWorld(b, 10, gateway.Options{Door: newDoor(known), Policy: signedIn})
	i := 0
	for b.Loop() {
		i++
		c := w.dial(as(fmt.Sprint("k", i%64)))
		_ = c.ws.CloseNow()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/float64(runtime.GOMAXPROCS(0)), "handshakes/s/core")
}
