package gateway_test

import (
	"context"
	"errors"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// door lets in whoever presents "good".
func door(_ context.Context, c gateway.Credential) (gateway.Principal, error) {
	switch {
	case c.Kind == gateway.Nothing:
		return gateway.Principal{}, gateway.ErrSignInRequired
	case c.Value == "good":
		return gateway.Principal{Anonymous: true}, nil
	}
	return gateway.Principal{}, errors.New("bad token")
}

// Before sign-in nothing is answered but ping and authenticate, and no state leaves.
func TestSignInByMessage(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	w.server.SignInBy(door)
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
	if testing.Short() {
		t.Skip("takes five seconds")
	}
	t.Parallel()
	w := newWorld(t, 1, gateway.Options{})
	w.server.SignInBy(door)
	x := w.raw()
	if code := x.closed(); code != 4408 {
		t.Errorf("closed with %d, want 4408", code)
	}
}
