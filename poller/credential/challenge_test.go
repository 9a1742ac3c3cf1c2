package credential_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/poller/credential"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// read is a request to a Graph that knows the authority's tokens alone.
func (w *world) read(e *credential.Entra) *httptest.ResponseRecorder {
	w.t.Helper()
	token, err := e.Token(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	guarded := w.Guard(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusOK) }), "Presence.Read.All")
	r := httptest.NewRequest("GET", "https://graph.test/v1.0/communications/presences/x", nil)
	r.Header.Set("Authorization", "Bearer "+token.Value)
	answer := httptest.NewRecorder()
	guarded.ServeHTTP(answer, r)
	return answer
}

func TestChallengeIsAnsweredOnce(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		e := w.entra(credential.Options{})
		w.run(e)
		if r := w.read(e); r.Code != 200 {
			t.Fatalf("got %d %s", r.Code, r.Body)
		}
		for range 3 {
			w.Revoke()
			before := w.Stats()
			r := w.read(e)
			claims, ok := graph.Claims(r.Header())
			if r.Code != 401 || !ok || !strings.Contains(claims, `"nbf"`) {
				t.Fatalf("got %d, claims %q", r.Code, claims)
			}
			// Several reads were under way with the old token.
			if !e.Challenge(claims) || !e.Challenge(claims) {
				t.Error("the challenge is not answered")
			}
			if r := w.read(e); r.Code != 200 {
				t.Fatalf("got %d %s", r.Code, r.Body)
			}
			if e.Challenge(claims) || e.Challenge(`{"access_token":{"nbf":{"value":"7"}}}`) {
				t.Error("a late challenge of the old token asks for another one")
			}
			w.read(e)
			after := w.Stats()
			if after.WithClaims != before.WithClaims+1 || after.Token != before.Token+1 {
				t.Errorf("%d token requests, %d with the claims, want 1 and 1", after.Token-before.Token, after.WithClaims-before.WithClaims)
			}
			time.Sleep(2 * time.Minute)
		}
		// The claims are not sent with what follows.
		asked := w.Stats().WithClaims
		time.Sleep(2 * time.Hour)
		w.read(e)
		if w.Stats().WithClaims != asked {
			t.Error("the claims were sent again")
		}
		if e.Challenge("no JSON") || e.Challenge(`"text"`) || e.Challenge("null") {
			t.Error("claims that are none")
		}
		w.clean(w.logs.String())
	})
}

// A token that lacks a permission granted meanwhile is renewed, once a minute at most.
func TestRenew(t *testing.T) {
	signingKey()
	synctest.Test(t, func(t *testing.T) {
		w := newPipedWorld(t, authority.Options{})
		a := app()
		a.Roles = nil
		w.Register(a)
		e := w.entra(credential.Options{})
		w.run(e)
		if r := w.read(e); r.Code != 403 {
			t.Fatalf("got %d", r.Code)
		}
		if e.Renew() {
			t.Error("a token of this second is renewed")
		}
		w.Register(app())
		time.Sleep(2 * time.Minute)
		if !e.Renew() {
			t.Error("not renewed")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if r := w.read(e); r.Code != 200 {
			t.Errorf("got %d", r.Code)
		}
		if s := w.Stats(); s.Token != 2 {
			t.Errorf("%d token requests, want 2", s.Token)
		}
	})
}

func FuzzCertificate(f *testing.F) {
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "")
	f.Add([]byte{0x30, 0x80, 0x02, 0x01, 0x03}, "x")
	f.Fuzz(func(t *testing.T, content []byte, password string) {
		c, err := credential.ParseCertificate(content, password)
		if (c == nil) == (err == nil) {
			t.Errorf("got %v, %v", c, err)
		}
	})
}
