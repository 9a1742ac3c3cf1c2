package main_test

import (
	"bufio"
	"bytes"
	"context"
	bytesOrder "encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// roamer is a signed-in client that costs next to nothing, so that thousands fit into one process beside what they
// measure. It keeps to the contract: it comes back after every end, as late as a goodbye says or else with back-off and
// full jitter, and says what it knows.
type roamer struct {
	herd    *herd
	address string // of the balancer
	token   string // empty: anonymous
	users   []int  // of the herd's, in rising order

	mu       sync.Mutex
	versions []string // of each user
	states   []string // what is held: availability and activity; empty: nothing
	whole    bool     // connected, and sent all that it asked for
	lostAt   time.Time
	replica  string // that it was connected to last
	line     net.Conn
	goodbye  time.Duration
}

// herd is many roamers, and what they saw.
type herd struct {
	ids   []string
	index map[string]int

	mu       sync.Mutex
	began    time.Time       // of what is measured now
	attempts []time.Time     // to connect
	delays   []time.Duration // from a read's beginning at Graph to a delta at who was connected all the while
	away     []time.Duration // from a loss to all states being there again
	ends     map[string]int  // how connections and attempts ended
	faults   []string        // what must not be
}

func newHerd(people []person) *herd {
	h := &herd{index: map[string]int{}}
	for i, p := range people {
		h.ids = append(h.ids, p.ID)
		h.index[p.ID] = i
	}
	h.since()
	return h
}

// seen is what the herd saw in a stretch of time.
type seen struct {
	deltas, attempts, peak int // peak: attempts in the second that had most
	delay, away            time.Duration
	back                   int // came back
	ends                   map[string]int
}

// since returns what was seen since it was last called.
func (h *herd) since() seen {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := seen{deltas: len(h.delays), attempts: len(h.attempts), delay: ninetyNine(h.delays), back: len(h.away), ends: h.ends}
	if len(h.away) > 0 {
		s.away = slices.Max(h.away)
	}
	slices.SortFunc(h.attempts, time.Time.Compare)
	for from, to := 0, 0; to < len(h.attempts); to++ {
		for h.attempts[to].Sub(h.attempts[from]) >= time.Second {
			from++
		}
		s.peak = max(s.peak, to-from+1)
	}
	h.began, h.attempts, h.delays, h.away, h.ends = time.Now(), nil, nil, nil, map[string]int{}
	return s
}

func (h *herd) wrong(format string, a ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, fmt.Sprintf(format, a...))
}

func (h *herd) ended(how string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ends[how]++
}

