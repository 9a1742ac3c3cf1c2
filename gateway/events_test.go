package gateway_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// events is a client of a stream of events.
type events struct {
	t        testing.TB
	response *http.Response
	lines    *bufio.Scanner
	id       string // of the last event that had one
	retry    string
	comments []string
	cancel   context.CancelFunc
}

// event is one event as it came.
type event struct {
	kind, id string
	wire.Message
}

func (w *world) listen(query string, header ...string) *events {
	w.t.Helper()
	return w.listenBy(http.DefaultClient, "GET", "/v1/events?"+query, "", header...)
}

func (w *world) listenBy(client *http.Client, method, path, body string, header ...string) *events {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second) // far longer than any of these streams
	w.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, w.url("http", path), strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { response.Body.Close() })
	describetest.Answer(w.t, method, path, response.StatusCode, response.Header, nil)
	h := response.Header
	if response.StatusCode != 200 || h.Get("Content-Type") != "text/event-stream" || !strings.Contains(h.Get("Cache-Control"), "no-cache") || h.Get("X-Accel-Buffering") != "no" {
		w.t.Fatalf("%d %v", response.StatusCode, h)
	}
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	return &events{t: w.t, response: response, lines: lines, cancel: cancel}
}

// read returns the next event; false at the end.
func (e *events) read() (got event, more bool) {
	e.t.Helper()
	data := ""
	for e.lines.Scan() {
		name, value, _ := strings.Cut(e.lines.Text(), ": ")
		switch {
		case name == "event":
			got.kind = value
		case name == "data":
			data = value
		case name == "id":
			got.id, e.id = value, value
		case name == "retry":
			e.retry = value
		case strings.HasPrefix(e.lines.Text(), ":"):
			e.comments = append(e.comments, e.lines.Text())
		case e.lines.Text() == "" && data != "":
			if err := json.Unmarshal([]byte(data), &got.Message); err != nil || got.kind != got.Type {
				e.t.Fatalf("event %s: %v in %s", got.kind, err, data)
			}
			describetest.Event(e.t, got.kind, []byte(data))
			return got, true
		case e.lines.Text() != "":
			e.t.Fatalf("a line that is no field: %q", e.lines.Text())
		}
	}
	return got, false
}

// next returns the next event that is no heartbeat.
func (e *events) next() event {
	e.t.Helper()
	for {
		got, more := e.read()
		if !more {
			e.t.Fatalf("the stream ended: %v", e.lines.Err())
		}
		if got.kind != wire.Heartbeat {
			return got
		}
	}
}

func (e *events) want(kind string) event {
	e.t.Helper()
	got := e.next()
	if got.kind != kind {
		e.t.Fatalf("got %+v, want %s", got, kind)
	}
	return got
}

// begin reads the status and the whole snapshot.
func (e *events) begin() event {
	e.t.Helper()
	e.want(wire.Status)
	all := e.want(wire.Snapshot)
	for last := all; last.More; {
		last = e.want(wire.Snapshot)
		all.Presences = append(all.Presences, last.Presences...)
		all.id = last.id
	}
	if all.id == "" {
		e.t.Fatalf("the snapshot says no position")
	}
	return all
}

// leave ends the stream from the client's side, and waits until the server knows.
func (e *events) leave(w *world, open int) {
	e.t.Helper()
	e.cancel()
	eventually(e.t, "the server knows that a stream was left", func() bool { return w.connections() == open })
}

// connections is how many are open, as the operator sees it.
func (w *world) connections() int {
	w.t.Helper()
	families, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "presence_connections" {
			return int(f.GetMetric()[0].GetGauge().GetValue())
		}
	}
	w.t.Fatal("no presence_connections")
	return 0
}

func users(list ...int) string {
	var names []string
	for _, i := range list {
		names = append(names, user(i).String())
	}
	return "users=" + strings.Join(names, ",")
}

