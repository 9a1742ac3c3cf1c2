package gateway_test

import (
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
