package gateway_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// until is a caller whose sign-in ends after a while.
func until(subject string, life time.Duration, roles ...string) auth.Principal {
	return auth.Principal{Subject: subject, Roles: roles, Expires: time.Now().Add(life)}
}

// A client is asked to renew before its sign-in ends; it may on the same connection, and is closed with 4401 soon after
// the end if it does not.
func TestSignInEnds(t *testing.T) {
	for _, row := range []struct{ life, warned time.Duration }{{time.Hour, 55 * time.Minute}, {20 * time.Second, 15 * time.Second}} {
		t.Run(row.life.String(), func(t *testing.T) {
			d := newDoor(nil)
			inBubble(t, 1, gateway.Options{Door: d, Policy: signedIn, Heartbeat: 5 * time.Second}, func(t *testing.T, w *world) {
				d.set("a", until("user:t:a", row.life))
				start := time.Now()
				c := w.dial(as("a"))
				e := c.want(wire.Expiring)
				if at := time.Since(start); at < row.warned || at > row.warned+time.Second || e.InSeconds != int((row.life-row.warned)/time.Second) {
					t.Errorf("after %v: expiring in %d s", at, e.InSeconds)
				}
				d.set("b", until("user:t:a", row.life))
				renewed := time.Now()
				c.send(`{"type":"authenticate","id":7,"token":"b"}`)
				if a := c.want(wire.Ack); a.ID != "7" {
					t.Errorf("ack %+v", a)
				}
				c.want(wire.Expiring)
				if at := time.Since(renewed); at < row.warned || at > row.warned+time.Second {
					t.Errorf("asked again after %v", at)
				}
				if code := c.ends(); code != 4401 {
					t.Errorf("closed with %d, want 4401", code)
				}
				if at := time.Since(renewed); at < row.life || at > row.life+time.Minute {
					t.Errorf("closed after %v", at)
				}
			})
		})
	}
}

