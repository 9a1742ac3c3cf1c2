package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// A text out of all proportion is left out rather than a frame sent that is too large; the client in this test
// refuses frames over the bound.
func TestEndlessStatusMessage(t *testing.T) {
	rule := everyone[0]
	rule.Fields = presence.StatusMessage
	w := newWorld(t, 300, gateway.Options{Policy: []gateway.Rule{rule}})
	write := func(sequence string) {
		var readings []presence.Reading
		for i := range 300 {
			size := 700 // so that a message is nearly full when the endless one's turn comes
			if i%90 == 89 {
				size = 300 << 10
			}
			content := presence.Intern(presence.Facts{Availability: "Busy", Activity: "Busy", StatusMessage: strings.Repeat("x", size)}, presence.StatusMessage)
			readings = append(readings, presence.Reading{ID: user(i), Content: content, Sequence: sequence, Asked: time.Now(), Answered: time.Now()})
		}
		_, _ = w.hub.Observe(context.Background(), readings)
	}
	write("A1")
	c := w.dial()
	if s := c.subscribe(upTo(300)...); len(s.Presences) != 300 {
		t.Fatalf("%d presences", len(s.Presences))
	}
	write("A2")
	for got := 0; got < 300; {
		got += len(c.want(wire.Delta).Presences)
	}
}

// Requests of a client that reads no answers are not taken in without end.
func TestAsksWithoutReading(t *testing.T) {
	const users = 2000
	w := newWorld(t, users, gateway.Options{Limits: gateway.Limits{MessagesPerSecond: 1_000_000}, Heartbeat: time.Minute})
	w.setAll("Busy", upTo(users)...)
	x := w.rawBuffered(4 << 10)
	before := heap()
	sub, unsub := frame(0x81, `{"type":"subscribe","id":1,"users":"*"}`), frame(0x81, `{"type":"unsubscribe","id":2,"users":"*"}`)
	_ = x.SetWriteDeadline(time.Now().Add(2 * time.Second))
	sent := 0
	for range 5_000_000 {
		if _, err := x.Conn.Write(append(sub, unsub...)); err != nil {
			break
		}
		sent++
	}
	grown := int64(heap()) - int64(before)
	t.Logf("%d pairs sent; heap grown by %d KiB", sent, grown>>10)
	if sent == 5_000_000 || grown > 8<<20 {
		t.Errorf("%d pairs were taken, for %d bytes", sent, grown)
	}
}

// A message must be completed in time; an idle connection need not say anything.
func TestHalfMessage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	t.Parallel()
	w := newWorld(t, 1, gateway.Options{})
	idle := w.dial()
	x := w.raw()
	x.write(frame(0x81, `{"type":"ping"}`)[:12])
	if code := x.closed(); code != 4400 {
		t.Errorf("closed with %d, want 4400", code)
	}
	idle.send(`{"type":"ping"}`)
	idle.want(wire.Pong)
}

// Clients with different users never receive those of another, however frames are shared.
func TestNothingForeign(t *testing.T) {
	const clients, each = 40, 25
	w := newWorld(t, clients*each, gateway.Options{Flush: time.Millisecond})
	w.setAll("Busy", upTo(clients*each)...)
	var all []*client
	for i := range clients {
		c := w.dial()
		var mine []int
		for j := range each {
			mine = append(mine, (i*each/2+j)%(clients*each)) // half of them shared with the next
		}
		c.subscribe(mine...)
		all = append(all, c)
	}
	stop := w.storm(clients*each, 100*time.Microsecond)
	for round := range 20 {
		for i, c := range all {
			for _, p := range c.want(wire.Delta).Presences {
				var n uint32
				if _, err := fmt.Sscanf(p.ID.String()[28:], "%x", &n); err != nil {
					t.Fatal(err)
				}
				if at := int(n) - 1; at < i*each/2 || at >= i*each/2+each {
					t.Fatalf("round %d: client %d got user %d", round, i, at)
				}
				if !json.Valid(p.Raw) {
					t.Fatalf("torn: %s", p.Raw)
				}
			}
		}
	}
	stop()
}
