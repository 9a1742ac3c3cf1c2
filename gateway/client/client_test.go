package client_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/client"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func users(list ...int) (s client.Selection) {
	for _, i := range list {
		s.Users = append(s.Users, name(i))
	}
	return s
}

func TestUsers(t *testing.T) {
	w := newWorld(t, 4, gateway.Options{Heartbeat: 50 * time.Millisecond})
	w.set("Busy", 0)
	w.set("", 2)
	c := w.client()
	c.Subscribe(users(0, 1, 2, 99))
	c.Subscribe(client.Selection{Users: []string{"nobody", "PERSON3@example.com", " " + name(0)}})
	s := watch(t, c)
	s.shows("0 Busy, 1 pending, 2 unknown, 3 pending, 99 denied, nobody invalid")
	s.until("live", func() bool { return s.status.State == client.Live })
	if s.mails["PERSON3@example.com"] != name(3) {
		t.Errorf("mails %v", s.mails)
	}
	w.set("Away", 1)
	w.set("Available", 2, 3)
	w.set("", 0)
	s.shows("0 unknown, 1 Away, 2 Available, 3 Available, 99 denied, nobody invalid")

	c.Unsubscribe(users(2, 99))
	c.Unsubscribe(client.Selection{Users: []string{"PERSON3@example.com"}})
	s.shows("0 unknown, 1 Away, nobody invalid")
	w.set("Busy", 0, 1, 2, 3)
	s.shows("0 Busy, 1 Busy, nobody invalid")
	c.Unsubscribe(users(1))
	c.Subscribe(users(1))
	w.set("Away", 1)
	s.shows("0 Busy, 1 Away, nobody invalid")

	// Not confirmed since its change, but every heartbeat says how old the oldest can be.
	w.set("Away", 0)
	s.until("the age is known", func() bool { age, known := c.Age(name(1)); return known && age < 5*time.Second })
	if _, err := c.Usable(name(1), time.Minute); err != nil {
		t.Error(err)
	}
	if err := c.Confirm(t.Context(), name(0), name(1)); err != nil {
		t.Error(err)
	}
}

func TestGroups(t *testing.T) {
	w := newWorld(t, 0, gateway.Options{})
	team, other := user(1000), user(1001)
	group := func(id presence.ID, members ...int) presence.Group {
		g := presence.Group{ID: id, DisplayName: "Team"}
		for _, i := range members {
			g.Members = append(g.Members, user(i))
		}
		return g
	}
	w.describe(4, group(team, 0, 1, 2), group(other, 2, 3))
	w.set("Busy", 0, 1, 2, 3)
	c := w.client()
	c.Subscribe(client.Selection{Groups: []string{team.String(), other.String(), user(5000).String()}, Users: []string{name(0)}})
	s := watch(t, c)
	s.shows("0 Busy, 1 Busy, 2 Busy, 3 Busy, 5000 denied")
	members := func(id presence.ID, want ...int) {
		t.Helper()
		s.until(fmt.Sprint("members ", want), func() bool {
			var names []string
			for _, i := range want {
				names = append(names, name(i))
			}
			return slices.Equal(s.members[id.String()], names)
		})
	}
	members(team, 0, 1, 2)
	w.describe(4, group(team, 0, 3), group(other, 2))
	members(team, 0, 3)
	members(other, 2)
	s.shows("0 Busy, 2 Busy, 3 Busy, 5000 denied")

	// While there is no connection someone leaves and someone comes.
	w.stop()
	s.until("down", func() bool { return s.status.State == client.Down })
	w.describe(4, group(team, 0, 1), group(other, 2))
	w.start()
	s.shows("0 Busy, 1 Busy, 2 Busy, 5000 denied")
	members(team, 0, 1)

	c.Unsubscribe(client.Selection{Groups: []string{team.String()}})
	s.shows("0 Busy, 2 Busy, 5000 denied") // 0 is watched by name too
	c.Unsubscribe(client.Selection{Users: []string{name(0)}})
	s.shows("2 Busy, 5000 denied")
	c.Unsubscribe(client.Selection{Groups: []string{other.String(), user(5000).String()}})
	s.shows("")
}

func TestEveryone(t *testing.T) {
	w := newWorld(t, 3, gateway.Options{})
	w.set("Busy", 0, 1)
	c := w.client()
	c.Subscribe(client.Selection{Everyone: true})
	s := watch(t, c)
	s.shows("0 Busy, 1 Busy, 2 pending")
	w.describe(4)
	w.set("Away", 3)
	s.shows("0 Busy, 1 Busy, 2 pending, 3 Away")
	w.stop()
	w.describe(2)
	w.start()
	s.shows("0 Busy, 1 Busy")
	s.until("live", func() bool { return s.status.State == client.Live })
	c.Subscribe(users(1))
	c.Unsubscribe(client.Selection{Everyone: true})
	s.shows("1 Busy")
}

