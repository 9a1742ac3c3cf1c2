package authority_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
)

const (
	apiID    = "44444444-3333-4444-8555-666666666666"
	redirect = "https://presence.example/"
	verifier = "a-verifier-that-is-long-enough-to-be-one-0123456789"
)

var anna = authority.User{ID: "aaaaaaaa-0000-4000-8000-000000000001", Name: "anna@contoso.example", DisplayName: "Anna <b>Berg</b>"}

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// browser signs in at an authority with one API and one single-page application.
type browser struct {
	*testing.T
	a      *authority.Authority
	client *http.Client
	root   string
}

func newBrowser(t *testing.T) *browser {
	a, server, c := newAuthority(t, authority.App{RedirectURIs: []string{redirect}})
	a.RegisterAPI(authority.API{ClientID: apiID, Scopes: []string{"Presence.Subscribe", "Other"}})
	a.SetPeople(func() []authority.User { return []authority.User{anna} })
	c.Jar, _ = cookiejar.New(nil)
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{t, a, c, server.URL + "/" + a.TenantID() + "/oauth2/v2.0"}
}

func (b *browser) query(change map[string]string) string {
	all := map[string]string{"client_id": client, "response_type": "code", "redirect_uri": redirect, "scope": "openid offline_access api://" + apiID + "/Presence.Subscribe",
		"state": "s&1", "nonce": "n1", "code_challenge": challenge(), "code_challenge_method": "S256"}
	maps.Copy(all, change)
	values := url.Values{}
	for name, value := range all {
		if value != "" {
			values.Set(name, value)
		}
	}
	return b.root + "/authorize?" + values.Encode()
}

// ask opens a page, or sends its form, and answers where it leads.
func (b *browser) ask(where string, form url.Values) (status int, body string, back url.Values) {
	b.Helper()
	var r *http.Response
	var err error
	if form == nil {
		r, err = b.client.Get(where)
	} else {
		r, err = b.client.PostForm(where, form)
	}
	if err != nil {
		b.Fatal(err)
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	if to := r.Header.Get("Location"); to != "" {
		if !strings.HasPrefix(to, redirect) {
			b.Fatalf("sent to %s", to)
		}
		back, _ = url.ParseQuery(strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(to, redirect), "?"), "#"))
	}
	return r.StatusCode, string(text), back
}

