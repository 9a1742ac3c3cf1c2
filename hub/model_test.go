package hub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// world is a hub beside the simplest thing that could be right: what each client was told, and whom it should watch.
type world struct {
	*testing.T
	*rand.Rand
	hub     *hub.Hub
	now     time.Time
	numbers map[presence.ID]int
	sets    []*hub.Set
	members []map[presence.ID]bool
	readers []*hub.Reader
	clients []*client
}

type client struct {
	sub   *hub.Subscription
	named map[presence.ID]bool
	sets  map[int]bool
	held  map[presence.ID]presence.Version // zero: told as pending
}

const people = 12

func person(i int) presence.ID { return presence.ID{0: byte(i), 15: 1} }

var contents = []*presence.Content{
	nil,
	presence.Intern(presence.Facts{Availability: "Available", Activity: "Available"}, 0),
	presence.Intern(presence.Facts{Availability: "Busy", Activity: "InACall"}, 0),
	presence.Intern(presence.Facts{Availability: "Away", Activity: "Away"}, 0),
}

func (w *world) some(most int) (ids []presence.ID) {
	for range w.IntN(most + 1) {
		ids = append(ids, person(w.IntN(people)))
	}
	return ids
}

func (w *world) watches(c *client, id presence.ID) bool {
	if c.named[id] {
		return true
	}
	for set := range c.sets {
		if w.members[set][id] {
			return true
		}
	}
	return false
}

// take checks news against what the client was told, and notes it.
func (w *world) take(c *client, news *hub.News) {

	for _, id := range news.Left {
		delete(c.held, id)
	}
	seen := map[presence.ID]bool{}
	for _, item := range news.Items {
		if seen[item.ID] {
			w.Fatalf("%v twice in the same news", item.ID)
		}
		seen[item.ID] = true
		if item.Pending() {
			w.Fatalf("%v: news without a state", item.ID)
		}
		if !w.watches(c, item.ID) {
			w.Fatalf("%v: news of someone not watched", item.ID)
		}
		if held, told := c.held[item.ID]; told && item.Version.Compare(held) <= 0 {
			w.Fatalf("%v: told %v after %v", item.ID, item.Version, held)
		}
		c.held[item.ID] = item.Version
	}
	for _, id := range news.Left {
		if w.watches(c, id) && !seen[id] && !w.hub.Get(nil, id)[0].Pending() {
			w.Fatalf("%v left, but is watched", id)
		}
	}
}

// prune forgets what the client asked to watch no longer, after it was told the news until then.
func (w *world) prune(c *client) {
	for id := range c.held {
		if !w.watches(c, id) {
			delete(c.held, id)
		}
	}
}

func (w *world) step() {
	switch c := w.clients[w.IntN(len(w.clients))]; w.IntN(12) {
	case 0, 1, 2, 3:
		var readings []presence.Reading
		for _, id := range w.some(6) {
			if w.IntN(3) > 0 {
				w.numbers[id]++
			}
			r := presence.Reading{ID: id, Content: contents[w.IntN(len(contents))], Asked: w.now, Answered: w.now.Add(time.Second)}
			if r.Content != nil && w.IntN(4) > 0 {
				r.Sequence = fmt.Sprintf("A%05d", w.numbers[id]-w.IntN(2))
			}
			readings = append(readings, r)
		}
		w.now = w.now.Add(5 * time.Second)
		if _, err := w.hub.Observe(context.Background(), readings); err != nil {
			w.Fatal(err)
		}
	case 4:
		ids := w.some(1)
		w.hub.Forget(ids)
		for _, id := range ids {
			for _, c := range w.clients {
				delete(c.named, id)
			}
			for i := range w.sets {
				delete(w.members[i], id)
			}
		}
	case 5:
		i := w.IntN(len(w.sets))
		w.members[i] = map[presence.ID]bool{}
		for _, id := range w.some(people) {
			w.members[i][id] = true
		}
		w.sets[i].Replace(keys(w.members[i]))
	case 6, 7:
		var news hub.News
		ids := w.some(5)
		var sets []*hub.Set
		before := map[presence.ID]bool{}
		for i := range people {
			before[person(i)] = w.watches(c, person(i))
		}
		i := w.IntN(2 * len(w.sets))
		if i < len(w.sets) {
			sets = append(sets, w.sets[i])
		}
		now := c.sub.Add(ids, sets, &news)
		w.take(c, &news)
		for _, id := range ids {
			c.named[id] = true
		}
		if i < len(w.sets) {
			c.sets[i] = true
		}
		fresh := map[presence.ID]bool{}
		for _, item := range now {
			if fresh[item.ID] || before[item.ID] || !w.watches(c, item.ID) {
				w.Fatalf("%v in a snapshot, watched before: %v, now: %v, twice: %v", item.ID, before[item.ID], w.watches(c, item.ID), fresh[item.ID])
			}
			fresh[item.ID] = true
			c.held[item.ID] = item.Version
		}
		for i := range people {
			if id := person(i); !before[id] && w.watches(c, id) && !fresh[id] {
				w.Fatalf("%v newly watched, but not in the snapshot", id)
			}
		}
	case 8, 9:
		var news hub.News
		ids := w.some(5)
		var sets []*hub.Set
		i := w.IntN(2 * len(w.sets))
		if i < len(w.sets) {
			sets = append(sets, w.sets[i])
		}
		c.sub.Remove(ids, sets, &news)
		w.take(c, &news)
		delete(c.sets, i)
		for _, id := range ids {
			delete(c.named, id)
		}
		w.prune(c)
	case 10:
		c.sub.Close()
		w.clients[indexOf(w.clients, c)] = w.connect()
	default:
		w.read(w.readers[w.IntN(len(w.readers))])
	}
}

