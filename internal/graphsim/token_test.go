package graphsim_test

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

var formType = []string{"Content-Type", "application/x-www-form-urlencoded"}

const scope = "https://graph.microsoft.com/.default"

func TestTokenEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 3, Token: "fixed", ClientID: "app", ClientSecret: "s3cret", TokenLife: time.Hour})
		id := ids(tenant)[0]
		good := []string{"grant_type", "client_credentials", "client_id", "app", "client_secret", "s3cret", "scope", scope}
		o := c.ok("POST", "/contoso/oauth2/v2.0/token", form(good...), formType...)
		token, _ := o["access_token"].(string)
		if o["token_type"] != "Bearer" || o["expires_in"] != 3600.0 || token == "" {
			t.Fatalf("got %v", o)
		}
		var claims struct {
			Audience string   `json:"aud"`
			Roles    []string `json:"roles"`
			Tenant   string   `json:"tid"`
		}
		raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
		if err != nil || json.Unmarshal(raw, &claims) != nil || claims.Tenant != "contoso" || claims.Audience != "https://graph.microsoft.com" ||
			!slices.Contains(claims.Roles, "Presence.Read.All") {
			t.Errorf("claims are %s (%v)", raw, err)
		}
		presence := "/v1.0/users/" + id + "/presence"
		if r := c.get(presence, "Authorization", "Bearer "+token); r.status != 200 {
			t.Errorf("issued token: %d %s", r.status, r.body)
		}
		if r := c.get("/v1.0/me/presence", "Authorization", "Bearer "+token); r.status != 400 || !strings.Contains(string(r.body), "delegated") {
			t.Errorf("an application on /me: %d %s", r.status, r.body)
		}
		if r := c.get("/v1.0/me/presence", "Authorization", "Bearer fixed"); r.status != 200 {
			t.Errorf("the fixed token: %d", r.status)
		}
		for _, bad := range []string{"", "Bearer ", "Bearer other", "Basic fixed", "Bearer " + token[:len(token)-2], "Bearer x" + token} {
			r := c.get(presence, "Authorization", bad)
			if r.status != 401 || r.code(t) != "InvalidAuthenticationToken" || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("Authorization %q: %d %s", bad, r.status, r.body)
			}
		}
		time.Sleep(time.Hour)
		if r := c.get(presence, "Authorization", "Bearer "+token); r.status != 401 || !strings.Contains(string(r.body), "expired") {
			t.Errorf("an expired token: %d %s", r.status, r.body)
		}
		for i, want := range map[int]string{1: "AADSTS70003", 3: "AADSTS700016", 5: "AADSTS7000215", 7: "AADSTS1002012"} {
			bad := slices.Clone(good)
			bad[i] = "other"
			r := c.do("POST", "/contoso/oauth2/v2.0/token", form(bad...), formType...)
			if r.status < 400 || !strings.Contains(string(r.body), want) {
				t.Errorf("%s: %d %s", want, r.status, r.body)
			}
		}
		assertion := form("grant_type", "client_credentials", "client_id", "app", "scope", scope, "client_assertion", "a.b.c",
			"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		c.ok("POST", "/contoso/oauth2/v2.0/token", assertion, formType...)
		c.faults(`{"status":{"status":503,"kinds":["token"],"retryAfter":2}}`)
		if r := c.do("POST", "/contoso/oauth2/v2.0/token", form(good...), formType...); r.status != 503 || r.header.Get("Retry-After") != "2" {
			t.Errorf("a failing login: %d %v", r.status, r.header)
		}
		o = c.ok("GET", "/contoso/v2.0/.well-known/openid-configuration", "")
		if o["token_endpoint"] != "http://example.com/contoso/oauth2/v2.0/token" {
			t.Errorf("discovery: %v", o)
		}
	})
}

func TestRolesOpenCalls(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 3, Roles: []string{"User.Read.All"}})
	o := c.ok("POST", "/contoso/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", "x", "client_secret", "y", "scope", scope), formType...)
	bearer := "Bearer " + o["access_token"].(string)
	if r := c.get("/v1.0/users/"+ids(tenant)[0]+"/presence", "Authorization", bearer); r.status != 403 {
		t.Errorf("presence without its role: %d", r.status)
	}
	if r := c.get("/v1.0/users", "Authorization", bearer); r.status != 200 {
		t.Errorf("users with their role: %d", r.status)
	}
	if r := c.get("/v1.0/users"); r.status != 200 {
		t.Errorf("any other token: %d", r.status)
	}
}