// run connects again and again until the context ends.
func (r *roamer) run(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		began := time.Now()
		r.herd.mu.Lock()
		r.herd.attempts = append(r.herd.attempts, began)
		r.herd.mu.Unlock()
		how := r.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		r.herd.ended(how)
		switch how {
		case "400", "401", "403", "429":
			r.herd.wrong("a client with a valid token ended with %s", how)
		}
		r.mu.Lock()
		if r.whole {
			r.whole, r.lostAt, failures = false, time.Now(), 0
		}
		pause := r.goodbye
		r.goodbye = 0
		r.mu.Unlock()
		if pause == 0 {
			bound := min(500*time.Millisecond<<failures, 30*time.Second)
			pause = time.Duration(rand.Int64N(int64(bound)))
			failures = min(failures+1, 6)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// connect watches over one connection, and tells how it ended.
func (r *roamer) connect(ctx context.Context) string {
	c, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", r.address)
	if err != nil {
		return "no connection"
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	r.mu.Lock()
	r.line = c
	r.mu.Unlock()
	x := &rude{c, bufio.NewReaderSize(c, 1024)}
	_ = c.SetDeadline(time.Now().Add(15 * time.Second))
	authorization := ""
	if r.token != "" {
		authorization = "\r\nAuthorization: Bearer " + r.token
	}
	x.say("GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + wire.Protocol + authorization + "\r\n\r\n")
	response, err := http.ReadResponse(x.r, nil)
	if err != nil {
		return "no answer"
	}
	if response.StatusCode != http.StatusSwitchingProtocols {
		response.Body.Close()
		return fmt.Sprint(response.StatusCode)
	}
	x.say(frame(0x81, r.request()))
	versions := make([]string, len(r.users)) // of this connection
	for {
		_ = c.SetReadDeadline(time.Now().Add(25 * time.Second)) // 2.5 heartbeats
		opcode, payload, err := x.next()
		var silent net.Error
		switch {
		case errors.As(err, &silent) && silent.Timeout():
			r.herd.wrong("a client heard nothing for 2.5 heartbeats")
			return "silence"
		case err != nil:
			return "the end"
		case opcode == 8 && len(payload) >= 2:
			code := fmt.Sprint(bytesOrder.BigEndian.Uint16(payload))
			if code != "1012" {
				r.herd.wrong("a client was closed with %s: %s", code, payload[2:])
			}
			return code
		case opcode == 9:
			x.say(frame(0x8a, string(payload)))
		case opcode == 1:
			r.take(payload, versions)
		}
	}
}

// request asks for all users and says what is known of them.
func (r *roamer) request() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var users, known []string
	for i, user := range r.users {
		id := `"` + r.herd.ids[user] + `"`
		users = append(users, id)
		if r.versions[i] != "" {
			known = append(known, id+`:"`+r.versions[i]+`"`)
		}
	}
	return `{"type":"subscribe","id":1,"users":[` + strings.Join(users, ",") + `],"known":{` + strings.Join(known, ",") + `}}`
}

// take holds what a message says. It looks for what it needs instead of decoding.
func (r *roamer) take(text []byte, versions []string) {
	now := time.Now()
	kind := after(text, `{"type":"`)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch kind {
	case wire.Hello:
		r.replica, _, _ = strings.Cut(after(text, `"connection":"`), "-")
	case wire.Goodbye:
		r.herd.ended(wire.Goodbye)
		var ms int64
		_, rest, _ := bytes.Cut(text, []byte(`"reconnectAfterMs":`))
		_, _ = fmt.Sscan(string(rest), &ms)
		r.goodbye = max(1, time.Duration(ms)*time.Millisecond)
	case wire.Failure, wire.Gone:
		r.herd.wrong("a client was told %s", text)
	case wire.Snapshot, wire.Delta:
		r.presences(text, versions, kind == wire.Delta, now)
		if kind == wire.Snapshot && !bytes.Contains(text, []byte(`"more":true`)) {
			r.whole = true
			if !r.lostAt.IsZero() {
				r.herd.mu.Lock()
				r.herd.away = append(r.herd.away, now.Sub(r.lostAt))
				r.herd.mu.Unlock()
			}
		}
	}
}

// presences takes states over. No version may be below another that this client has of the user, whichever replica told it.
func (r *roamer) presences(text []byte, versions []string, measured bool, now time.Time) {
	const begin = `{"id":"`
	var delays []time.Duration
	for {
		_, rest, found := bytes.Cut(text, []byte(begin))
		if !found {
			break
		}
		text = rest
		one := rest
		if end := bytes.Index(rest, []byte(begin)); end >= 0 {
			one = rest[:end]
		}
		user, known := r.herd.index[string(one[:min(36, len(one))])]
		i, mine := slices.BinarySearch(r.users, user)
		if !known || !mine {
			r.herd.wrong("a client was sent somebody else: %.80s", one)
			continue
		}
		version := after(one, `"version":"`)
		if version <= versions[i] || version < r.versions[i] {
			r.herd.wrong("%s: version %s after %s, on this connection after %s", r.herd.ids[user], version, r.versions[i], versions[i])
		}
		versions[i], r.versions[i] = version, version
		r.states[i] = after(one, `"availability":"`) + "/" + after(one, `"activity":"`)
		if observed, err := time.Parse(time.RFC3339, after(one, `"observedAt":"`)); err == nil {
			delays = append(delays, now.Sub(observed))
		}
	}
	h := r.herd
	h.mu.Lock()
	defer h.mu.Unlock()
	if measured && r.whole && r.lostAt.Before(h.began) {
		h.delays = append(h.delays, delays...)
	}
}

// after returns what stands in text between key and the next quote.
func after(text []byte, key string) string {
	_, rest, found := bytes.Cut(text, []byte(key))
	if !found {
		return ""
	}
	value, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(value)
}
