package gateway_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// register answers for addresses that the directory does not name: far0@example.com is user 1000, and so on.
type register struct {
	mu    sync.Mutex
	asked []string // while there was time to ask
	slow  bool
}

func (r *register) resolve(ctx context.Context, addresses []string) map[string]presence.ID {
	r.mu.Lock()
	slow := r.slow
	if ctx.Err() == nil {
		r.asked = append(r.asked, addresses...)
	}
	r.mu.Unlock()
	if slow {
		<-ctx.Done()
	}
	found := map[string]presence.ID{}
	for _, mail := range addresses {
		n := 0
		switch _, err := fmt.Sscanf(mail, "far%d@", &n); {
		case err == nil && !slow:
			found[mail] = user(1000 + n)
		case ctx.Err() == nil:
			found[mail] = presence.ID{}
		}
	}
	return found
}

func (r *register) addresses() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.asked)
}

func TestAddressesOfUsersNobodyWatches(t *testing.T) {
	var r register
	w := newWorld(t, 2, gateway.Options{OnDemand: true, ReadWait: 300 * time.Millisecond, Resolve: r.resolve})
	w.setAll("Busy", 0, 1000)
	c := w.dial()
	c.send(`{"type":"subscribe","users":["person0@example.com","far0@example.com","Far1@example.com","none@example.com"]}`)
	s := c.want(wire.Snapshot)
	if s.Resolved["far0@example.com"] != user(1000) || len(s.Presences) != 2 || !slices.Equal(s.Invalid, []string{"Far1@example.com", "none@example.com"}) {
		t.Fatalf("snapshot %+v", s)
	}
	if asked := r.addresses(); slices.Contains(asked, "person0@example.com") || len(asked) != 3 {
		t.Errorf("asked for %v, of which the directory names one", asked)
	}
	w.set(1000, "Away")
	if d := c.want(wire.Delta); d.Presences[0].ID != user(1000) {
		t.Errorf("got %+v", d)
	}
	c.send(`{"type":"unsubscribe","users":["far0@example.com"]}`)
	c.want(wire.Ack)
	if n := w.hub.Watchers(user(1000)); n != 0 {
		t.Errorf("%d still watch after unsubscribing by address", n)
	}
	if a := w.call("GET", "/v1/presences?users=far0@example.com", ""); !strings.Contains(a.body, user(1000).String()) || !strings.Contains(a.body, `"Away"`) {
		t.Errorf("over HTTP: %s", a.body)
	}

	// One that cannot be found in time holds up nobody else for longer, and nothing else of the request.
	r.mu.Lock()
	r.slow = true
	r.mu.Unlock()
	began := time.Now()
	c.send(`{"type":"subscribe","users":["person1@example.com","far7@example.com"]}`)
	s = c.want(wire.Snapshot)
	if len(s.Resolved) != 1 || len(s.Invalid) != 1 || time.Since(began) > 5*time.Second {
		t.Errorf("after %v: %+v", time.Since(began), s)
	}
}

// Where one may not see everyone, or nobody is read on demand, an address tells nothing of who exists.
func TestAddressesAreNotLookedUpForWhoeverMayNotSeeEveryone(t *testing.T) {
	for name, o := range map[string]gateway.Options{
		"a narrow rule": {OnDemand: true, Policy: []gateway.Rule{{Who: gateway.Who{Anonymous: true}, Allow: gateway.Allow{Users: []presence.ID{user(1000)}}}}},
		"not on demand": {},
	} {
		t.Run(name, func(t *testing.T) {
			var r register
			o.Resolve, o.ReadWait = r.resolve, time.Second
			w := newWorld(t, 2, o)
			c := w.dial()
			c.send(`{"type":"subscribe","users":["far0@example.com","none@example.com"]}`)
			if s := c.want(wire.Snapshot); len(s.Invalid) != 2 || len(s.Resolved)+len(s.Denied) > 0 {
				t.Errorf("snapshot %+v", s)
			}
			if asked := r.addresses(); len(asked) > 0 {
				t.Errorf("asked for %v", asked)
			}
		})
	}
}

// Made-up addresses are counted like made-up ids: nobody has Graph asked for ever more of them.
func TestMadeUpAddressesAreNotLookedUpForEver(t *testing.T) {
	var r register
	w := newWorld(t, 2, gateway.Options{OnDemand: true, ReadWait: time.Second, Resolve: r.resolve, Limits: gateway.Limits{UnknownUsers: 10}})
	ask := func(name string, n int) wire.Message {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf(`"%s%d@example.com"`, name, i)
		}
		c := w.dial()
		c.send(`{"type":"subscribe","users":[` + strings.Join(list, ",") + `]}`)
		return c.snapshot()
	}
	ask("none", 500)
	if n := len(r.addresses()); n == 0 || n > 100 {
		t.Errorf("%d made-up addresses looked up at once", n)
	}
	before := len(r.addresses())
	if s := ask("far", 3); len(slices.Collect(maps.Keys(s.Resolved))) != 3 || len(r.addresses()) != before {
		t.Errorf("what is known already is answered still: %+v; asked for %d more", s.Resolved, len(r.addresses())-before)
	}
}
