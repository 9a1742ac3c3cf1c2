package authority_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/goleak"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	client = "22222222-3333-4444-8555-666666666666"
	graph  = "https://graph.microsoft.com"
)

var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func newAuthority(t *testing.T, app authority.App) (*authority.Authority, *httptest.Server, *http.Client) {
	t.Helper()
	a, err := authority.New(authority.Options{SigningKey: key()})
	if err != nil {
		t.Fatal(err)
	}
	app.ClientID = client
	a.Register(app)
	server := httptest.NewUnstartedServer(a)
	server.TLS = a.TLSConfig()
	server.StartTLS()
	t.Cleanup(server.Close)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(a.CAFile()) {
		t.Fatal("the authority's own certificate cannot be read")
	}
	c := server.Client()
	c.Transport.(*http.Transport).TLSClientConfig.RootCAs = pool
	return a, server, c
}

func post(t *testing.T, c *http.Client, where string, pairs ...string) (int, map[string]any) {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := c.PostForm(where, form)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	var body map[string]any
	if err != nil || json.Unmarshal(text, &body) != nil {
		t.Fatalf("got %s", text)
	}
	return r.StatusCode, body
}

var credentials = []string{"grant_type", "client_credentials", "client_id", client, "scope", graph + "/.default openid offline_access profile"}

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

func TestTokensVerify(t *testing.T) {
	a, server, c := newAuthority(t, authority.App{Secrets: []authority.Secret{{Value: "s"}}, Roles: []string{"Presence.Read.All"}})
	where := server.URL + "/" + a.TenantID() + "/oauth2/v2.0/token"
	status, body := post(t, c, where, append(credentials, "client_secret", "s", "claims", `{"access_token":{"xms_cc":{"values":["CP1"]}}}`)...)
	token, _ := body["access_token"].(string)
	if status != 200 || body["expires_in"] != 3600.0 || body["token_type"] != "Bearer" {
		t.Fatalf("got %d %v", status, body)
	}
	claims, err := a.Verify(token)
	if err != nil || claims.AppID != client || claims.Tenant != a.TenantID() || !claims.Allows("x", "Presence.Read.All") || claims.Capabilities[0] != "CP1" {
		t.Errorf("got %+v, %v", claims, err)
	}
	parts := strings.Split(token, ".")
	genuine, _, err := jwt.NewParser().ParseUnverified(token, &authority.Claims{})
	if err != nil {
		t.Fatal(err)
	}
	forge := func(method jwt.SigningMethod, key any) string {
		t.Helper()
		j := jwt.NewWithClaims(method, claims)
		j.Header["kid"] = genuine.Header["kid"]
		text, err := j.SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	forged, none := forge(jwt.SigningMethodHS256, x509.MarshalPKCS1PublicKey(&key().PublicKey)), forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType)
	another := forge(jwt.SigningMethodPS256, key())
	elsewhere, err := a.Issue(client, "https://graph.microsoft.us")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"", "x", parts[0] + "." + parts[1] + ".", parts[0] + "." + parts[1] + "." + parts[2][:340], forged, none, another, elsewhere} {
		if _, err := a.Verify(bad); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
	// The key set is the one that signed it.
	r, err := c.Get(server.URL + "/" + a.TenantID() + "/discovery/v2.0/keys")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var set struct{ Keys []struct{ Kid, N, E string } }
	if err := json.NewDecoder(r.Body).Decode(&set); err != nil || len(set.Keys) != 1 {
		t.Fatalf("got %v, %v", set, err)
	}
	n, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].N)
	e, _ := base64.RawURLEncoding.DecodeString(set.Keys[0].E)
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if _, err := jwt.Parse(token, func(j *jwt.Token) (any, error) {
		if j.Header["kid"] != set.Keys[0].Kid {
			return nil, errors.New("another key")
		}
		return public, nil
	}); err != nil {
		t.Error(err)
	}
}

