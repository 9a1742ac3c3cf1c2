package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// model is what a client may expect, by what it asked and was answered.
type model struct {
	t       *testing.T
	c       *client
	held    map[presence.ID]wire.Presence // states
	named   map[presence.ID]bool          // acknowledged, by name
	all     bool
	started map[presence.ID]bool // a snapshot has answered for them
	asked   map[string]func(wire.Message)
}

func (m *model) watched(id presence.ID) bool { return m.named[id] || m.all }

// take checks one message.
func (m *model) take(message wire.Message) {
	m.t.Helper()
	apply := func(p wire.Presence) {
		if before, held := m.held[p.ID]; held && p.Version <= before.Version {
			m.t.Fatalf("%s went from %s to %s by %s", p.ID, before.Version, p.Version, message.Type)
		}
		m.held[p.ID] = p
	}
	switch message.Type {
	case wire.Snapshot, wire.Ack:
		if message.Type == wire.Snapshot {
			for _, id := range message.Pending {
				m.started[id] = true
			}
			for _, p := range message.Presences {
				if m.started[p.ID] {
					m.t.Fatalf("%s is in a snapshot though watched already", p.ID)
				}
				m.started[p.ID] = true
				apply(p)
			}
		}
		if !message.More {
			m.asked[message.ID.String()](message)
			delete(m.asked, message.ID.String())
		}
	case wire.Delta:
		for _, p := range message.Presences {
			if !m.started[p.ID] {
				m.t.Fatalf("%s precedes its snapshot, or follows the ack of its unsubscribe", p.ID)
			}
			apply(p)
		}
	case wire.Heartbeat:
		if len(m.held) > 0 && message.Oldest.IsZero() && len(m.asked) == 0 {
			m.t.Fatal("a heartbeat says that nothing is held")
		}
	case wire.Failure:
		m.t.Fatalf("refused: %+v", message)
	}
}

// forget drops whoever is no longer watched.
func (m *model) forget() {
	for id := range m.started {
		if !m.watched(id) {
			delete(m.started, id)
			delete(m.held, id)
		}
	}
}

// Random subscribes, unsubscribes and changes against a model: versions rise, nothing of a user precedes their
// snapshot or follows the ack, and in the end the client holds what the hub holds.
func TestOrder(t *testing.T) {
	seeds := 6
	if n, err := strconv.Atoi(os.Getenv("ORDER_SEEDS")); err == nil {
		seeds = n
	}
	const users = 400
	w := newWorld(t, users, gateway.Options{Flush: 2 * time.Millisecond, Heartbeat: 50 * time.Millisecond, Limits: gateway.Limits{MessagesPerSecond: 100_000}})
	stop := w.storm(users, 200*time.Microsecond)
	var walking, clients sync.WaitGroup
	calm := make(chan struct{})
	walking.Add(seeds)
	for seed := range seeds {
		clients.Go(func() { walk(t, w, uint64(seed), users, walking.Done, calm) })
	}
	walking.Wait()
	stop()
	close(calm)
	clients.Wait()
}

// walk lives one client's life; it calls walked when it has asked everything, and waits for calm to compare.
func walk(t *testing.T, w *world, seed uint64, users int, walked func(), calm <-chan struct{}) {
	walked = sync.OnceFunc(walked)
	defer walked()
	random := rand.New(rand.NewPCG(seed, 1))
	c := w.dial()
	m := &model{t: t, c: c, held: map[presence.ID]wire.Presence{}, named: map[presence.ID]bool{}, started: map[presence.ID]bool{}, asked: map[string]func(wire.Message){}}
	some := func() (list []int) {
		if random.IntN(4) == 0 {
			return upTo(users)
		}
		for range 1 + random.IntN(40) {
			list = append(list, random.IntN(users))
		}
		return list
	}
	ask := func(text string, done func(wire.Message)) {
		id := c.count()
		m.asked[strconv.Itoa(id)] = done
		c.send(strings.Replace(text, "ID", strconv.Itoa(id), 1))
	}
	for range 60 {
		switch random.IntN(6) {
		case 0, 1:
			list := some()
			ask(`{"type":"subscribe","id":ID,"users":`+ids(list...)+`}`, func(wire.Message) {
				for _, i := range list {
					m.named[user(i)] = true
					if !m.started[user(i)] {
						t.Errorf("%s is in no snapshot", user(i))
					}
				}
			})
		case 2:
			list := some()
			ask(`{"type":"unsubscribe","id":ID,"users":`+ids(list...)+`}`, func(wire.Message) {
				for _, i := range list {
					delete(m.named, user(i))
				}
				m.forget()
			})
		case 3:
			ask(`{"type":"subscribe","id":ID,"users":"*"}`, func(wire.Message) { m.all = true })
		case 4:
			ask(`{"type":"unsubscribe","id":ID,"users":"*"}`, func(wire.Message) { m.all = false; m.forget() })
		}
		for range random.IntN(20) {
			message, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			m.take(message)
		}
		for len(m.asked) > 3 { // some pipelining, bounded
			message, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			m.take(message)
		}
	}
	walked()
	<-calm
	for len(m.asked) > 0 {
		message, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		m.take(message)
	}
	eventually(t, fmt.Sprintf("seed %d: the client holds what the hub holds", seed), func() bool {
		for id := range m.started {
			item := w.hub.Get(nil, id)[0]
			if held, any := m.held[id]; !item.Pending() && (!any || held.Version < item.Version.String()) {
				message, err := c.read()
				if err != nil {
					t.Fatal(err)
				}
				m.take(message)
				return len(m.started) == 0
			}
		}
		return true
	})
}
