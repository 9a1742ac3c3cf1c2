package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// A ticket is issued to whoever signed in by token or key, and lets in once.
func TestTickets(t *testing.T) {
	d := good()
	d.anonymous = true
	w := newWorld(t, 1, gateway.Options{Door: d, Policy: signedIn})
	if a := w.call("POST", "/v1/tickets", ""); a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("anonymous: %d %s", a.status, a.body)
	}
	issue := func() string {
		a := w.call("POST", "/v1/tickets", "", "Authorization", "Bearer good")
		var issued struct {
			Ticket           string
			ExpiresInSeconds int
		}
		if err := json.Unmarshal([]byte(a.body), &issued); err != nil || issued.Ticket == "" || issued.ExpiresInSeconds != 30 || a.header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %s %v", a.status, a.body, a.header)
		}
		return issued.Ticket
	}
	ticket := strings.ReplaceAll(issue(), " ", "%20") // of the test's door, which is no token of HTTP
	if a := w.call("POST", "/v1/tickets", "", "Sec-WebSocket-Protocol", "ticket."+strings.ReplaceAll(ticket, "%20", " ")); a.status != http.StatusForbidden {
		t.Errorf("a ticket for a ticket: %d %s", a.status, a.body)
	}
	c, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	c.send(`{"type":"authenticate","id":1,"token":"` + issue() + `"}`)
	for c.next().Type != wire.Ack {
	}
	again, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	again.send(`{"type":"authenticate","id":1,"token":"ticket of key:good"}`)
	if code := again.ends(); code != 4401 {
		t.Errorf("used twice: closed with %d, want 4401", code)
	}
}

// The operator's figures are for operators.
func TestStatsAreForOperators(t *testing.T) {
	d := newDoor(map[string]auth.Principal{"role": {Subject: "user:t:1", Roles: []string{"Operator"}}, "key": {Subject: "key:Operator", Key: "Operator"},
		"other": {Subject: "user:t:2", Roles: []string{"operator", "Reader"}}, "sly": {Subject: "Operator"}})
	d.anonymous = true
	told := &gateway.Told{Reading: gateway.Reading{Limit: 1500, WindowSeconds: 30, Pace: 1}, Here: true}
	w := newWorld(t, 3, gateway.Options{Door: d, Policy: append(everyone, signedIn...), OperatorRole: "Operator",
		Reading: func(context.Context) *gateway.Told { return told }})
	w.set(0, "Busy")
	w.lose(1)
	for value, status := range map[string]int{"": 401, "bad": 401, "other": 403, "sly": 403, "role": 200, "key": 200} {
		header := []string{}
		if value != "" {
			header = []string{"Authorization", "Bearer " + value}
		}
		a := w.call("GET", "/v1/stats", "", header...)
		if a.status != status {
			t.Errorf("%q: %d %s", value, a.status, a.body)
		}
		settings := w.call("GET", "/v1/settings", "", header...)
		if offered := strings.Contains(settings.body, `"operator":true`); settings.status != http.StatusOK || offered != (status == http.StatusOK) {
			t.Errorf("%q: settings %d %s", value, settings.status, settings.body)
		}
		if status != http.StatusOK {
			continue
		}
		var s struct {
			Status struct{ State string }
			Budget struct{ Limit, WindowSeconds float64 }
			Ages   struct{ Held, Pending, Gone int }
		}
		if err := json.Unmarshal([]byte(a.body), &s); err != nil || s.Status.State != "live" || s.Budget.Limit != 1500 || s.Budget.WindowSeconds != 30 ||
			s.Ages.Held != 1 || s.Ages.Pending != 1 || s.Ages.Gone != 1 {
			t.Errorf("%s: %v", a.body, err)
		}
		if strings.Contains(a.body, user(0).String()) || strings.Contains(a.body, "Busy") {
			t.Errorf("names somebody: %s", a.body)
		}
	}
	w.server.Govern(signedIn, "Reader") // who operates is followed as rules are
	if a := w.call("GET", "/v1/stats", "", "Authorization", "Bearer role"); a.status != http.StatusForbidden {
		t.Errorf("no operator any longer: %d", a.status)
	}
	if a := w.call("GET", "/v1/stats", "", "Authorization", "Bearer other"); a.status != http.StatusOK {
		t.Errorf("the new one: %d", a.status)
	}
}