func TestRequestsAreRefused(t *testing.T) {
	a, server, c := newAuthority(t, authority.App{Secrets: []authority.Secret{{Value: "s"}, {Value: "old", Expires: time.Now().Add(-time.Second)}}})
	where := server.URL + "/" + a.TenantID() + "/oauth2/v2.0/token"
	for _, row := range []struct {
		where string
		form  []string
		code  float64
	}{
		{where, []string{"client_secret", "no"}, 7000215},
		{where, []string{"client_secret", "old"}, 7000222},
		{where, nil, 7000216},
		{where, []string{"client_secret", "s", "client_id", "other"}, 700016},
		{where, []string{"client_secret", "s", "client_id", ""}, 900144},
		{where, []string{"client_secret", "s", "grant_type", "password"}, 70003},
		{where, []string{"client_secret", "s", "scope", graph + "/Presence.Read.All"}, 1002012},
		{where, []string{"client_secret", "s", "scope", graph + "/.default https://graph.microsoft.us/.default"}, 1002012},
		{where, []string{"client_secret", "s", "scope", "https://graph.microsoft.us/.default"}, 500011},
		{where, []string{"client_assertion", "x", "client_assertion_type", assertionType}, 50027},
		{server.URL + "/fabrikam/oauth2/v2.0/token", []string{"client_secret", "s"}, 90002},
		{where + "?client_secret=s", []string{"client_secret", "s"}, 900144},
	} {
		status, body := post(t, c, row.where, append(append([]string{}, credentials...), row.form...)...)
		codes, _ := body["error_codes"].([]any)
		text, _ := body["error_description"].(string)
		if status < 400 || len(codes) != 1 || codes[0] != row.code || !strings.HasPrefix(text, "AADSTS") || !strings.Contains(text, "Trace ID: ") {
			t.Errorf("%v: got %d %v, want %v", row.form, status, body, row.code)
		}
	}
	if s := a.Stats(); s.Issued != 0 || s.Refused != s.Token {
		t.Errorf("got %+v", s)
	}
}

func TestAssertionsAreVerified(t *testing.T) {
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "x"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key().PublicKey, key())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a, server, c := newAuthority(t, authority.App{Certificates: []*x509.Certificate{certificate}})
	where := server.URL + "/" + a.TenantID() + "/oauth2/v2.0/token"
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	print := sha256.Sum256(der)
	good := func() (jwt.MapClaims, map[string]any) {
		return jwt.MapClaims{"iss": client, "sub": client, "aud": where, "jti": rand.Text(), "exp": time.Now().Add(time.Minute).Unix()},
			map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(print[:])}
	}
	for _, row := range []struct {
		name   string
		method jwt.SigningMethod
		key    any
		change func(claims jwt.MapClaims, header map[string]any)
		code   float64 // 0: accepted
	}{
		{name: "PS256", method: jwt.SigningMethodPS256},
		{name: "RS256", method: jwt.SigningMethodRS256},
		{name: "the issuer as audience", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) {
			c["aud"] = strings.Replace(where, "/oauth2/v2.0/token", "/v2.0", 1)
		}},
		{name: "another key", method: jwt.SigningMethodRS256, key: stranger, code: 700027},
		{name: "no thumbprint", method: jwt.SigningMethodRS256, change: func(_ jwt.MapClaims, h map[string]any) { delete(h, "x5t#S256") }, code: 700027},
		{name: "another certificate", method: jwt.SigningMethodRS256, change: func(_ jwt.MapClaims, h map[string]any) { h["x5t#S256"] = "AAAA" }, code: 700027},
		{name: "ended", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() }, code: 700024},
		{name: "without an end", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) { delete(c, "exp") }, code: 700027},
		{name: "another audience", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) { c["aud"] = "https://evil.test" }, code: 700023},
		{name: "another subject", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) { c["sub"] = "x" }, code: 700021},
		{name: "another issuer", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) { c["iss"] = "x" }, code: 700211},
		{name: "without an id", method: jwt.SigningMethodRS256, change: func(c jwt.MapClaims, _ map[string]any) { delete(c, "jti") }, code: 700033},
		{name: "HS256 with the public key", method: jwt.SigningMethodHS256, key: der, code: 700027},
	} {
		claims, header := good()
		if row.change != nil {
			row.change(claims, header)
		}
		token := jwt.NewWithClaims(row.method, claims)
		for name, value := range header {
			token.Header[name] = value
		}
		var signer any = key()
		if row.key != nil {
			signer = row.key
		}
		text, err := token.SignedString(signer)
		if err != nil {
			t.Fatal(err)
		}
		form := append(append([]string{}, credentials...), "client_assertion", text, "client_assertion_type", assertionType)
		status, body := post(t, c, where, form...)
		codes, _ := body["error_codes"].([]any)
		switch {
		case row.code == 0 && status != 200, row.code != 0 && (len(codes) != 1 || codes[0] != row.code):
			t.Errorf("%s: got %d %v, want %v", row.name, status, body, row.code)
		case row.code == 0:
			if status, body := post(t, c, where, form...); status == 200 {
				t.Errorf("%s: accepted a second time: %v", row.name, body)
			}
		}
	}
}

