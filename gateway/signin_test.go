package gateway_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// good lets in whoever presents "good".
func good() *door {
	return newDoor(map[string]auth.Principal{"good": {Subject: "key:good", Key: "good"}})
}

// signedIn is a policy for whoever signed in.
var signedIn = []gateway.Rule{{Who: gateway.Who{Everyone: true}, Allow: gateway.Allow{All: true}, Fields: presence.OutOfOffice}}

// Before sign-in nothing is answered but ping and authenticate, and no state leaves.
func TestSignInByMessage(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Door: good(), Policy: signedIn})
	w.set(0, "Busy")
	c, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	c.want(wire.Hello)
	for _, text := range []string{
		`{"type":"subscribe","id":1,"users":` + ids(0) + `}`, `{"type":"unsubscribe","id":1,"users":"*"}`, `{"type":"dance","id":1}`,
	} {
		c.send(text)
		if e := c.want(wire.Failure); e.Code != wire.Unauthenticated || e.ID != "1" {
			t.Errorf("%s: %+v", text, e)
		}
	}
	c.send(`{"type":"ping","id":2,"users":` + ids(0) + `}`)
	if p := c.want(wire.Pong); len(p.ObservedAt) != 0 {
		t.Errorf("pong %+v", p)
	}
	c.send(`{"type":"authenticate","id":3,"token":"good"}`)
	c.want(wire.Ack)
	c.want(wire.Status)
	if s := c.subscribe(0); len(s.Presences) != 1 {
		t.Errorf("snapshot %+v", s)
	}
	bad, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	bad.want(wire.Hello)
	bad.send(`{"type":"authenticate","id":3,"token":"bad"}`)
	if code := bad.ends(); code != 4401 {
		t.Errorf("closed with %d, want 4401", code)
	}
}

// Whoever cannot be judged now is not told that the token is bad, and keeps it: over HTTP there is a time to come back, and a
// WebSocket ends with a code after which clients do.
func TestUndecidedSignIn(t *testing.T) {
	d := good()
	d.away = map[string]error{"late": context.DeadlineExceeded, "outage": &auth.Refusal{Reason: auth.KeysUnavailable, Remedy: "try again"}}
	w := newWorld(t, 1, gateway.Options{Door: d, Policy: signedIn})
	for token := range d.away {
		for _, path := range []string{"/v1/presences/" + user(0).String(), "/v1/events?users=" + user(0).String(), "/v1/stats"} {
			a := w.call("GET", path, "", "Authorization", "Bearer "+token)
			if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.header.Get("WWW-Authenticate") != "" {
				t.Errorf("%s of %s: %d %v", path, token, a.status, a.header)
			}
		}
		if a := w.graph("GET", "/users/"+user(0).String()+"/presence", "", "Authorization", "Bearer "+token); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("the facade of %s: %d %v", token, a.status, a.header)
		}
		c, _, err := w.tryDial(as(token))
		if err != nil {
			t.Fatal(err)
		}
		if code := c.ends(); code != 1012 {
			t.Errorf("%s in the handshake: closed with %d, want 1012", token, code)
		}
		renewing := w.dial(as("good"))
		renewing.send(`{"type":"authenticate","id":1,"token":"` + token + `"}`)
		if code := renewing.ends(); code != 1012 {
			t.Errorf("%s in a message: closed with %d, want 1012", token, code)
		}
	}
}

func TestNoSignInInTime(t *testing.T) {
	inBubble(t, 1, gateway.Options{Door: good(), Policy: signedIn}, func(t *testing.T, w *world) {
		start := time.Now()
		c, _, err := w.tryDial()
		if err != nil {
			t.Fatal(err)
		}
		if code := c.ends(); code != 4408 {
			t.Errorf("closed with %d, want 4408", code)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("closed after %v", took)
		}
	})
}
