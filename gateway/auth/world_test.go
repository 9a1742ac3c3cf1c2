package auth_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/internal/trust"
)

const (
	api     = "22222222-3333-4444-8555-666666666666" // the gateway's registration
	spa     = "33333333-3333-4444-8555-666666666666" // a program's
	anna    = "aaaaaaaa-0000-4000-8000-000000000001"
	groupID = "bbbbbbbb-0000-4000-8000-000000000001"
	scope   = "Presence.Subscribe"
	role    = "Presence.Subscribe.All"
)

// keys are made once: that takes a while.
var keys = sync.OnceValue(func() (all [3]*rsa.PrivateKey) {
	var makers sync.WaitGroup
	for i := range all {
		makers.Go(func() {
			var err error
			if all[i], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
				panic(err)
			}
		})
	}
	makers.Wait()
	return all
})

// world is an issuer over TLS, and a verifier that trusts it.
type world struct {
	testing.TB
	*authority.Authority
	root string
	v    *auth.Verifier
}

// issuer serves an authority over TLS.
func issuer(t testing.TB) (*authority.Authority, *httptest.Server) {
	t.Helper()
	a, err := authority.New(authority.Options{SigningKey: keys()[0]})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(a)
	server.TLS = a.TLSConfig()
	server.StartTLS()
	t.Cleanup(server.Close)
	return a, server
}

// accepting is what a gateway is configured with: people with the scope, applications with the role.
func accepting(a *authority.Authority, root string) auth.JWT {
	return auth.JWT{Issuer: root + "/" + a.TenantID() + "/v2.0", Audience: api, TenantIDs: []string{a.TenantID()}, RequiredScope: scope, RequiredRole: role}
}

func newWorld(t testing.TB, change func(*auth.Options)) *world {
	t.Helper()
	a, server := issuer(t)
	o := auth.Options{JWT: accepting(a, server.URL), Trust: trust.Of(a.Pool())}
	if change != nil {
		change(&o)
	}
	w := &world{t, a, server.URL, newVerifier(t, o)}
	run(t, w.v)
	return w
}

// run runs a verifier until the test ends.
func run(t testing.TB, v *auth.Verifier) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- v.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// person is a token of Anna's, application one of a program of its own.
func (w *world) person() authority.Access {
	return authority.Access{Root: w.root, Audience: api, ClientID: spa, User: &authority.User{ID: anna, Name: "anna@contoso.test"}, Scopes: []string{scope}}
}

func (w *world) application() authority.Access {
	return authority.Access{Root: w.root, Audience: api, ClientID: spa, Roles: []string{role}}
}

func (w *world) mint(a authority.Access) string {
	w.Helper()
	text, err := w.Mint(a)
	if err != nil {
		w.Fatal(err)
	}
	return text
}

// set is the issuer's key set.
func (w *world) set() []byte {
	w.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: w.Pool()}, DisableKeepAlives: true}}
	answer, err := client.Get(w.root + "/" + w.TenantID() + "/discovery/v2.0/keys")
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	return text
}

// let is in: the principal, or the end of the test.
func (w *world) let(token string) auth.Principal {
	w.Helper()
	p, err := w.v.Authenticate(w.Context(), bearer(token))
	if err != nil {
		w.Fatalf("refused: %v", err)
	}
	return p
}

func same(a, b auth.Principal) bool {
	return a.Subject == b.Subject && a.Key == b.Key && a.User == b.User && slices.Equal(a.Roles, b.Roles) && slices.Equal(a.Groups, b.Groups) && a.Expires.Equal(b.Expires)
}