func TestRevoke(t *testing.T) {
	a, server, c := newAuthority(t, authority.App{Secrets: []authority.Secret{{Value: "s"}}, Roles: []string{"Presence.Read.All"}})
	where := server.URL + "/" + a.TenantID() + "/oauth2/v2.0/token"
	get := func(claims string) string {
		t.Helper()
		status, body := post(t, c, where, append(append([]string{}, credentials...), "client_secret", "s", "claims", claims)...)
		if status != 200 {
			t.Fatalf("got %v", body)
		}
		return body["access_token"].(string)
	}
	const capable = `"xms_cc":{"values":["CP1"]}`
	old, incapable := get(`{"access_token":{`+capable+`}}`), get("")
	a.Revoke()
	var challenge *authority.Challenge
	if _, err := a.Verify(old); !errors.As(err, &challenge) {
		t.Fatalf("got %v, want a challenge", err)
	}
	if _, err := a.Verify(incapable); err != nil {
		t.Errorf("a client that did not declare CP1 is challenged: %v", err)
	}
	if _, err := a.Verify(get(`{"access_token":{` + capable + `}}`)); !errors.As(err, &challenge) {
		t.Errorf("a token asked for without the claims: got %v, want a challenge", err)
	}
	merged := strings.Replace(challenge.Claims, `{"access_token":{`, `{"access_token":{`+capable+`,`, 1)
	if _, err := a.Verify(get(merged)); err != nil {
		t.Errorf("a token asked for with the claims: %v", err)
	}
	if _, err := a.Verify(get(`{"access_token":{` + capable + `}}`)); err != nil {
		t.Errorf("a token asked for later: %v", err)
	}
	if _, err := a.Verify(old); !errors.As(err, &challenge) {
		t.Error("the old token is good again")
	}
	if s := a.Stats(); s.WithClaims != 1 || s.Challenged != 3 {
		t.Errorf("got %+v", s)
	}
}

func TestGuard(t *testing.T) {
	a, _, _ := newAuthority(t, authority.App{})
	graphs := a.Guard(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), "Presence.Read.All")
	ask := func(header string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/v1.0/x", nil)
		r.Header.Set("Authorization", header)
		r.Header.Set("client-request-id", "mine")
		w := httptest.NewRecorder()
		graphs.ServeHTTP(w, r)
		return w
	}
	issue := func(roles ...string) string {
		token, err := a.Issue(client, graph, roles...)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + token
	}
	for header, want := range map[string]int{"": 401, "Bearer x": 401, "Basic x": 401, issue("User.Read.All"): 403, issue("Presence.Read.All"): 204} {
		if w := ask(header); w.Code != want || want != 204 && (w.Header().Get("client-request-id") != "mine" || !strings.Contains(w.Body.String(), `"innerError"`)) {
			t.Errorf("%.20s: got %d %s, want %d", header, w.Code, w.Body, want)
		}
	}
}

func TestInstanceDiscovery(t *testing.T) {
	a, server, c := newAuthority(t, authority.App{})
	for _, row := range []struct {
		query  string
		status int
	}{{server.URL + "/" + a.TenantID() + "/oauth2/v2.0/authorize", 200}, {"https://evil.test/x", 400}} {
		r, err := c.Get(server.URL + "/common/discovery/instance?api-version=1.1&authorization_endpoint=" + url.QueryEscape(row.query))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != row.status {
			t.Errorf("%s: got %d, want %d", row.query, r.StatusCode, row.status)
		}
	}
}
