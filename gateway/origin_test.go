package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/hub"
)

// Who may talk to the server, by the Origin a browser sends. Each row is tried on the WebSocket and over HTTP.
func TestOrigins(t *testing.T) {
	const public = "https://presence.example.com"
	configured := gateway.Options{Origins: []string{"https://intranet.example.com", "http://dev.example.com:3000", "HTTPS://Upper.Example.com:443",
		"chrome-extension://abcdefghijklmnop", "http://[2001:db8::1]:8080"}}
	withPublic := configured
	withPublic.PublicURL, _ = url.Parse(public)
	all := gateway.Options{Origins: []string{"*"}}
	demo := gateway.Options{LoopbackOrigin: true}
	plain := gateway.Options{}
	proxied := gateway.Options{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}

	const loopback = "127.0.0.1:8080"
	for _, row := range []struct {
		options gateway.Options
		host    string
		origin  string
		allowed bool
	}{
		// The server's own, by public_url: exactly that.
		{withPublic, "presence.example.com", public, true},
		{withPublic, "presence.example.com", "https://presence.example.com:443", true},
		{withPublic, "presence.example.com", "https://PRESENCE.example.com", true},
		{withPublic, "presence.example.com", "HTTPS://presence.example.com", true},
		{withPublic, "presence.example.com", "http://presence.example.com", false},
		{withPublic, "presence.example.com", "https://presence.example.com:8443", false},
		{withPublic, "presence.example.com", "https://presence.example.com.", false},
		{withPublic, "presence.example.com", "https://presence.example.com.evil.com", false},
		{withPublic, "presence.example.com", "https://evilpresence.example.com", false},
		{withPublic, "presence.example.com", "https://sub.presence.example.com", false},
		{withPublic, "presence.example.com", "https://example.com", false},
		{withPublic, "presence.example.com", "https://presence.example.co", false},
		{withPublic, "presence.example.com", "https://presence-example.com", false},
		{withPublic, "presence.example.com", "https://user@presence.example.com", false},
		{withPublic, "presence.example.com", "https://presence.example.com@evil.com", false},
		{withPublic, "presence.example.com", "https://presence.example.com/", false},
		{withPublic, "presence.example.com", "https://presence.example.com/path", false},
		{withPublic, "presence.example.com", "https://presence.example.com?x", false},
		{withPublic, "presence.example.com", "https://presence.example.com#x", false},
		{withPublic, "presence.example.com", "https://presence.example.com\\.evil.com", false},
		{withPublic, "presence.example.com", "https://presence.example.com evil", false},
		{withPublic, "presence.example.com", "https://presence.example.com:", false},
		{withPublic, "presence.example.com", "https://presence.example.com:0443", false},
		{withPublic, "presence.example.com", "https://presence.example.com:443x", false},
		{withPublic, "presence.example.com", "presence.example.com", false},
		{withPublic, "presence.example.com", "//presence.example.com", false},
		{withPublic, "presence.example.com", "wss://presence.example.com", false},
		{withPublic, "presence.example.com", "chrome-extension://presence.example.com", false},
		{withPublic, "presence.example.com", "file://presence.example.com", false},
		{withPublic, "presence.example.com", "https://рresence.example.com", false}, // a Cyrillic letter
		{withPublic, "presence.example.com", "https://xn--resence-5fg.example.com", false},
		{withPublic, "presence.example.com", "https://presence%2eexample.com", false},
		{withPublic, loopback, "http://" + loopback, false}, // the name is known: nothing else is believed
		// "null" and what is no origin.
		{withPublic, "presence.example.com", "null", false},
		{withPublic, "presence.example.com", "NULL", false},
		{withPublic, "presence.example.com", "", false},
		{withPublic, "presence.example.com", " ", false},
		{withPublic, "presence.example.com", "https://", false},
		{withPublic, "presence.example.com", "https:", false},
		{withPublic, "presence.example.com", "https://:443", false},
		{withPublic, "presence.example.com", "data:text/html,x", false},
		{withPublic, "presence.example.com", "about:blank", false},
		{withPublic, "presence.example.com", "file://", false},
		{withPublic, "presence.example.com", "https://a https://b", false},
		{withPublic, "presence.example.com", "https://intranet.example.com, " + public, false},
		{all, "presence.example.com", "null", false},
		{all, "presence.example.com", "", false},
		{all, "presence.example.com", "https://anything.example.org", true},
		// Configured ones.
		{configured, "x.example.com", "https://intranet.example.com", true},
		{configured, "x.example.com", "https://INTRANET.EXAMPLE.COM:443", true},
		{configured, "x.example.com", "http://intranet.example.com", false},
		{configured, "x.example.com", "https://intranet.example.com:444", false},
		{configured, "x.example.com", "http://dev.example.com:3000", true},
		{configured, "x.example.com", "http://dev.example.com", false},
		{configured, "x.example.com", "http://dev.example.com:30000", false},
		{configured, "x.example.com", "https://upper.example.com", true},
		{configured, "x.example.com", "chrome-extension://abcdefghijklmnop", true},
		{configured, "x.example.com", "chrome-extension://abcdefghijklmno", false},
		{configured, "x.example.com", "http://[2001:db8::1]:8080", true},
		{configured, "x.example.com", "http://[2001:db8::2]:8080", false},
		// Without public_url, a name in Host proves nothing.
		{plain, "evil.example.com:8080", "http://evil.example.com:8080", false},
		{plain, loopback, "http://127.0.0.1:8080", true},
		{plain, loopback, "http://127.0.0.1", false},
		{plain, loopback, "https://127.0.0.1:8080", false},
		{plain, loopback, "http://localhost:8080", false},
		{plain, "localhost:8080", "http://localhost:8080", true},
		{plain, "localhost", "http://localhost", true},
		{plain, "localhost", "http://localhost:80", true},
		{plain, "10.1.2.3:8080", "http://10.1.2.3:8080", true},
		{plain, "10.1.2.3:8080", "http://10.1.2.4:8080", false},
		{plain, "[::1]:8080", "http://[::1]:8080", true},
		{plain, "localhost.evil.com:8080", "http://localhost.evil.com:8080", false},
		{plain, "127.0.0.1.evil.com", "http://127.0.0.1.evil.com", false},
		// The demo: every origin of this machine, and no other.
		{demo, loopback, "http://localhost:5173", true},
		{demo, loopback, "http://127.9.9.9:1", true},
		{demo, loopback, "http://[::1]:3000", true},
		{demo, loopback, "http://app.localhost:3000", true},
		{demo, loopback, "http://10.0.0.1", false},
		{demo, loopback, "http://localhost.example.com", false},
		{demo, loopback, "http://notlocalhost", false},
		{demo, loopback, "null", false},
		// A forwarded host counts from a trusted proxy alone: see TestForwarded.
		{proxied, "10.0.0.1", "https://10.0.0.1", true},
	} {
		row.options.Anonymous, row.options.Policy = true, everyone
		server, err := gateway.New(loadedHub(), row.options)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{"/v1/stream", "/v1/settings"} {
			r := httptest.NewRequest("GET", "http://placeholder"+path, nil) // RemoteAddr is 192.0.2.1
			r.Host = row.host
			r.Header.Set("Origin", row.origin)
			r.Header.Set("X-Forwarded-Proto", "https")
			w := httptest.NewRecorder()
			server.Handler().ServeHTTP(w, r)
			if allowed := w.Code != http.StatusForbidden; allowed != row.allowed {
				t.Errorf("%s at %q from origin %q: allowed %v, want %v", path, row.host, row.origin, allowed, row.allowed)
			}
			if shown := w.Header().Get("Access-Control-Allow-Origin"); (shown == row.origin && shown != "") != row.allowed {
				t.Errorf("%s from origin %q: shown to %q", path, row.origin, shown)
			}
		}
	}
}

