package main_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// 30,000 watched users, each to be read every second, and 60 ms of Graph's latency. The reference is what the budget
// allows: 1,350 batches of 650 in 30 s are 29,250 users a second.
func BenchmarkUsersReadPerSecond(b *testing.B) {
	tn := startTenant(b, "--users", "30000", "--changes-per-second", "100", "--seed", "5")
	tn.ask("PUT", "/sim/faults", `{"latency":{"ms":60}}`, nil)
	startGateway(b, tn, b.TempDir(), openDoor, "PRESENCE_GRAPH_INTERVAL=1s")
	type figures struct{ Rows, Refused, Peak int }
	ask := func() (f figures) {
		tn.ask("GET", "/sim/stats", "", &f)
		return f
	}
	after := func(d time.Duration) { // what is measured is a stretch of real time
		select {
		case <-time.After(d):
		case <-b.Context().Done():
		}
	}
	after(2 * time.Second)
	for b.Loop() {
		before, began := ask(), time.Now()
		after(33 * time.Second) // more than a window, so that the hard stop shows too
		now := ask()
		rate := float64(now.Rows-before.Rows) / time.Since(began).Seconds()
		b.ReportMetric(rate, "users/s")
		b.ReportMetric(rate/29_250, "of-the-budget")
		b.ReportMetric(float64(now.Refused), "refused")
		b.ReportMetric(float64(now.Peak), "peak-reads/30s")
		b.ReportMetric(0, "ns/op")
	}
}

// From the start of the binary to the first states of a live page: what a person who tries it waits for.
func BenchmarkDemoLive(b *testing.B) {
	for b.Loop() {
		address := freePort(b)
		p := start(b, nil, "demo", "--listen", address)
		var ws *websocket.Conn
		eventually(b, 10*time.Second, "a connection", func() (ok bool) {
			var err error
			ws, _, err = websocket.Dial(b.Context(), "ws://"+address+"/v1/stream", &websocket.DialOptions{Subprotocols: []string{wire.Protocol}})
			return err == nil
		})
		ws.SetReadLimit(wire.MaxFrame)
		ctx, cancel := context.WithTimeout(b.Context(), 10*time.Second)
		if err := ws.Write(ctx, websocket.MessageText, []byte(`{"type":"subscribe","users":"*"}`)); err != nil {
			b.Fatal(err)
		}
		for states := 0; states == 0; {
			_, text, err := ws.Read(ctx)
			if err != nil {
				b.Fatal(err)
			}
			var m wire.Message
			if err := json.Unmarshal(text, &m); err != nil {
				b.Fatal(err)
			}
			states = len(m.Presences)
		}
		b.ReportMetric(float64(time.Since(p.started).Milliseconds()), "ms-to-first-states")
		cancel()
		_ = ws.CloseNow()
	}
}
