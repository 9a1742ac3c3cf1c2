package redis_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// detour is a way to a server on which what is written can be held up, though its writer has given up.
type detour struct {
	mu    sync.Mutex
	holds bool
	held  net.Conn // of which something is held up
	bytes []byte
}

func (d *detour) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, addr)
	return detoured{c, d}, err
}

func (d *detour) hold(holds bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.holds = holds
}

// arrive has what was held up reach the server, and returns the first bytes of its answer.
func (d *detour) arrive(t *testing.T) string {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held == nil {
		t.Fatal("nothing was held up")
	}
	defer d.held.Close()
	if err := d.held.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := d.held.Write(d.bytes); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, len(":1\r\n"))
	if _, err := io.ReadFull(d.held, answer); err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

type detoured struct {
	net.Conn
	d *detour
}

func (c detoured) Write(b []byte) (int, error) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if !c.d.holds {
		return c.Conn.Write(b)
	}
	c.d.held = c.Conn
	c.d.bytes = append(c.d.bytes, b...)
	return len(b), nil
}

func (c detoured) Close() error {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.d.held == c.Conn {
		return nil
	}
	return c.Conn.Close()
}

// A record that reaches Redis after a later one, when its writer has long given up, takes nothing back: a pause that
// Graph asked for stays.
func TestRecordThatComesLate(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{})
	var way detour
	s := open(t, redis.Options{Addrs: []string{server.Addr}, Dial: way.dial})
	fence, err := s.Acquire(t.Context(), "first", 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveBudget(t.Context(), fence, []byte("open")); err != nil {
		t.Fatal(err)
	}
	way.hold(true)
	if err := s.SaveBudget(t.Context(), fence, []byte("open still")); err == nil {
		t.Fatal("a save that did not arrive is said to be done")
	}
	way.hold(false)
	if err := s.SaveBudget(t.Context(), fence, []byte("paused")); err != nil {
		t.Fatal(err)
	}
	answer := way.arrive(t)
	if record, _, err := s.LoadBudget(t.Context(), fence); string(record) != "paused" || err != nil {
		t.Errorf("after a late save, which was answered %q, there is the record %q, %v", answer, record, err)
	}

	// Another term counts anew.
	if err := s.Release(t.Context(), fence); err != nil {
		t.Fatal(err)
	}
	other := open(t, redis.Options{Addrs: []string{server.Addr}})
	if fence, err = other.Acquire(t.Context(), "second", 0, time.Minute); err != nil {
		t.Fatal(err)
	}
	if err := other.SaveBudget(t.Context(), fence, []byte("next")); err != nil {
		t.Fatal(err)
	}
	if record, _, err := other.LoadBudget(t.Context(), fence); string(record) != "next" || err != nil {
		t.Errorf("in the next term there is the record %q, %v", record, err)
	}
}

// A server that does not say which life of it this is keeps records, and each counts as one that may be old.
func TestRecordWhereTheServerTellsNothing(t *testing.T) {
	t.Parallel()
	user := strings.Replace(documented(t, "acl")[0], " +info ", " ", 1)
	server := redistest.Standalone(t, redistest.Options{Users: []string{user}})
	s := open(t, as(redis.Options{Addrs: []string{server.Addr}}, "poller"))
	fence, err := s.Acquire(t.Context(), "first", 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.SaveBudget(t.Context(), fence, []byte("spent")); err != nil {
		t.Fatal(err)
	}
	if record, _, err := s.LoadBudget(t.Context(), fence); string(record) != "spent" || !errors.Is(err, fleet.ErrForeign) {
		t.Errorf("there is the record %q, %v", record, err)
	}
}