func availability(e event) string {
	var list []string
	for _, p := range e.Presences {
		list = append(list, fmt.Sprint(p.ID[15], p.Availability))
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestEvents(t *testing.T) {
	w := newWorld(t, 4, gateway.Options{Heartbeat: 50 * time.Millisecond, Policy: []gateway.Rule{{Who: gateway.Who{Anonymous: true},
		Allow: gateway.Allow{Users: []presence.ID{user(0), user(1), user(2)}}, Fields: presence.OutOfOffice}}})
	w.set(0, "Busy")
	w.lose(1)
	for _, method := range []string{"GET", "POST"} {
		path, body := "/v1/events?"+users(0, 1, 2, 3)+",nobody", ""
		if method == "POST" {
			path, body = "/v1/events", `{"users":[`+strings.Trim(ids(0, 1, 2, 3), "[]")+`,"nobody"]}`
		}
		e := w.listenBy(http.DefaultClient, method, path, body)
		s := e.begin()
		if availability(s) != "1Busy" || !slices.Equal(s.Gone, []presence.ID{user(1)}) || !slices.Equal(s.Pending, []presence.ID{user(2)}) ||
			!slices.Equal(s.Denied, []presence.ID{user(3)}) || !slices.Equal(s.Invalid, []string{"nobody"}) || e.retry == "" {
			t.Errorf("snapshot %+v", s)
		}
		w.set(2, "Away")
		if d := e.want(wire.Delta); availability(d) != "3Away" || d.id == "" || d.id == s.id {
			t.Errorf("delta %+v", d)
		}
		w.lose(2)
		if g := e.want(wire.Gone); !slices.Equal(g.Users, []presence.ID{user(2)}) || g.Reason != wire.Unknown || g.id == "" {
			t.Errorf("gone %+v", g)
		}
		w.hub.Report(presence.Status{Reason: presence.Throttled, Since: time.Now()})
		if s := e.want(wire.Status); s.State != "degraded" || s.Message.Reason != "throttled" {
			t.Errorf("status %+v", s)
		}
		w.hub.Report(presence.Status{})
		e.want(wire.Status)
		for {
			beat, more := e.read()
			if beat.kind == wire.Heartbeat {
				if beat.At.IsZero() || beat.Oldest.IsZero() || beat.Oldest.After(beat.At) {
					t.Errorf("heartbeat %+v", beat)
				}
				break
			}
			if !more {
				t.Fatal("no heartbeat")
			}
		}
		e.leave(w, 0)
		w.hub.Forget([]presence.ID{user(2)}) // as at first
	}
}

// settle waits until the server judges by what the hub describes.
func (w *world) settle(groups ...presence.Group) {
	w.t.Helper()
	before := w.server.Epoch()
	w.describe(w.described, groups...)
	eventually(w.t, "the directory is followed", func() bool { now := w.server.Epoch(); return now > before && now%2 == 0 })
}

// What changed while a client was away it gets when it comes back, and nothing else.
func TestEventsResume(t *testing.T) {
	w := newWorld(t, 6, gateway.Options{})
	w.setAll("Available", 0, 1, 2, 3)
	e := w.listen(users(0, 1, 2, 3))
	s := e.begin()
	w.set(0, "Busy")
	d := e.want(wire.Delta)
	e.leave(w, 0)
	w.set(1, "Away")
	w.set(1, "BeRightBack")
	w.lose(2)

	e = w.listen(users(3, 2, 1, 0), "Last-Event-ID", d.id) // in whatever order they are named
	e.want(wire.Status)
	if d := e.want(wire.Delta); availability(d) != "2BeRightBack" {
		t.Errorf("after the delta: %+v", d)
	}
	if g := e.want(wire.Gone); !slices.Equal(g.Users, []presence.ID{user(2)}) {
		t.Errorf("after the delta: %+v", g)
	}
	w.set(3, "Busy")
	if d := e.want(wire.Delta); availability(d) != "4Busy" {
		t.Errorf("later: %+v", d)
	}
	e.leave(w, 0)
	e = w.listen(users(0, 1, 2, 3), "Last-Event-ID", s.id)
	e.want(wire.Status)
	if d := e.want(wire.Delta); availability(d) != "1Busy 2BeRightBack 4Busy" {
		t.Errorf("after the snapshot: %+v", d)
	}
	e.want(wire.Gone)
	last := e.id
	e.leave(w, 0)

	e = w.listen(users(0, 1, 2, 3), "Last-Event-ID", last) // nothing happened
	e.want(wire.Status)
	w.set(0, "Away")
	if d := e.want(wire.Delta); availability(d) != "1Away" {
		t.Errorf("nothing had happened: %+v", d)
	}
	last = e.id
	e.leave(w, 0)

	whole := func(what, query, id string) {
		t.Helper()
		e := w.listen(query, "Last-Event-ID", id)
		e.begin()
		e.leave(w, 0)
	}
	part := strings.Split(last, "-")
	if len(part) != 4 {
		t.Fatalf("position %q", last)
	}
	altered := func(i int, value string) string {
		other := slices.Clone(part)
		other[i] = value
		return strings.Join(other, "-")
	}
	whole("no position", users(0, 1, 2, 3), "nothing")
	whole("of another process", users(0, 1, 2, 3), altered(0, "other"))
	whole("ahead of this process", users(0, 1, 2, 3), altered(1, "zzzzzz"))
	whole("no number", users(0, 1, 2, 3), altered(1, "-1"))
	whole("of others", users(0, 1, 2, 3), altered(3, "1"))
	whole("more are watched", users(0, 1, 2, 3, 4), last)
	whole("fewer are watched", users(0, 1, 2), last)
	w.hub.Forget([]presence.ID{user(3)})
	whole("somebody is not read", users(0, 1, 2, 3), last)
	w.set(3, "Busy")
	w.settle()
	whole("judged by another directory", users(0, 1, 2, 3), last)
}

func TestEventsOfGroups(t *testing.T) {
	team, secret := user(1000), user(1001)
	members := func(ids ...presence.ID) presence.Group {
		return presence.Group{ID: team, DisplayName: "Team", Members: ids}
	}
	w := newWorld(t, 4, gateway.Options{})
	w.setAll("Available", 0, 1, 2, 3)
	w.settle(members(user(0), user(1)))
	e := w.listen("groups=" + team.String() + "," + secret.String())
	s := e.begin()
	if availability(s) != "1Available 2Available" || len(s.Members[team]) != 2 || !slices.Equal(s.Denied, []presence.ID{secret}) {
		t.Errorf("snapshot %+v", s)
	}
	w.describe(4, members(user(1), user(2)))
	moved := e.want(wire.Delta)
	if !slices.Equal(moved.Joined[team], []presence.ID{user(2)}) || !slices.Equal(moved.Left[team], []presence.ID{user(0)}) {
		t.Errorf("moved %+v", moved)
	}
	if g := e.want(wire.Gone); !slices.Equal(g.Users, []presence.ID{user(0)}) || g.Reason != wire.Unwatched {
		t.Errorf("gone %+v", g)
	}
	if d := e.want(wire.Delta); availability(d) != "3Available" {
		t.Errorf("joined %+v", d)
	}
	all := w.listen("users=*")
	if s := all.begin(); len(s.Presences) != 4 {
		t.Errorf("everyone: %+v", s)
	}
}

// Rights that are narrowed act on a stream as on any connection.
func TestEventsFollowRights(t *testing.T) {
	w := newWorld(t, 3, gateway.Options{})
	w.setAll("Available", 0, 1, 2)
	e := w.listen(users(0, 1))
	e.begin()
	rule := gateway.Rule{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(0)}}, Fields: presence.OutOfOffice}
	w.server.Govern([]gateway.Rule{rule}, "")
	if g := e.want(wire.Gone); !slices.Equal(g.Users, []presence.ID{user(1)}) || g.Reason != wire.Unwatched {
		t.Errorf("gone %+v", g)
	}
	rule.Fields = 0
	w.server.Govern([]gateway.Rule{rule}, "")
	for {
		got, more := e.read()
		if !more {
			break
		}
		if got.kind != wire.Heartbeat {
			t.Errorf("got %+v", got)
		}
	}
	if len(e.comments) != 1 || !strings.HasPrefix(e.comments[0], ": 1012 ") || e.retry == "" {
		t.Errorf("the end says %q, retry %q", e.comments, e.retry)
	}
}

