package gateway_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func TestSnapshotThenDelta(t *testing.T) {
	w := newWorld(t, 5, gateway.Options{})
	w.set(0, "Busy")
	w.lose(1)
	c := w.dial()
	stranger := user(99).String()
	c.send(fmt.Sprintf(`{"type":"subscribe","id":7,"users":["%s","%s","%s","%s","nobody","%s"]}`,
		strings.ToUpper(user(0).String()), user(1), user(2), stranger, user(0)))
	s := c.want(wire.Snapshot)
	if s.ID != "7" || len(s.Presences) != 1 || s.Presences[0].ID != user(0) || s.Presences[0].Availability != "Busy" ||
		len(s.Gone) != 1 || s.Gone[0] != user(1) || len(s.Pending) != 1 || s.Pending[0] != user(2) ||
		len(s.Denied) != 1 || s.Denied[0].String() != stranger || len(s.Invalid) != 1 || s.Invalid[0] != "nobody" {
		t.Fatalf("snapshot %+v", s)
	}
	w.set(2, "Away")
	if d := c.want(wire.Delta); len(d.Presences) != 1 || d.Presences[0].ID != user(2) || d.Presences[0].Version == "" {
		t.Fatalf("delta %+v", d)
	}
	w.lose(0)
	if g := c.want(wire.Gone); len(g.Users) != 1 || g.Users[0] != user(0) || g.Reason != wire.Unknown {
		t.Fatalf("gone %+v", g)
	}
	w.set(0, "Available")
	if d := c.want(wire.Delta); d.Presences[0].Availability != "Available" {
		t.Fatalf("delta %+v", d)
	}
	c.send(`{"type":"unsubscribe","id":8,"users":["` + user(0).String() + `","` + user(44).String() + `"]}`)
	if a := c.want(wire.Ack); a.ID != "8" {
		t.Fatalf("ack %+v", a)
	}
	w.set(0, "Busy")
	w.set(2, "Busy")
	if d := c.want(wire.Delta); len(d.Presences) != 1 || d.Presences[0].ID != user(2) {
		t.Fatalf("after the ack: %+v", d)
	}
}

func TestKnownIsLeftOut(t *testing.T) {
	w := newWorld(t, 3, gateway.Options{})
	w.setAll("Busy", 0, 1, 2)
	c := w.dial()
	s := c.subscribe(0, 1, 2)
	versions := map[presence.ID]string{}
	for _, p := range s.Presences {
		versions[p.ID] = p.Version
	}
	w.set(1, "Away")
	d := w.dial()
	d.send(fmt.Sprintf(`{"type":"subscribe","users":%s,"known":{"%s":"%s","%s":"%s"}}`, ids(0, 1, 2),
		user(0), versions[user(0)], user(1), versions[user(1)]))
	s = d.want(wire.Snapshot)
	if len(s.Presences) != 2 || s.ID != "" {
		t.Fatalf("got %+v, want users 1 and 2", s)
	}
}

func TestEveryoneFollowsTheDirectory(t *testing.T) {
	w := newWorld(t, 2, gateway.Options{})
	w.setAll("Busy", 0, 1, 2)
	c := w.dial()
	c.send(`{"type":"subscribe","id":1,"users":"*"}`)
	if s := c.snapshot(); len(s.Presences) != 2 {
		t.Fatalf("snapshot %+v", s)
	}
	w.describe(3)
	if d := c.want(wire.Delta); len(d.Presences) != 1 || d.Presences[0].ID != user(2) {
		t.Fatalf("newcomer: %+v", d)
	}
	w.describe(1)
	left := map[presence.ID]bool{}
	for len(left) < 2 {
		g := c.want(wire.Gone)
		for _, id := range g.Users {
			left[id] = true
		}
		if g.Reason != wire.Unwatched {
			t.Fatalf("gone %+v", g)
		}
	}
	c.send(`{"type":"unsubscribe","id":2,"users":"*"}`)
	c.want(wire.Ack)
	w.set(0, "Away")
	c.send(`{"type":"ping","id":3}`)
	c.want(wire.Pong)
}

func TestGroups(t *testing.T) {
	team, other := user(1000), user(1001)
	w := newWorld(t, 0, gateway.Options{})
	w.setAll("Busy", 0, 1, 2, 3)
	w.describe(4, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(0), user(1)}})
	c := w.dial()
	eventually(t, "the directory is known", func() bool {
		c.send(`{"type":"subscribe","id":1,"groups":["` + team.String() + `","` + other.String() + `"]}`)
		s := c.snapshot()
		return len(s.Denied) == 1 && s.Denied[0] == other && len(s.Members[team]) == 2
	})
	c.send(`{"type":"subscribe","id":2,"users":` + ids(1) + `}`)
	if s := c.snapshot(); len(s.Presences) != 0 {
		t.Fatalf("already watched through the group: %+v", s)
	}
	w.describe(4, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(2)}})
	if d := c.want(wire.Delta); len(d.Joined[team]) != 1 || d.Joined[team][0] != user(2) || len(d.Left[team]) != 2 {
		t.Fatalf("joined and left: %+v", d)
	}
	seen := ""
	for len(seen) < 2 { // of one drain: who left, then who came
		switch m := c.next(); {
		case m.Type == wire.Gone && m.Reason == wire.Unwatched && len(m.Users) == 1 && m.Users[0] == user(0):
			seen += "g"
		case m.Type == wire.Delta && len(m.Presences) == 1 && m.Presences[0].ID == user(2):
			seen += "d"
		default:
			t.Fatalf("got %+v", m)
		}
	}
	c.send(`{"type":"unsubscribe","id":3,"groups":["` + team.String() + `"]}`)
	c.want(wire.Ack)
	w.setAll("Away", 1, 2)
	if d := c.want(wire.Delta); len(d.Presences) != 1 || d.Presences[0].ID != user(1) {
		t.Fatalf("after unsubscribing the group: %+v", d)
	}
}