// Clocks are set, and machines sleep: the end of a sign-in is by the clock, not by how long the process ran.
func TestSignInEndedLongAgo(t *testing.T) {
	d := newDoor(map[string]auth.Principal{})
	w := newWorld(t, 1, gateway.Options{Door: d, Policy: signedIn})
	d.set("old", until("user:t:a", -time.Minute))
	c, _, err := w.tryDial(as("old"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := c.read(); websocket.CloseStatus(err) != 4401 { // and not let in for a moment
		t.Errorf("got %+v, %v", m, err)
	}
}

// Only the same subject renews; an anonymous caller may sign in.
func TestAnotherSubject(t *testing.T) {
	d := newDoor(map[string]auth.Principal{"a": {Subject: "user:t:a"}, "b": {Subject: "user:t:b"}})
	d.anonymous = true
	w := newWorld(t, 2, gateway.Options{Door: d, Policy: append([]gateway.Rule{{Who: gateway.Who{Anonymous: true},
		Allow: gateway.Allow{Users: []presence.ID{user(1)}}, Fields: presence.OutOfOffice}}, gateway.Rule{Who: gateway.Who{Subjects: []string{"user:t:a"}},
		Allow: gateway.Allow{Users: []presence.ID{user(0), user(1)}}, Fields: presence.OutOfOffice})})
	w.setAll("Busy", 0, 1)
	c := w.dial()
	if s := c.subscribe(0, 1); len(s.Denied) != 1 || len(s.Presences) != 1 {
		t.Errorf("anonymous: %+v", s)
	}
	c.send(`{"type":"authenticate","id":2,"token":"a"}`)
	c.want(wire.Ack)
	if s := c.subscribe(0, 1); len(s.Denied) != 0 || len(s.Presences) != 1 {
		t.Errorf("signed in: %+v", s)
	}
	c.send(`{"type":"authenticate","id":3,"token":"b"}`)
	if code := c.ends(); code != 4403 {
		t.Errorf("closed with %d, want 4403", code)
	}
	n := w.dial() // who sees more as nobody than as somebody
	n.subscribe(1)
	n.send(`{"type":"authenticate","id":3,"token":"b"}`)
	n.want(wire.Ack)
	if g := n.want(wire.Gone); len(g.Users) != 1 || g.Users[0] != user(1) || g.Reason != wire.Unwatched {
		t.Errorf("judged again: %+v", g)
	}
	if code := n.ends(); code != 1012 {
		t.Errorf("closed with %d, want 1012", code)
	}
}

// A key that is withdrawn ends its connections at once, and no others.
func TestKeyWithdrawn(t *testing.T) {
	d := newDoor(map[string]auth.Principal{"a": {Subject: "key:a", Key: "a"}, "b": {Subject: "key:b", Key: "b"}})
	w := newWorld(t, 1, gateway.Options{Door: d, Policy: signedIn})
	a, b := w.dial(as("a")), w.dial(as("b"))
	d.withdraw("a")
	if code := a.ends(); code != 4401 {
		t.Errorf("closed with %d, want 4401", code)
	}
	b.send(`{"type":"ping"}`)
	b.want(wire.Pong)
}

// A key withdrawn between the look at it and the sign-in is caught.
func TestKeyWithdrawnAtTheDoor(t *testing.T) {
	d := newDoor(map[string]auth.Principal{"a": {Subject: "key:a", Key: "a"}})
	w := newWorld(t, 1, gateway.Options{Door: fallen{d}, Policy: signedIn})
	c, _, err := w.tryDial(as("a"))
	if err != nil {
		t.Fatal(err)
	}
	if code := c.ends(); code != 4401 {
		t.Errorf("closed with %d, want 4401", code)
	}
}

// fallen lets in who no longer stands.
type fallen struct{ *door }

func (fallen) Stands(auth.Principal) bool { return false }

func TestConnectionsOfOneSubject(t *testing.T) {
	d := newDoor(map[string]auth.Principal{"a": {Subject: "user:t:a"}, "a2": {Subject: "user:t:a"}, "b": {Subject: "user:t:b"}})
	d.anonymous = true
	w := newWorld(t, 1, gateway.Options{Door: d, Policy: append(everyone, signedIn...), Limits: gateway.Limits{ConnectionsPerSubject: 2}})
	first := w.dial(as("a"))
	second := w.dial()
	second.send(`{"type":"authenticate","token":"a2"}`)
	second.want(wire.Ack)
	for _, third := range []func(*websocket.DialOptions){as("a"), as("a2")} {
		c, _, err := w.tryDial(third)
		if err != nil {
			t.Fatal(err)
		}
		if code := c.ends(); code != 4429 {
			t.Errorf("closed with %d, want 4429", code)
		}
	}
	late := w.dial()
	late.send(`{"type":"authenticate","token":"a"}`)
	if code := late.ends(); code != 4429 {
		t.Errorf("closed with %d, want 4429", code)
	}
	second.send(`{"type":"authenticate","token":"a"}`) // a renewal takes no further place
	second.want(wire.Ack)
	w.dial(as("b"))
	for range 5 {
		w.dial()
	}
	_ = first.ws.Close(websocket.StatusNormalClosure, "")
	eventually(t, "the place is free again", func() bool {
		c, _, err := w.tryDial(as("a"))
		if err != nil {
			return false
		}
		m, err := c.read()
		return err == nil && m.Type == wire.Hello
	})
}

// Connections that do not sign in are few from one address, and soon ended. Others come in meanwhile.
func TestIdleStrangers(t *testing.T) {
	inBubble(t, 1, gateway.Options{Door: good(), Policy: signedIn}, func(t *testing.T, w *world) {
		start, codes := time.Now(), make(chan websocket.StatusCode)
		const strangers = 2000
		for range strangers {
			c, _, err := w.tryDial()
			if err != nil {
				t.Fatal(err)
			}
			go func() { codes <- c.ends() }()
		}
		w.dial(as("good"))
		synctest.Wait()
		count := map[websocket.StatusCode]int{}
		for range strangers {
			count[<-codes]++
		}
		if count[4408] != 500 || count[4429] != 1500 {
			t.Errorf("closed with %v", count)
		}
		if took := time.Since(start); took > 6*time.Second {
			t.Errorf("the last was closed after %v", took)
		}
		late, _, err := w.tryDial()
		if err != nil {
			t.Fatal(err)
		}
		late.want(wire.Hello)
		late.send(`{"type":"authenticate","token":"good"}`)
		late.want(wire.Ack)
	})
}

// Before the sign-in a message may be as long as a token needs.
func TestLongMessageOfAStranger(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Door: good(), Policy: signedIn})
	x := w.raw()
	x.write(frame(0x81, fmt.Sprintf(`{"type":"ping","x":"%0*d"}`, 70<<10, 0)))
	if code := x.closed(); code != 1009 {
		t.Errorf("closed with %d, want 1009", code)
	}
}

// Over HTTP a bad sign-in is told what to do, and nothing else.
func TestBadSignInOverHTTP(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Door: good(), Policy: signedIn})
	w.set(0, "Busy")
	for value, status := range map[string]int{"": http.StatusUnauthorized, "Bearer bad": http.StatusUnauthorized, "Basic good": http.StatusUnauthorized, "Bearer good": http.StatusOK} {
		r, _ := http.NewRequest("GET", w.url("http", "/v1/presences/"+user(0).String()), nil)
		if value != "" {
			r.Header.Set("Authorization", value)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		describetest.Answer(t, "GET", r.URL.Path, response.StatusCode, response.Header, body)
		if response.StatusCode != status || (status == http.StatusUnauthorized) != (response.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%q: %s %v", value, response.Status, response.Header)
		}
	}
}
