package main_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// follower watches everyone and writes down what arrives when, by Graph's sequence number.
type follower struct {
	t testing.TB

	mu       sync.Mutex
	arrived  map[string][]arrival
	statuses []told
	gap      time.Duration // the most that a heartbeat's oldest confirmation was ago, since measured
	ended    []error       // of connections, its own and those beside it
}

// arrival is a state that came.
type arrival struct {
	at             time.Time
	number         string // Graph's sequence number
	state, version string
}

// watch opens a WebSocket that watches some users until ctx ends, and hands over what arrives.
func (f *follower) watch(ctx context.Context, address string, users []string, take func(text []byte)) {
	f.t.Helper()
	c := dial(f.t, address)
	for part := range slices.Chunk(users, 5000) {
		c.send(map[string]any{"type": "subscribe", "users": part})
	}
	go func() {
		for {
			_, text, err := c.ws.Read(ctx)
			if err != nil {
				f.mu.Lock()
				f.ended = append(f.ended, err)
				f.mu.Unlock()
				return
			}
			take(text)
		}
	}()
}

// take notes what a message says.
func (f *follower) take(text []byte) {
	now := time.Now()
	var m wire.Message
	if err := json.Unmarshal(text, &m); err != nil {
		f.t.Errorf("%v in %s", err, text)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch m.Type {
	case wire.Status:
		f.statuses = append(f.statuses, told{now, m.State == "live", m.Reason})
	case wire.Heartbeat:
		if !m.Oldest.IsZero() {
			f.gap = max(f.gap, m.At.Sub(m.Oldest))
		}
	case wire.Gone, wire.Failure:
		f.t.Errorf("told %s", text)
	}
	for _, p := range m.Presences {
		var row struct{ SequenceNumber string }
		if err := json.Unmarshal(p.Raw, &row); err != nil {
			f.t.Error(err)
		}
		id := p.ID.String()
		before := f.last(id)
		if before.version >= p.Version || before.number > row.SequenceNumber {
			f.t.Errorf("%s: %s (%s) after %s (%s)", id, p.Version, row.SequenceNumber, before.version, before.number)
		}
		f.arrived[id] = append(f.arrived[id], arrival{now, row.SequenceNumber, p.Availability + " " + p.Activity, p.Version})
	}
}

func (f *follower) last(id string) arrival {
	if all := f.arrived[id]; len(all) > 0 {
		return all[len(all)-1]
	}
	return arrival{}
}

// since is when a state of at least that number came.
func (f *follower) since(id, number string) (time.Time, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.arrived[id]
	at, _ := slices.BinarySearchFunc(all, number, func(a arrival, number string) int {
		if a.number < number {
			return -1
		}
		return 1
	})
	if at == len(all) {
		return time.Time{}, false
	}
	return all[at].at, true
}
