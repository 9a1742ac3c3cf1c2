package gateway_test

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// everyone is the policy of most tests.
var everyone = []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{All: true}, Fields: presence.OutOfOffice}}

// world is a gateway over a real hub, on a real listener.
type world struct {
	t      testing.TB
	hub    *hub.Hub
	server *gateway.Server
	addr   string
	secure *tls.Config  // for clients; nil: plain
	client *http.Client // for clients; nil: any
	stop   context.CancelFunc
	ended  sync.WaitGroup
	number atomic.Uint64

	registry  *prometheus.Registry
	described int // users
}

// newWorld starts one; the first `users` ids are watched.
func newWorld(t testing.TB, users int, o gateway.Options) *world {
	t.Helper()
	w := &world{t: t, hub: hub.New(hub.Options{})}
	w.describe(users)
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	w.registry = o.Metrics
	if o.Policy == nil {
		o.Policy = everyone
	}
	o.Anonymous = o.Door == nil
	if o.Drain == 0 {
		o.Drain = 2 * time.Second
	}
	var err error
	if w.server, err = gateway.New(w.hub, o); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.addr = l.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	w.stop = stop
	w.ended.Go(func() {
		if err := w.server.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	w.ended.Go(func() {
		if err := w.server.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(w.end)
	return w
}

func (w *world) end() {
	w.stop()
	w.ended.Wait()
	http.DefaultClient.CloseIdleConnections()
}

// loadedHub knows that nobody is watched.
func loadedHub() *hub.Hub {
	h := hub.New(hub.Options{})
	h.Describe(h.Directory())
	return h
}

func (w *world) describe(users int, groups ...presence.Group) {
	w.described = users
	all := make([]presence.ID, users)
	var people []presence.Person
	for i := range all {
		all[i] = user(i)
		people = append(people, presence.Person{ID: user(i), DisplayName: fmt.Sprintf("Person %d", i),
			Department: "Sales", Mail: fmt.Sprintf("person%d@example.com", i)})
	}
	w.hub.Describe(presence.NewDirectory(all, people, groups))
}

// user returns the id of user i.
func user(i int) (id presence.ID) {
	binary.BigEndian.PutUint32(id[12:], uint32(i)+1)
	id[0] = 0xfa
	return id
}

// set makes the tenant's answer for a user; the version rises.
func (w *world) set(i int, availability string) string { return w.setAll(availability, i) }

func (w *world) setAll(availability string, users ...int) string {
	now := time.Now()
	sequence := fmt.Sprintf("A%010d", w.number.Add(1))
	content := presence.Intern(presence.Facts{Availability: availability, Activity: availability, OutOfOffice: presence.False}, presence.OutOfOffice)
	var readings []presence.Reading
	for _, i := range users {
		readings = append(readings, presence.Reading{ID: user(i), Content: content, Sequence: sequence, Asked: now.Add(-time.Millisecond), Answered: now})
	}
	if _, err := w.hub.Observe(context.Background(), readings); err != nil {
		w.t.Error(err)
	}
	return sequence
}

// lose makes Graph not know a user.
func (w *world) lose(i int) {
	now := time.Now()
	_, _ = w.hub.Observe(context.Background(), []presence.Reading{{ID: user(i), Asked: now, Answered: now}})
}

func (w *world) url(scheme, path string) string {
	if w.secure != nil {
		scheme += "s"
	}
	return scheme + "://" + w.addr + path
}

// client is a real WebSocket client.
type client struct {
	t      testing.TB
	ws     *websocket.Conn
	number int
	beats  int

	patience time.Duration // for how long nothing but other things may come
}

// dial connects and reads hello and status.
func (w *world) dial(o ...func(*websocket.DialOptions)) *client {
	w.t.Helper()
	c, _, err := w.tryDial(o...)
	if err != nil {
		w.t.Fatal(err)
	}
	c.want(wire.Hello)
	c.want(wire.Status)
	return c
}

func (w *world) tryDial(o ...func(*websocket.DialOptions)) (*client, *http.Response, error) {
	options := &websocket.DialOptions{Subprotocols: []string{wire.Protocol}, HTTPHeader: http.Header{}}
	w.through(options)
	for _, set := range o {
		set(options)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	ws, response, err := websocket.Dial(ctx, w.url("ws", "/v1/stream"), options)
	if err != nil {
		return nil, response, err
	}
	ws.SetReadLimit(wire.MaxFrame)
	w.t.Cleanup(func() { _ = ws.CloseNow() })
	return &client{t: w.t, ws: ws, patience: w.patience()}, response, nil
}

// patience is short, but where time costs nothing.
func (w *world) patience() time.Duration {
	if w.client != nil {
		return 3 * time.Hour
	}
	return 15 * time.Second
}

// read returns the next message.
func (c *client) read() (m wire.Message, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, text, err := c.ws.Read(ctx)
	if err != nil {
		return m, err
	}
	describetest.Message(c.t, text)
	err = json.Unmarshal(text, &m)
	return m, err
}

// next returns the next message that is no heartbeat.
func (c *client) next() wire.Message {
	c.t.Helper()
	for start := time.Now(); ; {
		m, err := c.read()
		if err != nil {
			c.t.Fatalf("read: %v", err)
		}
		if m.Type != wire.Heartbeat {
			return m
		}
		if c.beats++; time.Since(start) > c.patience {
			c.t.Fatal("nothing but heartbeats")
		}
	}
}

func (c *client) want(kind string) wire.Message {
	c.t.Helper()
	m := c.next()
	if m.Type != kind {
		c.t.Fatalf("got %+v, want %s", m, kind)
	}
	return m
}

func (c *client) send(text string) {
	c.t.Helper()
	if err := c.ws.Write(context.Background(), websocket.MessageText, []byte(text)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

// subscribe asks for users, and returns the whole snapshot.
func (c *client) subscribe(users ...int) wire.Message {
	c.t.Helper()
	c.send(fmt.Sprintf(`{"type":"subscribe","id":%d,"users":%s}`, c.count(), ids(users...)))
	return c.snapshot()
}

func (c *client) count() int { c.number++; return c.number }

// snapshot reads all parts of a snapshot.
func (c *client) snapshot() wire.Message {
	c.t.Helper()
	all := c.want(wire.Snapshot)
	for last := all; last.More; {
		last = c.want(wire.Snapshot)
		all.Presences = append(all.Presences, last.Presences...)
		all.Pending = append(all.Pending, last.Pending...)
		all.Gone = append(all.Gone, last.Gone...)
		all.Denied = append(all.Denied, last.Denied...)
		all.Invalid = append(all.Invalid, last.Invalid...)
		for group, users := range last.Members {
			if all.Members == nil {
				all.Members = map[presence.ID][]presence.ID{}
			}
			all.Members[group] = append(all.Members[group], users...)
		}
	}
	return all
}

// ends reads until the connection ends and returns the close code.
func (c *client) ends() websocket.StatusCode {
	c.t.Helper()
	for start := time.Now(); ; {
		_, err := c.read()
		if err == nil {
			if time.Since(start) > c.patience {
				c.t.Fatal("it does not end")
			}
			continue
		}
		var closed websocket.CloseError
		if errors.As(err, &closed) {
			return closed.Code
		}
		c.t.Logf("ended by %v", err)
		return websocket.StatusAbnormalClosure
	}
}

// ids is a JSON list.
func ids(users ...int) string {
	var list []string
	for _, i := range users {
		list = append(list, `"`+user(i).String()+`"`)
	}
	return "[" + strings.Join(list, ",") + "]"
}

func upTo(n int) (list []int) {
	for i := range n {
		list = append(list, i)
	}
	return list
}

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
