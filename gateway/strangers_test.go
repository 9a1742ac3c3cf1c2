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

// A few batches of strangers are read at a time, so that made-up ones take no more than that from everyone else; real ones
// follow as fast as Graph answers.
func TestManyStrangersAtOnce(t *testing.T) {
	const first, many, atOnce = 1000, 5000, 2600
	read := func(w *world) (n int) {
		for i := first; i < first+many; i++ {
			n += w.hub.Watchers(user(i))
		}
		return n
	}
	strangers := make([]int, many)
	for i := range strangers {
		strangers[i] = first + i
	}
	open := func() (*world, *client) {
		w := newWorld(t, 1, gateway.Options{OnDemand: true})
		c := w.dial()
		if s := c.subscribe(strangers...); len(s.Pending) != many {
			t.Fatalf("%d pending, want all", len(s.Pending))
		}
		if n := read(w); n != atOnce {
			t.Fatalf("%d are read at once, want %d", n, atOnce)
		}
		return w, c
	}
	t.Run("real", func(t *testing.T) {
		w, c := open()
		w.setAll("Busy", strangers[:atOnce]...)
		eventually(t, "the others are read", func() bool { return read(w) == many })
		w.setAll("Busy", strangers[atOnce:]...)
		for got := 0; got < many; {
			got += len(c.want(wire.Delta).Presences)
		}
	})
	t.Run("made up", func(t *testing.T) {
		w, c := open()
		for _, i := range strangers[:atOnce] {
			w.lose(i)
		}
		for told := 0; told < atOnce; {
			told += len(c.want(wire.Gone).Users)
		}
		other := w.dial()
		eventually(t, "it is counted", func() bool {
			other.send(`{"type":"unsubscribe","users":` + ids(1) + `}`)
			other.want(wire.Ack)
			other.subscribe(1)
			return w.hub.Watchers(user(1)) == 0
		})
		if n := read(w); n != atOnce {
			t.Errorf("%d are read, want the first %d alone", n, atOnce)
		}
	})
}