func TestEventsRefused(t *testing.T) {
	w := newWorld(t, 3, gateway.Options{Limits: gateway.Limits{Connections: 1, UsersPerConnection: 2}})
	for _, row := range []struct {
		method, path, body string
		status             int
		header             []string
	}{
		{"GET", "/v1/events", "", 400, nil},
		{"GET", "/v1/events?" + users(0, 1, 2), "", 400, nil},
		{"GET", "/v1/events?token=x&" + users(0), "", 400, nil},
		{"GET", "/v1/events?" + users(0), "", 401, []string{"Authorization", "Bearer canary"}},
		{"GET", "/v1/events?" + users(0), "", 403, []string{"Origin", "https://evil.example.com"}},
		{"POST", "/v1/events", `{`, 400, nil},
		{"POST", "/v1/events", `{"users":[]}`, 415, []string{"Content-Type", "application/xml"}},
		{"PUT", "/v1/events", ``, 405, nil},
	} {
		if a := w.call(row.method, row.path, row.body, row.header...); a.status != row.status || strings.Contains(a.body, "canary") {
			t.Errorf("%s %s: %+v", row.method, row.path, a)
		}
	}
	if a := w.call("HEAD", "/v1/events?"+users(0), ""); a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("HEAD: %+v", a)
	}
	if n := w.connections(); n != 0 {
		t.Errorf("%d connections are left of those refused", n)
	}
	e := w.listen(users(0))
	e.want(wire.Status)
	if n := w.connections(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
	if a := w.call("GET", "/v1/events?"+users(0), ""); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("one too many: %+v", a)
	}
	e.leave(w, 0)
	w.listen(users(0)).want(wire.Status)
}

