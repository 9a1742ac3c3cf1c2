package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// At the end readiness is red at once, new clients are still taken for a while, then everyone is told when to come
// back, and closed with 1012, in time.
func TestDrain(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Drain: 3 * time.Second, DrainDelay: 500 * time.Millisecond})
	w.set(0, "Busy")
	ready := func() int {
		r := httptest.NewRecorder()
		w.server.Admin().ServeHTTP(r, httptest.NewRequest("GET", "/readyz", nil))
		return r.Code
	}
	eventually(t, "ready", func() bool { return ready() == http.StatusOK })
	var clients []*client
	for range 20 {
		clients = append(clients, w.dial())
	}
	polite := w.raw()
	deaf := w.raw() // reads nothing, and answers no close frame
	start := time.Now()
	w.stop()
	eventually(t, "not ready", func() bool { return ready() == http.StatusServiceUnavailable })
	clients = append(clients, w.dial())
	if code := polite.closed(); code != 1012 { // and nothing behind
		t.Errorf("closed with %d, want 1012", code)
	}
	after := map[int]bool{}
	for _, c := range clients {
		g := c.want(wire.Goodbye)
		if g.Reason != "draining" || g.ReconnectAfterMs < 0 || g.ReconnectAfterMs > 30_000 {
			t.Errorf("goodbye %+v", g)
		}
		after[g.ReconnectAfterMs] = true
		if _, err := c.read(); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
			t.Errorf("ended by %v, want 1012", err)
		}
	}
	if len(after) < 5 {
		t.Errorf("reconnects are not spread: %v", after)
	}
	w.ended.Wait()
	if took := time.Since(start); took < 500*time.Millisecond || took > 3*time.Second {
		t.Errorf("drained in %v", took)
	}
	if _, _, err := w.tryDial(); err == nil {
		t.Error("still taking connections")
	}
	if code := deaf.closed(); code != 1012 {
		t.Errorf("the deaf one was closed with %d", code)
	}
}

// Handler alone, behind somebody else's listener: plain, and with TLS that is not ours.
func TestForeignListener(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := newWorld(t, 1, gateway.Options{})
		w.set(0, "Busy")
		server := httptest.NewUnstartedServer(w.server.Handler())
		if secure {
			server.StartTLS()
		} else {
			server.Start()
		}
		w.addr = server.Listener.Addr().String()
		w.secure = server.TLS
		c := w.dial(func(o *websocket.DialOptions) { o.HTTPClient = server.Client() })
		c.subscribe(0)
		w.set(0, "Away")
		c.want(wire.Delta)
		_ = c.ws.Close(websocket.StatusNormalClosure, "")
		server.Close()
	}
}
