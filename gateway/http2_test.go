package gateway_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// secureWorld is a world over TLS, and a client that speaks HTTP/2 where it can.
func secureWorld(t *testing.T, users int, o gateway.Options) (*world, *http.Client) {
	t.Helper()
	lender := httptest.NewTLSServer(nil) // for its certificate
	certificate := lender.TLS.Certificates[0]
	pool := x509.NewCertPool()
	pool.AddCert(lender.Certificate())
	lender.Close()
	o.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	w := newWorld(t, users, o)
	w.secure = &tls.Config{RootCAs: pool, ServerName: "example.com"}
	transport := &http.Transport{TLSClientConfig: w.secure, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return w, &http.Client{Transport: transport}
}

// Reads and streams of events share a connection of HTTP/2; a WebSocket stays with HTTP/1.1, by the same client.
func TestHTTP2(t *testing.T) {
	const users = 200
	w, client := secureWorld(t, users, gateway.Options{Stall: 1500 * time.Millisecond})
	w.setAll("Busy", upTo(users)...)
	read := func(path string) *http.Response {
		t.Helper()
		response, err := client.Get("https://" + w.addr + path)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response
	}
	for _, path := range []string{"/v1/presences/" + user(0).String(), "/graph/v1.0/users/" + user(0).String() + "/presence"} {
		if r := read(path); r.ProtoMajor != 2 || r.StatusCode != 200 {
			t.Errorf("%s: %s %s", path, r.Proto, r.Status)
		}
	}
	if r := read("/v1/stream"); r.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("a stream without an upgrade: %s", r.Status)
	}

	e := w.listenBy(client, "GET", "/v1/events?users=*", "")
	if e.response.ProtoMajor != 2 || len(e.begin().Presences) != users {
		t.Errorf("events over %s", e.response.Proto)
	}
	w.set(3, "Away")
	if d := e.want(wire.Delta); availability(d) != "4Away" {
		t.Errorf("got %+v", d)
	}
	if r := read("/v1/presences/" + user(3).String()); r.StatusCode != 200 {
		t.Errorf("beside a stream: %s", r.Status)
	}
	c := w.dial(func(o *websocket.DialOptions) { o.HTTPClient = client })
	if s := c.subscribe(upTo(users)...); len(s.Presences) != users {
		t.Errorf("%d presences by WebSocket", len(s.Presences))
	}

	// A stream that is not read is left, and holds up nothing else on its connection.
	w.listenBy(client, "GET", "/v1/events?users=*", "")
	words := []string{"Away", "Busy"}
	for round := 0; w.connections() > 2; round++ {
		if round > 2000 {
			t.Fatal("the stream that is not read is never left")
		}
		w.setAll(words[round%2], upTo(users)...)
		e.want(wire.Delta)
		c.want(wire.Delta)
		time.Sleep(5 * time.Millisecond)
	}
	if r := read("/v1/presences/" + user(3).String()); r.StatusCode != 200 {
		t.Errorf("after a stream was left: %s", r.Status)
	}
	e.cancel()
	eventually(t, "the server knows", func() bool { return w.connections() == 1 })
}
