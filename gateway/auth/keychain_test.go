package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/internal/trust"
)

// inTime runs then on a fake clock, with an issuer on a real connection: it is outside, and the clock stands still while it
// answers.
func inTime(t *testing.T, change func(*auth.Options), then func(w *world, logs *observer.ObservedLogs)) {
	a, err := authority.New(authority.Options{SigningKey: keys()[0]})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(a) // a certificate would not be valid at the fake clock's time
	t.Cleanup(server.Close)
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		o := auth.Options{JWT: accepting(a, "https://login.test"), Log: zap.New(core)}
		o.JWT.JWKSURL = server.URL + "/" + a.TenantID() + "/discovery/keys"
		if change != nil {
			change(&o)
		}
		w := &world{t, a, "https://login.test", newVerifier(t, o)}
		stop := run(t, w.v)
		synctest.Wait()
		then(w, logs)
		stop()
	})
}

// fetches counts how often the keys were asked for.
func (w *world) fetches() int { return w.Stats().Keys }

func (w *world) why(token string) auth.Reason { return refused(w.TB, w.v, bearer(token)) }

// long is a token that outlives the test.
func (w *world) long() string {
	a := w.person()
	a.Life = 100 * time.Hour
	return w.mint(a)
}

// forged is a token that nothing but its key's name and signature give away.
func (w *world) forged(kid string) string {
	a := w.person()
	a.Header = map[string]any{"kid": kid}
	return w.mint(a)
}

// Whatever forgers make up, the issuer is asked once in half a minute; and who holds a good token does not notice.
func TestFloodOfForgedKeys(t *testing.T) {
	inTime(t, nil, func(w *world, _ *observer.ObservedLogs) {
		good := w.mint(w.person())
		w.let(good)
		if n := w.fetches(); n != 1 {
			t.Errorf("%d fetches at the start", n)
		}
		// What cannot be a key's name is not asked for at all.
		for _, kid := range []string{"", strings.Repeat("k", 257), "a\nb"} {
			if why := w.why(w.forged(kid)); why != auth.UnknownKey || w.fetches() != 1 {
				t.Errorf("%.10q: %q, and %d fetches", kid, why, w.fetches())
			}
		}
		template := strings.Split(w.forged("kid-00000000"), ".")
		began := time.Now()
		for second := range 120 {
			for i := range 50 {
				if why := w.why(encode(fmt.Sprintf(`{"alg":"RS256","kid":"made-up-%d-%d"}`, second, i)) + "." + template[1] + "." + template[2]); why != auth.UnknownKey {
					t.Fatalf("refused for %q", why)
				}
			}
			w.let(good)
			time.Sleep(time.Second)
		}
		if n := w.fetches() - 1; n < 2 || n > 4 {
			t.Errorf("%d fetches in %v of forgeries", n, time.Since(began))
		}
	})
}

// One program with an old token asks again and again: the pauses grow.
func TestAbsentKeysAreRemembered(t *testing.T) {
	inTime(t, nil, func(w *world, _ *observer.ObservedLogs) {
		old := w.mint(authority.Access{Root: w.root, Audience: api, ClientID: spa, User: &authority.User{ID: anna}, Scopes: []string{scope}, Life: 100 * time.Hour, Header: map[string]any{"kid": "old"}})
		w.why(old)
		before := w.fetches()
		for range 45 * 60 {
			w.why(old)
			time.Sleep(time.Second)
		}
		if n := w.fetches() - before; n > 9 {
			t.Errorf("asked %d times in 45 minutes", n)
		}
	})
}