func (b *browser) token(origin string, pairs ...string) (int, map[string]any, http.Header) {
	b.Helper()
	form := url.Values{"client_id": {client}, "grant_type": {"authorization_code"}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	r, err := http.NewRequest("POST", b.root+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	response, err := b.client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	var body map[string]any
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		b.Fatal(err)
	}
	return response.StatusCode, body, response.Header
}

func (b *browser) code() string {
	b.Helper()
	_, _, back := b.ask(b.query(nil), url.Values{"user": {anna.ID}})
	if back.Get("code") == "" || back.Get("state") != "s&1" {
		b.Fatalf("sent back with %v", back)
	}
	return back.Get("code")
}

func claimsOf(t *testing.T, token any) jwt.MapClaims {
	t.Helper()
	text, _ := token.(string)
	parsed, _, err := jwt.NewParser().ParseUnverified(text, jwt.MapClaims{})
	if err != nil {
		t.Fatalf("%v: %v", token, err)
	}
	return parsed.Claims.(jwt.MapClaims)
}

// A person picks who they are; the page's program gets a token for the API with its proof, and renews it.
func TestCodeWithProof(t *testing.T) {
	b := newBrowser(t)
	b.a.Assign(anna.ID, authority.Assignment{Roles: []string{"Desk"}, Groups: []string{apiID}})
	status, body, _ := b.ask(b.query(nil), nil)
	if status != 200 || !strings.Contains(body, anna.ID) || strings.Contains(body, "<b>") {
		t.Fatalf("the page: %d %s", status, body)
	}
	const origin = "https://presence.example"
	code := b.code()
	status, body2, header := b.token(origin, "code", code)
	if status != 200 || header.Get("Access-Control-Allow-Origin") != origin {
		t.Fatalf("%d %v %v", status, body2, header)
	}
	c := claimsOf(t, body2["access_token"])
	issuer := strings.TrimSuffix(b.root, "/oauth2/v2.0") + "/v2.0"
	if c["aud"] != apiID || c["iss"] != issuer || c["ver"] != "2.0" || c["oid"] != anna.ID || c["scp"] != "Presence.Subscribe" || c["azp"] != client || c["sub"] == anna.ID || len(c["roles"].([]any)) != 1 || len(c["groups"].([]any)) != 1 {
		t.Errorf("access token %v", c)
	}
	if id := claimsOf(t, body2["id_token"]); id["nonce"] != "n1" || id["aud"] != client || id["iss"] != issuer || id["scp"] != nil {
		t.Errorf("ID token %v", id)
	}
	if status, again, _ := b.token(origin, "code", code); status == 200 {
		t.Errorf("a code was redeemed twice: %v", again)
	}
	first := body2["refresh_token"].(string)
	status, body2, _ = b.token(origin, "grant_type", "refresh_token", "refresh_token", first, "scope", apiID+"/Other")
	if status != 200 || claimsOf(t, body2["access_token"])["scp"] != "Other" {
		t.Errorf("renewed: %d %v", status, body2)
	}
	if status, _, _ := b.token(origin, "grant_type", "refresh_token", "refresh_token", first, "scope", apiID+"/Other"); status == 200 {
		t.Error("a replaced refresh token is good")
	}
	// Signed in, the next time is silent.
	if _, _, back := b.ask(b.query(map[string]string{"prompt": "none", "response_mode": "fragment"}), nil); back.Get("code") == "" {
		t.Errorf("silently: %v", back)
	}
	if status, _, _ := b.ask(b.query(map[string]string{"prompt": "login"}), nil); status != 200 {
		t.Errorf("with prompt: %d", status)
	}
	b.ask(b.root+"/logout?post_logout_redirect_uri="+url.QueryEscape(redirect), nil)
	if _, _, back := b.ask(b.query(map[string]string{"prompt": "none"}), nil); back.Get("error") != "login_required" {
		t.Errorf("after signing out: %v", back)
	}
}

func TestAuthorizationsAreRefused(t *testing.T) {
	b := newBrowser(t)
	for name, change := range map[string]map[string]string{
		"another redirection": {"redirect_uri": "https://evil.example/"}, "a redirection that begins alike": {"redirect_uri": redirect + "x"}, "an unknown application": {"client_id": apiID},
	} {
		if status, body, back := b.ask(b.query(change), url.Values{"user": {anna.ID}}); status != 400 || back != nil || !strings.Contains(body, "AADSTS") {
			t.Errorf("%s: %d %v", name, status, back)
		}
	}
	for want, change := range map[string]map[string]string{
		"unsupported_response_type": {"response_type": "token"}, "AADSTS9002325": {"code_challenge": ""}, "Proof Key": {"code_challenge_method": "plain"}, "form_post": {"response_mode": "form_post"},
		"AADSTS70011": {"scope": "api://" + apiID + "/Nothing"}, "AADSTS28000": {"scope": "api://" + apiID + "/Other " + graph + "/.default"}, "AADSTS500011": {"scope": "api://x/.default"},
	} {
		if _, _, back := b.ask(b.query(change), nil); !strings.Contains(back.Encode(), url.QueryEscape(want)) || back.Get("state") != "s&1" {
			t.Errorf("%v: %v", change, back)
		}
	}
	if _, _, back := b.ask(b.query(nil), url.Values{"user": {""}}); back.Get("error") != "access_denied" {
		t.Errorf("cancelled: %v", back)
	}
	const origin = "https://presence.example"
	for name, row := range map[string]struct {
		origin string
		pairs  []string
		code   float64
	}{
		"another proof":       {origin, []string{"code_verifier", "x"}, 501481},
		"no proof":            {origin, []string{"code_verifier", ""}, 501481},
		"another redirection": {origin, []string{"redirect_uri", "https://evil.example/"}, 500112},
		"no page":             {"", nil, 9002327},
		"another page":        {"https://evil.example", nil, 9002326},
		"an unknown code":     {origin, []string{"code", "x"}, 54005},
	} {
		status, body, header := b.token(row.origin, append([]string{"code", b.code()}, row.pairs...)...)
		codes, _ := body["error_codes"].([]any)
		if status != 400 || !slices.Contains(codes, any(row.code)) || header.Get("Access-Control-Allow-Origin") == "https://evil.example" {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

// An application's own token for an API, and a set of keys that changes.
func TestKeysRoll(t *testing.T) {
	a, server, c := newAuthority(t, authority.App{Secrets: []authority.Secret{{Value: "s"}}})
	a.RegisterAPI(authority.API{ClientID: apiID, Version: 1})
	a.Assign(client, authority.Assignment{Roles: []string{"All"}})
	_, body := post(t, c, server.URL+"/"+a.TenantID()+"/oauth2/v2.0/token", "grant_type", "client_credentials", "client_id", client, "client_secret", "s", "scope", "api://"+apiID+"/.default")
	claims := claimsOf(t, body["access_token"])
	if claims["aud"] != "api://"+apiID || claims["ver"] != "1.0" || claims["idtyp"] != "app" || claims["appid"] != client || claims["oid"] != claims["sub"] || claims["scp"] != nil {
		t.Errorf("%v", claims)
	}
	old := a.KeyID()
	names := func(path string) (all []string, issuer string) {
		r, err := c.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		var set struct {
			Keys []struct{ Kid, Issuer string }
		}
		if err := json.NewDecoder(r.Body).Decode(&set); err != nil {
			t.Fatal(err)
		}
		for _, key := range set.Keys {
			all, issuer = append(all, key.Kid), key.Issuer
		}
		return all, issuer
	}
	graphs, err := a.Issue(client, graph)
	if err != nil {
		t.Fatal(err)
	}
	next, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	a.RollKeysTo(next, false)
	if all, issuer := names("/common/discovery/v2.0/keys"); len(all) != 2 || all[0] != old || all[1] != a.KeyID() || issuer != server.URL+"/{tenantid}/v2.0" {
		t.Errorf("beside each other: %v of %s", all, issuer)
	}
	if _, err := a.Verify(graphs); err != nil {
		t.Errorf("the old key's token: %v", err)
	}
	if err := a.RollKeys(true); err != nil {
		t.Fatal(err)
	}
	if all, issuer := names("/" + a.TenantID() + "/discovery/keys"); len(all) != 1 || all[0] != a.KeyID() || issuer != "" {
		t.Errorf("withdrawn: %v of %q", all, issuer)
	}
	if _, err := a.Verify(graphs); err != nil {
		t.Errorf("Graph goes by what is published: %v", err)
	}
}

// MSAL.js names each request in its address. Nothing else of a token request belongs there, least of all what is secret.
func TestTokenRequestInTheAddress(t *testing.T) {
	b := newBrowser(t)
	root := b.root
	for query, want := range map[string]int{"": 200, "?client-request-id=01a209d8-4302-7aab-9c4e-59d440e0b973": 200, "?code_verifier=" + verifier: 400, "?client-request-id=1&client_secret=x": 400} {
		code := b.code()
		b.root = root + "/token" + query + "#" // token adds its own path, which the fragment swallows
		if status, body, _ := b.token("https://presence.example", "code", code); status != want {
			t.Errorf("%q: %d %v, want %d", query, status, body, want)
		}
		b.root = root
	}
}
