package gateway_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// A reader that takes nothing is not owed every coming and going in its groups: what waits is bounded by who is in
// them, and when it reads on, its members are those of the group.
func TestMembershipOfSlowReaders(t *testing.T) {
	const people, rounds = 300, 900
	team := user(100_000)
	w := newWorld(t, 0, gateway.Options{Stall: time.Minute, Heartbeat: time.Minute})
	w.describe(people, presence.Group{ID: team, DisplayName: "Team", Members: []presence.ID{user(0)}})
	eventually(t, "the directory is followed", func() bool { return w.server.Directory() == w.hub.Directory() })
	x := w.rawBuffered(4 << 10)
	x.write(frame(0x81, `{"type":"subscribe","id":1,"groups":["`+team.String()+`"]}`))
	members := map[presence.ID]bool{}
	apply := func(m wire.Message) {
		for _, id := range append(m.Members[team], m.Joined[team]...) {
			if members[id] {
				t.Fatalf("%v joined, and was there", id)
			}
			members[id] = true
		}
		for _, id := range m.Left[team] {
			if !members[id] {
				t.Fatalf("%v left, and was not there", id)
			}
			delete(members, id)
		}
	}
	for m := x.message(); ; m = x.message() {
		if m.Type == wire.Snapshot {
			apply(m)
			break
		}
	}
	random := rand.New(rand.NewPCG(3, 4))
	var now []presence.ID
	before := uint64(0)
	for round := range rounds {
		now = nil
		for i := range people {
			if random.IntN(2) == 0 {
				now = append(now, user(i))
			}
		}
		w.describe(people, presence.Group{ID: team, DisplayName: "Team", Members: append([]presence.ID(nil), now...)})
		eventually(t, "the directory is followed", func() bool { return w.server.Directory() == w.hub.Directory() })
		if round == rounds/3 { // the kernel's buffers are full by now
			before = heap()
		}
	}
	grown := int64(heap()) - int64(before)
	t.Logf("heap grown by %d KiB in the last %d rounds", grown>>10, rounds*2/3)
	if grown > 512<<10 {
		t.Errorf("heap grown by %d bytes", grown)
	}
	want := map[presence.ID]bool{}
	for _, id := range now {
		want[id] = true
	}
	same := func() bool {
		for id := range want {
			if !members[id] {
				return false
			}
		}
		return len(members) == len(want)
	}
	for deadline := time.Now().Add(10 * time.Second); !same(); {
		if time.Now().After(deadline) {
			t.Fatalf("%d members, want %d", len(members), len(want))
		}
		apply(x.message())
	}
}

// message returns the next message of the server.
func (x *raw) message() (m wire.Message) {
	for {
		opcode, payload, err := x.next()
		if err != nil {
			x.t.Fatal(err)
		}
		if opcode == 0x1 {
			if err := json.Unmarshal(payload, &m); err != nil {
				x.t.Fatal(err)
			}
			return m
		}
	}
}

// Thousands are added and removed by one message each, and answered soon.
func TestThousandsAtOnce(t *testing.T) {
	const many = wire.MaxUsers
	w := newWorld(t, 2*many, gateway.Options{})
	w.setAll("Busy", upTo(2*many)...)
	c := w.dial()
	start := time.Now()
	if s := c.subscribe(upTo(many)...); len(s.Presences) != many {
		t.Fatalf("%d presences", len(s.Presences))
	}
	added := time.Since(start)
	start = time.Now()
	c.send(fmt.Sprintf(`{"type":"unsubscribe","id":2,"users":%s}`, ids(upTo(many)...)))
	c.want(wire.Ack)
	t.Logf("%d added in %v, removed in %v", many, added.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	if added > 3*time.Second || time.Since(start) > 3*time.Second {
		t.Errorf("added in %v, removed in %v", added, time.Since(start))
	}
	w.setAll("Away", upTo(many)...)
	c.send(`{"type":"ping","id":3}`)
	c.want(wire.Pong)
	if s := c.subscribe(upTo(2 * many)[many:]...); len(s.Presences) != many {
		t.Errorf("then %d presences", len(s.Presences))
	}
}