// A new key is asked for when its first token comes, at once; the old one lives on while it is published, and not longer.
func TestRollover(t *testing.T) {
	inTime(t, nil, func(w *world, _ *observer.ObservedLogs) {
		old := w.long()
		w.let(old)
		time.Sleep(10 * time.Second)
		w.RollKeysTo(keys()[1], false)
		began := time.Now()
		w.let(w.mint(w.person()))
		w.let(old)
		if took := time.Since(began); took > 0 {
			t.Errorf("took %v", took)
		}
		// The old one is withdrawn. It is believed until the next look, an hour later at most.
		w.RollKeysTo(keys()[2], true)
		time.Sleep(31 * time.Second)
		w.let(w.mint(w.person()))
		if why := w.why(old); why != auth.UnknownKey {
			t.Errorf("a withdrawn key's token: %q", why)
		}
	})
	inTime(t, nil, func(w *world, _ *observer.ObservedLogs) {
		old := w.long()
		w.let(old)
		w.RollKeysTo(keys()[1], true)
		time.Sleep(time.Hour + time.Second)
		if why := w.why(old); why != auth.UnknownKey {
			t.Errorf("an hour after its key was withdrawn: %q", why)
		}
	})
}

// A token is remembered no longer than it lasts, nor before it begins.
func TestExpiry(t *testing.T) {
	inTime(t, nil, func(w *world, _ *observer.ObservedLogs) {
		a := w.person()
		a.Life = 5 * time.Minute
		token := w.mint(a)
		p := w.let(token)
		time.Sleep(5*time.Minute + auth.Skew - time.Second)
		w.let(token)
		time.Sleep(time.Second)
		if why := w.why(token); why != auth.Expired {
			t.Errorf("after its end: %q", why)
		}
		if left := time.Until(p.Expires); left != -auth.Skew {
			t.Errorf("Expires is %v off", left)
		}
		ticket, life := w.v.Ticket(p)
		if life != 0 || refused(t, w.v, ticketOf(ticket)) != auth.BadTicket {
			t.Error("a ticket of an expired token")
		}
	})
}

// While the issuer is away its last keys stay in force, for a day; and then nobody gets in until it is back.
func TestOutage(t *testing.T) {
	for name, fault := range map[string]*authority.KeysFault{
		"500": {Status: 500}, "429": {Status: 429}, "404": {Status: 404}, "204": {Status: 204}, "empty": {Empty: true}, "garbage": {Garbage: true},
		"huge": {HugeBytes: 1<<20 + 4096}, "redirected": {Redirect: "http://192.0.2.1/keys"}, "round and round": {Redirect: "?"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, nil, func(w *world, logs *observer.ObservedLogs) {
				token := w.long()
				w.let(token)
				w.SetKeysFault(fault)
				time.Sleep(23*time.Hour + 59*time.Minute)
				w.let(token)
				unseen := w.long()
				w.let(unseen)
				if warned := logs.FilterLevelExact(zap.WarnLevel).Len(); warned != 1 {
					t.Errorf("warned %d times", warned)
				}
				before := w.fetches()
				time.Sleep(time.Hour)
				if n := w.fetches() - before; n > 4*121 || n < 100 {
					t.Errorf("%d fetches in an hour of outage", n)
				}
				time.Sleep(2 * time.Minute)
				if why := w.why(token); why != auth.KeysUnavailable {
					t.Errorf("after a day: %q", why)
				}
				w.SetKeysFault(nil)
				time.Sleep(31 * time.Second)
				w.let(token)
				if len(logs.FilterLevelExact(zap.ErrorLevel).All()) != 1 || logs.All()[logs.Len()-1].Level != zap.InfoLevel {
					t.Errorf("logged %v", logs.All())
				}
			})
		})
	}
}

// An issuer that is away at the start is tried again, and who comes meanwhile is told so at once.
func TestOutageAtTheStart(t *testing.T) {
	inTime(t, func(o *auth.Options) { o.JWT.JWKSURL = "http://127.0.0.1:1/keys" }, func(w *world, logs *observer.ObservedLogs) {
		began := time.Now()
		if why := w.why(w.mint(w.person())); why != auth.KeysUnavailable || time.Since(began) > 0 {
			t.Errorf("%q after %v", why, time.Since(began))
		}
		time.Sleep(time.Hour)
		if logs.FilterLevelExact(zap.ErrorLevel).Len() != 1 {
			t.Errorf("logged %v", logs.All())
		}
	})
	// One that comes before the first fetch has ended waits for it.
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, auth.Options{JWT: auth.JWT{Issuer: "https://login.test/", Audience: api, JWKSURL: "http://127.0.0.1:1/keys"}})
		began := time.Now()
		text := strings.Join([]string{encode(`{"alg":"RS256","kid":"k"}`), encode(fmt.Sprintf(`{"iss":"https://login.test/","aud":%q,"sub":"a","exp":%d}`, api, began.Unix()+60)), "AAAA"}, ".")
		if why := refused(t, v, bearer(text)); why != auth.KeysUnavailable || time.Since(began) != 3*time.Second {
			t.Errorf("%q after %v", why, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.Authenticate(ctx, bearer(text)); !errors.Is(err, context.Canceled) {
			t.Errorf("the caller has gone: %v", err)
		}
	})
}

