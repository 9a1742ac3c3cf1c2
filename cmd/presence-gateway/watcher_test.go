package main_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// held is what a watcher holds of a user from a moment on.
type held struct {
	at                     time.Time
	availability, activity string // empty: nothing
	version                string
}

// told is a status a watcher was told. No connection is an outage too: the watcher knows that it knows nothing.
type told struct {
	at     time.Time
	live   bool
	reason string
}

// watcher is a client as a dashboard would be one: it watches some users, comes back after every end, says what it
// knows, and writes down its whole history.
type watcher struct {
	t       testing.TB
	address string
	others  []string // where else to go when the address does not answer
	users   []string

	mu       sync.Mutex
	history  map[string][]held
	statuses []told
	failures int // connections that ended, or could not be made
	oldest   time.Time
}

func (w *watcher) last(user string) held {
	if h := w.history[user]; len(h) > 0 {
		return h[len(h)-1]
	}
	return held{}
}

// run watches until the context ends.
func (w *watcher) run(ctx context.Context) {
	for ctx.Err() == nil {
		w.connect(ctx)
		w.status(false, "disconnected")
		w.failures++
		if len(w.others) > 0 {
			w.mu.Lock()
			w.address, w.others = w.others[0], append(w.others[1:], w.address)
			w.mu.Unlock()
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(rand.Int64N(int64(500 * time.Millisecond)))): // full jitter
		}
	}
}

func (w *watcher) status(live bool, reason string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.statuses = append(w.statuses, told{time.Now(), live, reason})
}

func (w *watcher) connect(ctx context.Context) {
	ws, _, err := websocket.Dial(ctx, "ws://"+w.address+"/v1/stream", &websocket.DialOptions{Subprotocols: []string{wire.Protocol}})
	if err != nil {
		return
	}
	defer ws.CloseNow()
	ws.SetReadLimit(wire.MaxFrame)
	known := map[string]string{}
	w.mu.Lock()
	for user := range w.history {
		if version := w.last(user).version; version != "" {
			known[user] = version
		}
	}
	w.mu.Unlock()
	request, _ := json.Marshal(map[string]any{"type": "subscribe", "id": 1, "users": w.users, "known": known})
	if ws.Write(ctx, websocket.MessageText, request) != nil {
		return
	}
	versions := map[string]string{} // of this connection
	for snapshotting := true; ; {
		_, text, err := ws.Read(ctx)
		if err != nil {
			return
		}
		var m wire.Message
		if err := json.Unmarshal(text, &m); err != nil {
			w.t.Errorf("%v in %s", err, text)
			return
		}
		switch m.Type {
		case wire.Status:
			w.status(m.State == "live", m.Reason)
		case wire.Heartbeat:
			w.mu.Lock()
			w.oldest = m.Oldest
			w.mu.Unlock()
		case wire.Snapshot, wire.Delta, wire.Gone:
			if m.Type == wire.Delta && snapshotting {
				w.t.Errorf("a delta before the snapshot: %s", text)
			}
			w.take(&m, versions)
			snapshotting = snapshotting && (m.Type != wire.Snapshot || m.More)
		case wire.Failure:
			w.t.Errorf("refused: %s", text)
		}
	}
}

// take holds what a message says. versions is what this connection was told; across connections no version may go
// back either.
func (w *watcher) take(m *wire.Message, versions map[string]string) {
	now := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range m.Presences {
		user := p.ID.String()
		if before := versions[user]; p.Version <= before {
			w.t.Errorf("%s: version %s after %s on one connection", user, p.Version, before)
		}
		if before := w.last(user).version; p.Version < before {
			w.t.Errorf("%s: version %s after %s", user, p.Version, before)
		}
		versions[user] = p.Version
		w.history[user] = append(w.history[user], held{now, p.Availability, p.Activity, p.Version})
	}
	gone := m.Gone
	if m.Type == wire.Gone {
		gone = m.Users
	}
	for _, id := range append(gone, m.Pending...) { // nothing is held of them
		user := id.String()
		w.history[user] = append(w.history[user], held{now, "", "", w.last(user).version})
	}
}

// whileLive calls do for each stretch of time in which the watcher was told that all is live.
func (w *watcher) whileLive(until time.Time, do func(from, to time.Time)) {
	for i, s := range w.statuses {
		to := until
		if i+1 < len(w.statuses) {
			to = w.statuses[i+1].at
		}
		if s.live && to.After(s.at) {
			do(s.at, to)
		}
	}
}
