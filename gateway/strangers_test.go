package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// Whoever asks for many ids that Graph does not know gets no further made-up ones read; everybody else, and whoever is
// known, is served on.
func TestMadeUpIdsAreNotReadForEver(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{OnDemand: true, ReadWait: 10 * time.Millisecond,
		Limits: gateway.Limits{UnknownUsers: 3, MessagesPerSecond: 1000}})
	if s := w.dial().subscribe(1001, 1002, 1003, 1004); len(s.Pending) != 4 {
		t.Fatalf("before anything is known of them: %+v", s)
	}
	for i := 1001; i <= 1004; i++ {
		if w.hub.Watchers(user(i)) != 1 {
			t.Fatalf("%v is not read, but might exist", user(i))
		}
		w.lose(i)
	}
	c := w.dial()
	next := 2000
	eventually(t, "further ids are not read", func() bool {
		next++
		return len(c.subscribe(next).Pending) == 1 && w.hub.Watchers(user(next)) == 0
	})
	// Once somebody else had one of them read, it is let in; and what follows arrives.
	other := next
	w.set(other, "Busy")
	if m := c.want(wire.Delta); len(m.Presences) != 1 || m.Presences[0].ID != user(other) {
		t.Errorf("held back, then known: %+v", m)
	}
	w.set(other, "Away")
	if m := c.want(wire.Delta); len(m.Presences) != 1 || m.Presences[0].Availability != "Away" {
		t.Errorf("let in, then changed: %+v", m)
	}
	if a := w.call("GET", "/v1/presences/"+user(5000).String(), ""); a.status != http.StatusServiceUnavailable {
		t.Errorf("over HTTP: %d", a.status)
	}
	c.subscribe(0)
	if w.hub.Watchers(user(0)) != 1 {
		t.Error("who is watched by configuration is no stranger")
	}
	w.set(6000, "Busy")
	if s := c.subscribe(6000); len(s.Presences) != 1 {
		t.Errorf("who was read before is no stranger: %+v", s)
	}
}