// lines is an audit log in memory.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
	err  error
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return 0, l.err
	}
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// The audit log tells who watched whom, and when that ended; not who was denied, and never what was seen.
func TestAudit(t *testing.T) {
	log := &lines{}
	w := newWorld(t, 3, gateway.Options{Door: good(), Audit: log,
		Policy: []gateway.Rule{{Who: gateway.Who{Everyone: true}, Allow: gateway.Allow{Users: []presence.ID{user(0), user(1)}}}}})
	w.setAll("Busy", 0, 1, 2)
	c := w.dial(as("good"))
	c.subscribe(0, 2)
	c.send(`{"type":"subscribe","id":2,"users":"*"}`)
	c.snapshot()
	c.send(`{"type":"unsubscribe","id":3,"users":` + ids(0) + `}`)
	c.want(wire.Ack)
	w.call("GET", "/v1/presences/"+user(1).String(), "", "Authorization", "Bearer good")
	w.call("GET", "/v1/presences/"+user(2).String(), "", "Authorization", "Bearer good")
	_ = c.ws.Close(websocket.StatusNormalClosure, "")
	eventually(t, "the end is noted", func() bool { return strings.Contains(log.String(), `"event":"end"`) })
	var got []string
	for line := range strings.Lines(log.String()) {
		var l struct {
			At                                  time.Time
			Event, Subject, Address, Connection string
			Everyone                            bool
			Users                               []presence.ID
		}
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Subject != "key:good" || l.Address != "127.0.0.1" || l.At.IsZero() ||
			(l.Connection == "") != (l.Event == "read") {
			t.Errorf("%s: %v", line, err)
		}
		entry := l.Event
		if l.Everyone {
			entry += " *"
		}
		for _, id := range l.Users {
			entry += " " + id.String()[35:]
		}
		got = append(got, entry)
	}
	if want := "watch 1, watch *, unwatch 1, read 2, end"; strings.Join(got, ", ") != want {
		t.Errorf("got %q, want %q", strings.Join(got, ", "), want)
	}
	if strings.Contains(log.String(), "Busy") {
		t.Errorf("it tells what was seen: %s", log.String())
	}
	log.mu.Lock()
	log.err = errors.New("disk full")
	log.mu.Unlock()
	if s := w.dial(as("good")).subscribe(0); len(s.Presences) != 1 {
		t.Errorf("a full disk: %+v", s)
	}
}

// Where no sign-in is asked for, a page whose name was made to point here is not let read what only its visitor reaches.
func TestRebinding(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Door: func() *door { d := good(); d.anonymous = true; return d }(), Policy: append(everyone, signedIn...)})
	w.set(0, "Busy")
	get := func(host string, header ...string) int {
		r, _ := http.NewRequest("GET", w.url("http", "/v1/presences/"+user(0).String()), nil)
		r.Host = host
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	for _, host := range []string{w.addr, "localhost:8080", "[::1]:8080", "10.1.2.3", "gateway:8080", "gateway.team.svc.cluster.local", "presence.corp.internal", "LOCALHOST"} {
		if status := get(host); status != http.StatusOK {
			t.Errorf("%s: %d", host, status)
		}
	}
	for _, host := range []string{"evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "evil.example.", "internal.evil", "EVIL.example"} {
		if status := get(host); status != http.StatusForbidden {
			t.Errorf("%s: %d", host, status)
		}
	}
	if status := get("presence.example", "Authorization", "Bearer good"); status != http.StatusOK {
		t.Errorf("whoever signed in was not led here by a trick: %d", status)
	}
}
