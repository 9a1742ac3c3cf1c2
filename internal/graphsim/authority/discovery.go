package authority

import (
	"net/http"
	"net/url"
)

func base(r *http.Request) string { return "https://" + r.Host }

// serveOpenID is the metadata that leads a client to the other endpoints.
func (a *Authority) serveOpenID(w http.ResponseWriter, r *http.Request) {
	a.count(func(s *Stats) *int { return &s.Discovery })
	tenant := r.PathValue("tenant")
	if !a.knows(tenant) {
		a.noTenant(tenant).write(w)
		return
	}
	a.mu.Lock()
	fault := a.keysFault
	a.mu.Unlock()
	if fault.serve(w, r) {
		return
	}
	root, issuer := base(r)+"/"+tenant, a.issuer(base(r))
	if tenant == "common" || tenant == "organizations" {
		issuer = base(r) + "/{tenantid}/v2.0" // for all tenants
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                issuer,
		"authorization_endpoint":                root + "/oauth2/v2.0/authorize",
		"token_endpoint":                        root + "/oauth2/v2.0/token",
		"device_authorization_endpoint":         root + "/oauth2/v2.0/devicecode",
		"end_session_endpoint":                  root + "/oauth2/v2.0/logout",
		"jwks_uri":                              root + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt", "client_secret_basic"},
		"response_types_supported":              []string{"code", "id_token", "code id_token", "id_token token"},
		"subject_types_supported":               []string{"pairwise"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"scopes_supported":                      []string{"openid", "profile", "email", "offline_access"},
		"tenant_region_scope":                   "EU",
		"cloud_instance_name":                   r.Host,
	})
}

func (a *Authority) noTenant(name string) *refusal {
	return &refusal{http.StatusBadRequest, "invalid_tenant", 90002, "Tenant '" + name + "' not found. Check to make sure you have the correct tenant ID and are signing into the correct cloud. Check with your subscription administrator, this may happen if there are no active subscriptions for the tenant."}
}

// serveInstance tells which hosts are one authority. A client asks for it unless its authority is one that it knows.
func (a *Authority) serveInstance(w http.ResponseWriter, r *http.Request) {
	a.count(func(s *Stats) *int { return &s.Discovery })
	endpoint, err := url.Parse(r.URL.Query().Get("authorization_endpoint"))
	if err != nil || endpoint.Host != r.Host {
		(&refusal{http.StatusBadRequest, "invalid_instance", 50049, "Unknown or invalid instance."}).write(w)
		return
	}
	tenant := a.o.TenantID
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": base(r) + "/" + tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []map[string]any{{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}