func (w *world) read(r *hub.Reader) {
	for _, sub := range r.Ready(nil) {
		for _, c := range w.clients {
			if c.sub == sub {
				var news hub.News
				sub.Drain(&news)
				w.take(c, &news)
			}
		}
	}
}

func (w *world) connect() *client {
	return &client{
		sub:   w.readers[w.IntN(len(w.readers))].Subscribe(nil),
		named: map[presence.ID]bool{}, sets: map[int]bool{}, held: map[presence.ID]presence.Version{},
	}
}

// settled checks, once every reader has read what it was woken for, that each client was told exactly what is held.
func (w *world) settled() {

	for _, r := range w.readers {
		w.read(r)
	}
	for n, c := range w.clients {
		for i := range people {
			id := person(i)
			item := w.hub.Get(nil, id)[0]
			told, known := c.held[id]
			// Who joined a set and was not read yet is told of with the first state.
			if watched := w.watches(c, id); watched != known && !(watched && item.Pending()) || known && told != item.Version {
				w.Fatalf("client %d, user %d: watched %v, told %v (%v), held %v", n, i, watched, known, told, item.Version)
			}
			if w.watches(c, id) != c.sub.Watches(id) {
				w.Fatalf("client %d, user %d: Watches says %v", n, i, c.sub.Watches(id))
			}
		}
	}
}

func keys(m map[presence.ID]bool) (ids []presence.ID) {
	for id := range m {
		ids = append(ids, id)
	}
	return ids
}

func indexOf(clients []*client, c *client) int {
	for i := range clients {
		if clients[i] == c {
			return i
		}
	}
	return -1
}

// Whatever happens in whatever order: each client is told each state once, in rising versions, only of those it
// watches, and in the end of exactly what is held; and a reader is woken whenever there is something to tell.
func TestAnyOrder(t *testing.T) {
	defer hub.CompactFrom(0)() // so that it is compacted all the time
	seeds := 400
	if testing.Short() {
		seeds = 50
	}
	for seed := range seeds {
		w := &world{T: t, Rand: rand.New(rand.NewPCG(uint64(seed), 1)), hub: hub.New(hub.Options{}), now: time.Unix(1e9, 0), numbers: map[presence.ID]int{}}
		for range 3 {
			w.sets, w.members = append(w.sets, w.hub.Share(nil)), append(w.members, map[presence.ID]bool{})
		}
		w.readers = []*hub.Reader{w.hub.NewReader(), w.hub.NewReader()}
		for range 4 {
			w.clients = append(w.clients, w.connect())
		}
		for step := range 400 {
			w.step()
			if step%40 == 39 {
				w.settled()
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d", seed, step)
			}
		}
		for _, c := range w.clients {
			c.sub.Close()
		}
		for i, set := range w.sets {
			set.Close()
			w.hub.Forget(keys(w.members[i]))
		}
		for i := range people {
			w.hub.Forget([]presence.ID{person(i)})
		}
		if held := w.hub.Entries(); held != 0 {
			t.Fatalf("seed %d: %d entries are left of nobody", seed, held)
		}
	}
}