func TestForwarded(t *testing.T) {
	options := gateway.Options{Anonymous: true, Policy: everyone, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
	server, err := gateway.New(loadedHub(), options)
	if err != nil {
		t.Fatal(err)
	}
	for remote, allowed := range map[string]bool{"10.9.9.9:1234": true, "203.0.113.9:1234": false} {
		r := httptest.NewRequest("GET", "http://192.0.2.7:8080/v1/settings", nil)
		r.RemoteAddr = remote
		r.Header.Set("X-Forwarded-Proto", "http, https")
		r.Header.Set("X-Forwarded-Host", "evil.example.com, 192.0.2.8")
		r.Header.Set("Origin", "https://192.0.2.8")
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if got := w.Code != http.StatusForbidden; got != allowed {
			t.Errorf("from %s: allowed %v, want %v", remote, got, allowed)
		}
	}
}

func TestTwoOriginsAreNone(t *testing.T) {
	server, _ := gateway.New(loadedHub(), gateway.Options{Anonymous: true, Policy: everyone, Origins: []string{"*"}})
	r := httptest.NewRequest("GET", "http://x/v1/settings", nil)
	r.Header["Origin"] = []string{"https://a.example.com", "https://b.example.com"}
	w := httptest.NewRecorder()
	server.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusForbidden {
		t.Errorf("got %d", w.Code)
	}
}

func TestNoOriginIsNoBrowser(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	w.dial()
	_, response, err := w.tryDial(func(o *websocket.DialOptions) { o.HTTPHeader.Set("Origin", "https://evil.example.com") })
	if err == nil || response == nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("got %v, %v; want 403 before the upgrade", response, err)
	}
}

func TestOriginsRefused(t *testing.T) {
	for _, bad := range []string{"null", "example.com", "https://example.com/", "https://*.example.com", "https://", ""} {
		_, err := gateway.New(hub.New(hub.Options{}), gateway.Options{Anonymous: true, Policy: everyone, Origins: []string{bad}})
		if err == nil {
			t.Errorf("origin %q was accepted", bad)
		}
	}
}