func TestMailAddresses(t *testing.T) {
	w := newWorld(t, 2, gateway.Options{Policy: []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(0)}}}}})
	w.setAll("Busy", 0, 1)
	c := w.dial()
	c.send(`{"type":"subscribe","users":["Person0@Example.com","person1@example.com","none@example.com"]}`)
	s := c.want(wire.Snapshot)
	if s.Resolved["Person0@Example.com"] != user(0) || len(s.Presences) != 1 || len(s.Invalid) != 2 || len(s.Denied) != 0 {
		t.Fatalf("snapshot %+v", s)
	}
}

// Whoever may not be seen is denied alike, known or not, and never delivered; rights that end reach a connection.
func TestPolicyNarrows(t *testing.T) {
	team := user(1000)
	rule := gateway.Rule{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(3)}, Groups: []presence.ID{team}}}
	w := newWorld(t, 0, gateway.Options{Policy: []gateway.Rule{rule}})
	w.setAll("Busy", 0, 1, 2, 3)
	w.describe(4, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(0), user(1)}})
	c := w.dial()
	eventually(t, "the directory is known", func() bool {
		s := c.subscribe(0, 1, 2, 3, 77)
		return len(s.Denied) == 2
	})
	w.describe(4, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(0)}})
	if g := c.want(wire.Gone); len(g.Users) != 1 || g.Users[0] != user(1) || g.Reason != wire.Unwatched {
		t.Fatalf("gone %+v", g)
	}
	w.setAll("Away", 0, 1, 2, 3)
	d := c.want(wire.Delta)
	for _, p := range d.Presences {
		if p.ID != user(0) && p.ID != user(3) {
			t.Fatalf("got %s after rights ended", p.ID)
		}
	}
}

func TestFieldsByRule(t *testing.T) {
	rules := []gateway.Rule{
		{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{All: true}},
		{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(1)}}, Fields: presence.OutOfOffice},
	}
	w := newWorld(t, 2, gateway.Options{Policy: rules})
	w.setAll("Busy", 0, 1)
	c := w.dial()
	check := func(list []wire.Presence) {
		t.Helper()
		for _, p := range list {
			if has := strings.Contains(string(p.Raw), "outOfOffice"); has != (p.ID == user(1)) {
				t.Errorf("%s: %s", p.ID, p.Raw)
			}
		}
	}
	check(c.subscribe(0, 1).Presences)
	w.setAll("Away", 0, 1)
	check(c.want(wire.Delta).Presences)
}

func TestStatusAndHeartbeat(t *testing.T) {
	w := newWorld(t, 2, gateway.Options{Heartbeat: 100 * time.Millisecond})
	c := w.dial()
	for {
		m, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == wire.Heartbeat {
			if !m.Oldest.IsZero() || m.At.IsZero() {
				t.Fatalf("holds nothing, yet %+v", m)
			}
			break
		}
	}
	w.set(0, "Busy")
	observed := c.subscribe(0, 1).Presences[0].ObservedAt
	m, err := c.read()
	if err != nil || m.Type != wire.Heartbeat || m.Oldest.Before(observed.Add(-time.Second)) || m.At.Before(m.Oldest) {
		t.Fatalf("got %+v, %v", m, err)
	}
	since := time.Now().Add(-time.Second)
	w.hub.Report(presence.Status{Reason: presence.Throttled, Since: since})
	if s := c.want(wire.Status); s.State != "degraded" || s.Reason != "throttled" || s.Since.UnixMilli() != since.UnixMilli() {
		t.Fatalf("status %+v", s)
	}
	d, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	d.want(wire.Hello)
	if s := d.want(wire.Status); s.State != "degraded" {
		t.Fatalf("a new connection is told %+v", s)
	}
	w.hub.Report(presence.Status{})
	if s := c.want(wire.Status); s.State != "live" {
		t.Fatalf("status %+v", s)
	}
}

func TestPing(t *testing.T) {
	w := newWorld(t, 3, gateway.Options{})
	w.setAll("Busy", 0, 1)
	c := w.dial()
	c.subscribe(0, 2)
	c.send(`{"type":"ping","id":12.5e3,"users":` + ids(0, 1, 2) + `}`)
	p := c.want(wire.Pong)
	if p.ID != "12.5e3" || len(p.ObservedAt) != 1 || p.ObservedAt[user(0)].IsZero() {
		t.Fatalf("pong %+v", p)
	}
}

// A large snapshot comes in parts, and deltas wait for the last.
func TestSnapshotInParts(t *testing.T) {
	const users = 4000
	w := newWorld(t, users, gateway.Options{})
	w.setAll("Busy", upTo(users)...)
	c := w.dial()
	if s := c.subscribe(upTo(users)...); len(s.Presences) != users {
		t.Fatalf("got %d presences", len(s.Presences))
	}
	w.setAll("Away", upTo(users)...)
	for got := 0; got < users; {
		got += len(c.want(wire.Delta).Presences)
	}
}

func TestFlushConflates(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Flush: 200 * time.Millisecond})
	w.set(0, "Busy")
	c := w.dial()
	c.subscribe(0)
	w.set(0, "Away")
	c.want(wire.Delta) // at once: the last round was long ago
	start := time.Now()
	for i := range 50 {
		w.set(0, fmt.Sprint("State", i))
	}
	d := c.want(wire.Delta)
	if d.Presences[0].Availability != "State49" {
		t.Fatalf("got %s, want the newest", d.Presences[0].Availability)
	}
	if waited := time.Since(start); waited < 100*time.Millisecond {
		t.Errorf("flushed again after %v", waited)
	}
}
