package gateway_test

import (
	"context"
	"maps"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// door lets in whom it knows, by what they present. The real one is tested beside it, and with the gateway in the
// command's tests.
type door struct {
	anonymous bool

	mu      sync.Mutex
	known   map[string]auth.Principal
	tickets map[string]auth.Principal
	away    map[string]error // what is said of them that can be judged by nobody now
	changed chan struct{}
}

func newDoor(known map[string]auth.Principal) *door {
	d := &door{known: map[string]auth.Principal{}, tickets: map[string]auth.Principal{}}
	maps.Copy(d.known, known)
	return d
}

func (d *door) Authenticate(_ context.Context, c auth.Credential) (auth.Principal, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch p, found := d.known[c.Value]; {
	case d.away[c.Value] != nil:
		return auth.Principal{}, d.away[c.Value]
	case c.Kind == auth.Nothing && d.anonymous:
		return auth.Principal{Anonymous: true}, nil
	case c.Kind == auth.Nothing:
		return auth.Principal{}, auth.ErrSignInRequired
	case found:
		return p, nil
	}
	p, found := d.tickets[c.Value]
	if !found {
		return p, &auth.Refusal{Reason: auth.Malformed, Remedy: "present what is known"}
	}
	delete(d.tickets, c.Value)
	return p, nil
}

func (d *door) Ticket(p auth.Principal) (string, time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tickets["ticket of "+p.Subject] = p
	return "ticket of " + p.Subject, 30 * time.Second
}

func (d *door) Stands(p auth.Principal) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, other := range d.known {
		if other.Subject == p.Subject {
			return true
		}
	}
	return p.Anonymous && d.anonymous
}

func (d *door) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.changed == nil { // made by the server, whose bubble it belongs to
		d.changed = make(chan struct{})
	}
	return d.changed
}

// set makes p whoever presents value.
func (d *door) set(value string, p auth.Principal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.known[value] = p
}

// withdraw makes value good for nobody.
func (d *door) withdraw(value string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.known, value)
	close(d.changed)
	d.changed = nil
}

// as presents value in the handshake.
func as(value string) func(*websocket.DialOptions) {
	return func(o *websocket.DialOptions) { o.HTTPHeader = http.Header{"Authorization": {"Bearer " + value}} }
}
