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

// With TLS the socket lies below it: large snapshots arrive whole, and a reader that stops loses nothing.
func TestTLS(t *testing.T) {
	lender := httptest.NewTLSServer(nil) // for its certificate
	certificate := lender.TLS.Certificates[0]
	pool := x509.NewCertPool()
	pool.AddCert(lender.Certificate())
	lender.Close()
	const users = 3000
	w := newWorld(t, users, gateway.Options{TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}})
	w.secure = &tls.Config{RootCAs: pool, ServerName: "example.com"}
	transport := &http.Transport{TLSClientConfig: w.secure}
	defer transport.CloseIdleConnections()
	w.setAll("Busy", upTo(users)...)
	c := w.dial(func(o *websocket.DialOptions) { o.HTTPClient = &http.Client{Transport: transport} })
	if s := c.subscribe(upTo(users)...); len(s.Presences) != users {
		t.Fatalf("%d presences", len(s.Presences))
	}
	for range 20 { // far more than the kernel takes while nobody reads
		w.setAll("Away", upTo(users)...)
		time.Sleep(5 * time.Millisecond)
		w.setAll("Busy", upTo(users)...)
	}
	last := w.set(0, "Available")
	newest := ""
	for newest == "" || newest[9:] != last {
		for _, p := range c.want(wire.Delta).Presences {
			if p.ID == user(0) {
				newest = p.Version
			}
		}
	}
}