// A reader that stops gets the newest states when it reads on, costs little meanwhile, and is left when it never does.
func TestEventsOfASlowReader(t *testing.T) {
	const n = 2000
	w := newWorld(t, n, gateway.Options{Stall: 2 * time.Second})
	w.setAll("Available", upTo(n)...)
	open := func() net.Conn {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.(*net.TCPConn).SetReadBuffer(32 << 10)
		fmt.Fprintf(c, "GET /v1/events?users=* HTTP/1.1\r\nHost: %s\r\n\r\n", w.addr)
		return c
	}
	pausing := open()
	open() // never reads
	eventually(t, "both are there", func() bool { return w.connections() == 2 })
	before, words := memoryNow(), []string{"Busy", "Away"}
	for round := range 40 { // 20 MB for each reader that reads
		w.setAll(words[round%2], upTo(n)...)
		time.Sleep(5 * time.Millisecond)
	}
	last := w.setAll("DoNotDisturb", upTo(n)...)
	if grown := memoryNow() - before; grown > 80<<20 {
		t.Errorf("two readers that take nothing cost %d bytes", grown)
	}
	r, err := http.ReadResponse(bufio.NewReader(pausing), nil)
	if err != nil {
		t.Fatal(err)
	}
	newest, bytes := map[string]string{}, 0
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 1<<20)
	for len(newest) < n && lines.Scan() {
		bytes += len(lines.Bytes())
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		var m wire.Message
		if err := json.Unmarshal([]byte(data), &m); err != nil {
			t.Fatal(err)
		}
		for _, p := range m.Presences {
			if strings.HasSuffix(p.Version, "."+last) {
				newest[p.ID.String()] = p.Version
			}
		}
	}
	if len(newest) < n {
		t.Errorf("%d of %d newest states came: %v", len(newest), n, lines.Err())
	}
	if bytes > 3<<20 {
		t.Errorf("the pausing reader got %d bytes: no conflation", bytes)
	}
	pausing.Close()
	eventually(t, "the reader that never reads is left", func() bool { return w.connections() == 0 })
}

// Draining ends a stream, and says when to come back.
func TestEventsDrain(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Drain: 5 * time.Second})
	e := w.listen(users(0))
	e.begin()
	first := e.retry
	go w.stop()
	for more := true; more; {
		_, more = e.read()
	}
	if e.lines.Err() != nil || e.retry == first || len(e.comments) != 1 || !strings.HasPrefix(e.comments[0], ": 1012 ") {
		t.Errorf("ended by %v, retry %s, saying %q", e.lines.Err(), e.retry, e.comments)
	}
	w.ended.Wait()
}

// Behind any server, its deadlines for requests are not those of a stream.
func TestEventsOutliveDeadlines(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	w.set(0, "Busy")
	other := httptest.NewUnstartedServer(w.server.Handler())
	other.Config.ReadTimeout, other.Config.WriteTimeout = 200*time.Millisecond, 200*time.Millisecond
	other.Start()
	defer other.Close()
	w.addr = other.Listener.Addr().String()
	e := w.listen(users(0))
	defer e.cancel()
	e.begin()
	for round := range 4 {
		time.Sleep(150 * time.Millisecond) // past both of them
		word := fmt.Sprint("Word", round)
		w.set(0, word)
		if d := e.want(wire.Delta); availability(d) != "1"+word {
			t.Errorf("got %+v", d)
		}
	}
}
