package client_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/client"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// world is a real gateway over a real hub, whose connections can be cut and which can be started anew.
type world struct {
	t       testing.TB
	hub     *hub.Hub
	address string
	options gateway.Options
	number  uint64
	stop    func()

	mu    sync.Mutex
	conns []net.Conn
}

func newWorld(t testing.TB, users int, o gateway.Options) *world {
	t.Helper()
	w := &world{t: t, hub: hub.New(hub.Options{}), options: o, address: "127.0.0.1:0"}
	w.options.Anonymous = true
	w.options.Policy = []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{All: true}, Fields: presence.OutOfOffice}}
	w.options.Drain = time.Second
	w.describe(users)
	w.start()
	t.Cleanup(func() { w.stop() })
	return w
}

// start serves the hub, at the same address as before.
func (w *world) start() {
	server, err := gateway.New(w.hub, w.options)
	if err != nil {
		w.t.Fatal(err)
	}
	l, err := net.Listen("tcp", w.address)
	if err != nil {
		w.t.Fatal(err)
	}
	w.address = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := server.Run(ctx); err != nil {
			w.t.Error(err)
		}
	})
	running.Go(func() {
		if err := server.Serve(ctx, &tracked{l, w}); err != nil {
			w.t.Error(err)
		}
	})
	w.stop = func() { cancel(); running.Wait(); http.DefaultClient.CloseIdleConnections() }
}

// tracked notes the connections it takes.
type tracked struct {
	net.Listener
	w *world
}

func (l *tracked) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err == nil {
		l.w.mu.Lock()
		defer l.w.mu.Unlock()
		l.w.conns = append(l.w.conns, c)
	}
	return c, err
}

// cut ends all connections, without a word.
func (w *world) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

func (w *world) describe(users int, groups ...presence.Group) {
	var all []presence.ID
	var people []presence.Person
	for i := range users {
		all = append(all, user(i))
		people = append(people, presence.Person{ID: user(i), Mail: fmt.Sprintf("person%d@example.com", i)})
	}
	w.hub.Describe(presence.NewDirectory(all, people, groups))
}

func user(i int) (id presence.ID) {
	binary.BigEndian.PutUint32(id[12:], uint32(i)+1)
	id[0] = 0xfa
	return id
}

func name(i int) string { return user(i).String() }

// set makes the tenant's answer for users; an empty availability makes Graph not know them.
func (w *world) set(availability string, users ...int) {
	w.number++
	now := time.Now()
	var readings []presence.Reading
	for _, i := range users {
		r := presence.Reading{ID: user(i), Asked: now.Add(-time.Millisecond), Answered: now}
		if availability != "" {
			r.Content = presence.Intern(presence.Facts{Availability: availability, Activity: availability, OutOfOffice: presence.False}, presence.OutOfOffice)
			r.Sequence = fmt.Sprintf("A%010d", w.number)
		}
		readings = append(readings, r)
	}
	if _, err := w.hub.Observe(context.Background(), readings); err != nil {
		w.t.Error(err)
	}
}

func (w *world) client() *client.Client {
	c, err := client.New("http://"+w.address, client.Options{Backoff: client.Backoff{First: 10 * time.Millisecond, Most: 50 * time.Millisecond}})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// screen is what a consumer believes: the last of every event.
type screen struct {
	t      testing.TB
	client *client.Client
	events chan client.Event

	states  map[string]string // availability, or why there is none
	members map[string][]string
	mails   map[string]string
	status  client.Status
	refused []client.Refused
	count   int
}

// watch consumes in the background until the test ends.
func watch(t testing.TB, c *client.Client) *screen {
	s := &screen{t: t, client: c, events: make(chan client.Event), states: map[string]string{}, members: map[string][]string{}, mails: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer close(s.events)
		for event, err := range c.Events(ctx) {
			if err != nil {
				t.Error(err)
				return
			}
			select {
			case s.events <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return s
}

func (s *screen) take(event client.Event) {
	s.count++
	switch e := event.(type) {
	case client.Changed:
		s.states[e.Presence.ID] = string(e.Presence.Availability)
	case client.Absent:
		s.states[e.ID] = string(e.Why)
		if e.Why == client.Unwatched {
			delete(s.states, e.ID)
		}
	case client.Membership:
		all := slices.DeleteFunc(s.members[e.Group], func(id string) bool { return slices.Contains(e.Left, id) })
		s.members[e.Group] = append(all, e.Joined...)
		slices.Sort(s.members[e.Group])
	case client.Resolved:
		s.mails[e.Mail] = e.ID
	case client.Refused:
		s.refused = append(s.refused, e)
	case client.Status:
		s.status = e
	}
}

// until consumes until something holds.
func (s *screen) until(what string, holds func() bool) {
	s.t.Helper()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case event := <-s.events:
			s.take(event)
		case <-deadline:
			s.t.Fatalf("never: %s; the screen shows %v, members %v, %+v", what, s.states, s.members, s.status)
		}
	}
}

// shows waits until the screen shows exactly this: availabilities or absences by the number of the user.
func (s *screen) shows(want string) {
	s.t.Helper()
	s.until("shows "+want, func() bool {
		var got []string
		for id, state := range s.states {
			var n presence.ID
			if n.UnmarshalText([]byte(id)) == nil && n[0] == 0xfa {
				id = fmt.Sprint(binary.BigEndian.Uint32(n[12:]) - 1)
			}
			got = append(got, id+" "+state)
		}
		slices.Sort(got)
		return strings.Join(got, ", ") == want
	})
}