// An issuer whose certificate is not trusted at the start is asked again as soon as it is: not at its next turn, which may be
// half a minute away.
func TestAuthorityIsTrustedLater(t *testing.T) {
	stranger, _ := issuer(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	publish := func(text []byte) {
		if err := os.WriteFile(file+".new", text, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	publish(stranger.CAFile())
	trusted, err := trust.Open(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var following sync.WaitGroup
	following.Go(func() { _ = trusted.Run(ctx) })
	defer following.Wait()
	defer cancel()
	w := newWorld(t, func(o *auth.Options) { o.Trust = trusted })
	token := w.mint(w.person())
	for range 3 { // the pauses grow: the third fetch was at two seconds, the next would be at six
		if why := w.why(token); why != auth.KeysUnavailable {
			t.Fatalf("not trusted: %q", why)
		}
		time.Sleep(time.Second)
	}
	publish(w.CAFile())
	began := time.Now()
	for w.why(token) != "" {
		if time.Since(began) > 2*time.Second {
			t.Fatal("not let in 2 s after the authority was trusted")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// A slow issuer makes only those wait whose key is not known, and not for long.
func TestSlowIssuer(t *testing.T) {
	w := newWorld(t, nil)
	good := w.mint(w.person())
	w.let(good)
	w.SetKeysFault(&authority.KeysFault{Delay: time.Minute})
	var forgers sync.WaitGroup
	for i := range 200 {
		token := w.forged(fmt.Sprint("k", i))
		forgers.Go(func() {
			if why := w.why(token); why != auth.UnknownKey && why != auth.KeysUnavailable {
				t.Errorf("refused for %q", why)
			}
		})
	}
	tokens := make([]string, 500) // each is verified anew
	for i := range tokens {
		tokens[i] = w.mint(w.person())
	}
	var took []time.Duration
	for _, token := range tokens {
		began := time.Now()
		w.let(token)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	if p99 := took[len(took)*99/100]; p99 > 100*time.Millisecond {
		t.Errorf("p99 of a good token: %v", p99)
	}
	forgers.Wait()
	if n := w.fetches(); n > 2 {
		t.Errorf("%d fetches", n)
	}
}

func TestManyWaitAtOnce(t *testing.T) {
	w := newWorld(t, nil)
	w.let(w.mint(w.person()))
	w.RollKeysTo(keys()[1], false)
	var let atomic.Int32
	var crowd sync.WaitGroup
	for range 500 {
		token := w.mint(w.person())
		crowd.Go(func() {
			if w.why(token) == "" {
				let.Add(1)
			}
		})
	}
	crowd.Wait()
	if let.Load() != 500 || w.fetches() != 2 {
		t.Errorf("%d of 500 let in, %d fetches", let.Load(), w.fetches())
	}
}

// Where the keys are is found by the issuer's own description.
func TestDiscovery(t *testing.T) {
	w := newWorld(t, nil) // has no JWKSURL
	w.let(w.mint(w.person()))
	// One application for several tenants: the template stands for the one that the token is of.
	several := newWorld(t, func(o *auth.Options) {
		o.JWT.Issuer = strings.Replace(o.JWT.Issuer, o.JWT.TenantIDs[0], "{tenantid}", 1)
		o.JWT.TenantIDs = append(o.JWT.TenantIDs, "99999999-2222-4333-8444-555555555555")
	})
	several.let(several.mint(several.person()))
	a := several.person()
	a.Claims = map[string]any{"tid": "99999999-2222-4333-8444-555555555555"}
	if why := several.why(several.mint(a)); why != auth.Issuer {
		t.Errorf("another tenant than the issuer's: %q", why)
	}
	// A key that is published for another issuer is not good for this one, although its signature is.
	a.Claims["iss"] = several.root + "/99999999-2222-4333-8444-555555555555/v2.0"
	if why := several.why(several.mint(a)); why != auth.Issuer {
		t.Errorf("a key of another issuer's: %q", why)
	}
	a.Claims = map[string]any{"tid": "88888888-2222-4333-8444-555555555555", "iss": several.root + "/88888888-2222-4333-8444-555555555555/v2.0"}
	if why := several.why(several.mint(a)); why != auth.Tenant {
		t.Errorf("a tenant that is not named: %q", why)
	}
}

// A description that is somebody else's, or leads off the secured path, is not followed.
func TestFalseDiscovery(t *testing.T) {
	var body atomic.Value
	var asked atomic.Int32
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, body.Load()) }))
	defer server.Close()
	const another, nowhere = "it describes the issuer", "jwks_uri"
	for text, want := range map[string]string{
		`{"issuer":"https://evil.test/","jwks_uri":"` + elsewhere.URL + `"}`: another, `{"issuer":"` + server.URL + `/","jwks_uri":"` + elsewhere.URL + `"}`: another, `{}`: another,
		`{"issuer":"` + server.URL + `","jwks_uri":"http://192.0.2.1/keys"}`: nowhere, `{"issuer":"` + server.URL + `","jwks_uri":"file:///etc/passwd"}`: nowhere, `{"issuer":"` + server.URL + `"}`: nowhere,
		`no`: "no description",
	} {
		body.Store(text)
		v := newVerifier(t, auth.Options{JWT: auth.JWT{Issuer: server.URL, Audience: api}})
		if _, err := v.FetchKeys(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	if asked.Load() > 0 {
		t.Error("a false description was followed")
	}
}

// Version 1.0, whose issuer and keys are elsewhere.
func TestVersionOne(t *testing.T) {
	w := newWorld(t, func(o *auth.Options) {
		o.JWT.JWKSURL = strings.TrimSuffix(o.JWT.Issuer, "/v2.0") + "/discovery/keys"
		o.JWT.Issuer, o.JWT.Audience = "https://sts.windows.net/"+o.JWT.TenantIDs[0]+"/", "api://"+api
		o.JWT.TenantIDs = nil // the issuer's own
	})
	a := w.person()
	a.Version, a.Audience = 1, "api://"+api
	if p := w.let(w.mint(a)); p.User.String() != anna {
		t.Errorf("%+v", p)
	}
	if why := w.why(w.mint(w.person())); why != auth.Version {
		t.Errorf("version 2: %q", why)
	}
}

// Any OpenID provider: no tenant, a subject of its own, and scopes as RFC 9068 has them.
func TestAnotherProvider(t *testing.T) {
	a, server := issuer(t)
	jwt := auth.JWT{Issuer: "https://id.example.com/realms/staff", Audience: "presence", JWKSURL: server.URL + "/" + a.TenantID() + "/discovery/v2.0/keys", RequiredScope: "presence"}
	v := newVerifier(t, auth.Options{JWT: jwt, Trust: trust.Of(a.Pool())})
	run(t, v)
	token := func(claims map[string]any) string {
		all := map[string]any{"iss": jwt.Issuer, "aud": "presence", "sub": "42", "scope": "openid presence"}
		for _, name := range []string{"nbf", "tid", "oid", "ver", "scp", "idtyp", "azp", "azpacr", "rh", "aio", "uti"} {
			all[name] = nil
		}
		for name, value := range claims {
			all[name] = value
		}
		text, err := a.Mint(authority.Access{Claims: all})
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	p, err := v.Authenticate(t.Context(), bearer(token(map[string]any{"groups": []string{"/staff", groupID}})))
	if err != nil || p.Subject != "sub:https://id.example.com/realms/staff:42" || !p.User.IsZero() || len(p.Groups) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	for name, row := range map[string]struct {
		claims map[string]any
		want   auth.Reason
	}{
		"scp instead":      {map[string]any{"scope": nil, "scp": "presence"}, ""},
		"a list of scopes": {map[string]any{"scope": nil, "scp": []string{"a", "presence"}}, ""},
		"an oid is a word": {map[string]any{"oid": anna, "tid": "x"}, ""},
		"no subject":       {map[string]any{"sub": nil}, auth.Subject},
		"begins later":     {map[string]any{"nbf": time.Now().Add(time.Hour).Unix()}, auth.NotYetValid},
		"no end":           {map[string]any{"exp": nil}, auth.Malformed},
		"no scope":         {map[string]any{"scope": "openid"}, auth.Scope},
		"nothing":          {map[string]any{"scope": nil}, auth.Scope},
		"an ID token":      {map[string]any{"nonce": "x"}, auth.IDToken},
		"a refresh token":  {map[string]any{"typ": "Refresh"}, auth.IDToken},
		"another issuer":   {map[string]any{"iss": "https://id.example.com/realms/guests"}, auth.Issuer},
	} {
		if why := refused(t, v, bearer(token(row.claims))); why != row.want {
			t.Errorf("%s: refused for %q, want %q", name, why, row.want)
		}
	}
}

// Who is let in by scope, by role, by either, by neither.
func TestEntitlement(t *testing.T) {
	w := newWorld(t, nil)
	for _, row := range []struct {
		scope, role                             string
		person, withRole, application, bareUser auth.Reason
	}{
		{scope, role, "", "", "", auth.Scope},
		{scope, "", "", "", auth.Scope, auth.Scope},
		{"", role, auth.Role, "", "", auth.Role},
		{"", "", "", "", "", ""},
	} {
		jwt := accepting(w.Authority, w.root)
		jwt.RequiredScope, jwt.RequiredRole = row.scope, row.role
		v := newVerifier(t, auth.Options{JWT: jwt, Trust: trust.Of(w.Pool())})
		stop := run(t, v)
		withRole, bare := w.person(), w.person()
		withRole.Roles, bare.Scopes = []string{role}, []string{"Other"}
		for name, pair := range map[string]struct {
			token string
			want  auth.Reason
		}{"person": {w.mint(w.person()), row.person}, "with the role": {w.mint(withRole), row.withRole}, "application": {w.mint(w.application()), row.application}, "another scope": {w.mint(bare), row.bareUser}} {
			if why := refused(t, v, bearer(pair.token)); why != pair.want {
				t.Errorf("scope %q, role %q: %s refused for %q, want %q", row.scope, row.role, name, why, pair.want)
			}
		}
		stop()
	}
}

func TestOptionsAreRefused(t *testing.T) {
	const tenant = "11111111-2222-4333-8444-555555555555"
	good := auth.JWT{Issuer: "https://login.microsoftonline.com/" + tenant + "/v2.0", Audience: api}
	for want, change := range map[string]func(*auth.JWT){
		"audience is missing":               func(o *auth.JWT) { o.Audience = "" },
		"audience is Microsoft Graph":       func(o *auth.JWT) { o.Audience = "https://graph.microsoft.com" },
		"tenant_ids: \"x\" is no tenant id": func(o *auth.JWT) { o.TenantIDs = []string{"x"} },
		"tenant_ids is missing":             func(o *auth.JWT) { o.Issuer = "https://login.microsoftonline.com/{tenantid}/v2.0" },
		"the issuer's own tenant":           func(o *auth.JWT) { o.TenantIDs = []string{"99999999-2222-4333-8444-555555555555"} },
		"want https":                        func(o *auth.JWT) { o.Issuer = "http://login.test/" },
		"want a URL":                        func(o *auth.JWT) { o.Issuer = "login" },
	} {
		o := good
		change(&o)
		if _, err := auth.New(auth.Options{JWT: o}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := auth.New(auth.Options{JWT: good}); err != nil {
		t.Error(err)
	}
}
