package fleet_test

import (
	"fmt"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// tenant is what Graph would say. The world's lock guards it.
type tenant struct {
	world    *world
	numbered bool
	people   []truth
	reads    []time.Time // that reached it
}

type truth struct {
	number      int
	now, before *presence.Content
	settled     time.Time // when it last changed
}

var contents = []*presence.Content{
	presence.Intern(presence.Facts{Availability: "Available", Activity: "Available"}, 0),
	presence.Intern(presence.Facts{Availability: "Busy", Activity: "InACall"}, 0),
	presence.Intern(presence.Facts{Availability: "Away", Activity: "Away"}, 0),
	nil,
}

// Users are of few shards, so that messages of one user are mixed with those of others.
var users = func() (ids []presence.ID) {
	for i := 0; len(ids) < 12; i++ {
		if id := (presence.ID{0: byte(i), 1: byte(i >> 8), 15: 1}); id.Shard() < 3 {
			ids = append(ids, id)
		}
	}
	return ids
}()

const listed = 8 // of them, by configuration; the others are read on demand

func index(id presence.ID) int { return slices.Index(users, id) }

func (t *tenant) change() {
	p := &t.people[t.world.IntN(len(t.people))]
	p.before, p.number, p.settled = p.now, p.number+1, time.Now()
	for p.now == p.before {
		p.now = contents[t.world.IntN(len(contents))]
	}
}

// read answers a read now and then as a Graph replica does that lags.
func (t *tenant) read(reader string, ids []presence.ID, asked time.Time) (readings []presence.Reading) {
	now := time.Now()
	t.reads = append(t.reads, now)
	if n := len(t.reads); n > limit && now.Sub(t.reads[n-1-limit]) < window {
		t.world.failf("P1: %d reads within %v", limit+1, now.Sub(t.reads[n-1-limit]))
	}
	for _, id := range ids {
		p := &t.people[index(id)]
		r := presence.Reading{ID: id, Content: p.now, Asked: asked}
		number := p.number
		if now.Sub(p.settled) < 3*time.Second && t.world.dice(reader, "lagging", index(id)).one(4) && p.before != nil {
			r.Content = p.before
			number--
			t.world.strike("answer of a lagging Graph replica")
		}
		if t.numbered && r.Content != nil {
			r.Sequence = fmt.Sprintf("A%06d", number)
		}
		readings = append(readings, r)
	}
	return readings
}
