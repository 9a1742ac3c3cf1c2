package graphsim_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

type challenged struct{ error }

func (challenged) Header() string { return `Bearer error="insufficient_claims"` }

// A login beside the tenant judges tokens; reads that it refuses count all the same.
func TestVerify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 3, Verify: func(token string) (graphsim.Grant, error) {
			switch token {
			case "app":
				return graphsim.Grant{App: true, Permissions: []string{"Presence.Read.All"}}, nil
			case "user":
				return graphsim.Grant{Permissions: []string{"Presence.Read.All"}}, nil
			case "poor":
				return graphsim.Grant{Permissions: []string{"User.Read.All"}}, nil
			case "revoked":
				return graphsim.Grant{}, challenged{errors.New("revoked")}
			}
			return graphsim.Grant{}, errors.New("unknown")
		}})
		id := ids(tenant)[0]
		issued := c.ok("POST", "/contoso/oauth2/v2.0/token", form("grant_type", "client_credentials", "client_id", "a", "client_secret", "b", "scope", scope), formType...)
		own, _ := issued["access_token"].(string)
		for _, row := range []struct {
			path, token string
			status      int
			challenge   bool
		}{
			{"/v1.0/users/" + id + "/presence", "app", 200, false},
			{"/v1.0/users/" + id + "/presence", "user", 200, false},
			{"/v1.0/users/" + id + "/presence", "poor", 403, false},
			{"/v1.0/users/" + id + "/presence", "revoked", 401, true},
			{"/v1.0/users/" + id + "/presence", "other", 401, false},
			{"/v1.0/users/" + id + "/presence", own, 401, false},
			{"/v1.0/me/presence", "app", 400, false},
			{"/v1.0/me/presence", "user", 200, false},
			{"/v1.0/users", "app", 403, false},
			{"/v1.0/users", "poor", 200, false},
		} {
			r := c.get(row.path, "Authorization", "Bearer "+row.token)
			if r.status != row.status || (r.header.Get("WWW-Authenticate") == challenged{}.Header()) != row.challenge {
				t.Errorf("%s as %.10s: got %d %s %v, want %d", row.path, row.token, r.status, r.body, r.header, row.status)
			}
		}
		if s := tenant.Stats(); s.Reads != 8 {
			t.Errorf("%d reads are counted, want 8", s.Reads)
		}
	})
}