// A new connection brings only what changed.
func TestResumeIsQuiet(t *testing.T) {
	const many = 3000 // more than a message names, and more than one part of a snapshot
	w := newWorld(t, many, gateway.Options{})
	all := make([]int, many)
	for i := range all {
		all[i] = i
	}
	w.set("Busy", all...)
	c := w.client()
	c.Subscribe(users(all...))
	s := watch(t, c)
	s.until("all", func() bool { return len(s.states) == many && s.status.State == client.Live })
	w.stop()
	s.until("down", func() bool { return s.status.State == client.Down })
	before := s.count
	w.set("Away", 7)
	w.start()
	s.until("live again", func() bool { return s.status.State == client.Live })
	if s.count > before+10 || s.states[name(7)] != "Away" {
		t.Errorf("%d events, user 7 %s", s.count-before, s.states[name(7)])
	}
	if _, err := c.Usable(name(8), time.Minute); err != nil { // who was left out is vouched for
		t.Error(err)
	}
}

// A consumer who does not look costs no memory, and finds the last state of everyone.
func TestSlowConsumer(t *testing.T) {
	const people, rounds = 200, 500
	w := newWorld(t, people, gateway.Options{Flush: time.Millisecond})
	all := make([]int, people)
	for i := range all {
		all[i] = i
	}
	w.set("Busy", all...)
	c := w.client()
	c.Subscribe(users(all...))
	s := watch(t, c)
	s.until("all", func() bool { return len(s.states) == people && s.status.State == client.Live })
	before := s.count
	runtime.GC()
	var memory, later runtime.MemStats
	runtime.ReadMemStats(&memory)
	for i := range rounds {
		w.set(fmt.Sprint("State", i), all...)
	}
	last := fmt.Sprint("State", rounds-1)
	deadline := time.Now().Add(10 * time.Second)
	for {
		if p, _ := c.Get(name(people - 1)); string(p.Availability) == last {
			break
		} else if time.Now().After(deadline) {
			t.Fatal("the last state never came")
		}
		time.Sleep(time.Millisecond)
	}
	runtime.GC()
	runtime.ReadMemStats(&later)
	if grown := int64(later.HeapAlloc) - int64(memory.HeapAlloc); grown > 2<<20 {
		t.Errorf("grew by %d bytes", grown)
	}
	s.until("the last state of everyone", func() bool {
		for i := range all {
			if s.states[name(i)] != last {
				return false
			}
		}
		return true
	})
	if events := s.count - before; events > 2*people+10 {
		t.Errorf("%d events for %d people", events, people)
	}
}

// Whatever is subscribed, left, changed and cut, in any order: in the end the screen shows what the tenant says.
func TestNothingIsLost(t *testing.T) {
	const people = 30
	w := newWorld(t, 0, gateway.Options{Flush: time.Millisecond})
	team := presence.Group{ID: user(1000), Members: []presence.ID{user(0), user(1), user(2), user(3), user(4)}}
	w.describe(people, team)
	truth := make([]string, people)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	c := w.client()
	s := watch(t, c)
	named, group, everyone := map[int]bool{}, false, false
	s.until("live", func() bool { return s.status.State == client.Live })
	for step := range 600 {
		i := rng.IntN(people)
		switch rng.IntN(12) {
		case 0, 1, 2:
			c.Subscribe(users(i))
			named[i] = true
		case 3, 4:
			c.Unsubscribe(users(i))
			delete(named, i)
		case 5:
			if group = !group; group {
				c.Subscribe(client.Selection{Groups: []string{team.ID.String()}})
			} else {
				c.Unsubscribe(client.Selection{Groups: []string{team.ID.String()}})
			}
		case 6:
			if everyone = !everyone; everyone {
				c.Subscribe(client.Selection{Everyone: true})
			} else {
				c.Unsubscribe(client.Selection{Everyone: true})
			}
		case 7:
			if step%4 == 0 {
				w.cut()
			}
		case 8:
			truth[i] = "unknown"
			w.set("", i)
		default:
			truth[i] = fmt.Sprint("State", step)
			w.set(truth[i], i)
		}
		for taking := rng.IntN(3) == 0; taking; { // as a consumer that comes and goes
			select {
			case event := <-s.events:
				s.take(event)
			case <-time.After(time.Duration(rng.IntN(3)) * time.Millisecond):
				taking = false
			}
		}
	}
	s.until("the truth", func() bool {
		watched := 0
		for i, want := range truth {
			if want == "" {
				want = "pending"
			}
			if !named[i] && !everyone && (!group || i > 4) {
				want = ""
			} else {
				watched++
			}
			if s.states[name(i)] != want {
				return false
			}
		}
		return len(s.states) == watched && s.status.State == client.Live
	})
}

// Without a gateway there are attempts, and nothing is usable; the loop ends with its context.
func TestNobodyThere(t *testing.T) {
	c, err := client.New("http://127.0.0.1:1", client.Options{Backoff: client.Backoff{First: time.Millisecond, Most: 2 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for event, err := range c.Events(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := event.(client.Status); ok && s.State == client.Down {
			if s.Reason != client.Lost || s.Err == nil || s.Retry.IsZero() {
				t.Errorf("%+v", s)
			}
			cancel()
		}
	}
	if err := c.Confirm(t.Context(), name(0)); !errors.Is(err, client.ErrNotLive) {
		t.Errorf("confirm: %v", err)
	}
}
