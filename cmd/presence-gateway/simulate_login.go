package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
)

// loginFlags are the simulated Entra beside the tenant.
type loginFlags struct {
	tls, enabled                     bool
	caFile, listen                   string
	tenantID, clientID, clientSecret string
	proofs                           proofs
	apiID, apiScope                  string
	redirectURIs                     []string
	tokenLife                        time.Duration
}

func (f *loginFlags) check(ownCertificate bool) error {
	f.enabled = f.clientID != ""
	switch {
	case f.tls && ownCertificate:
		return errors.New("--tls makes a certificate, --tls-cert brings one: give one of them")
	case f.caFile != "" && !f.tls:
		return errors.New("--ca-file is for the authority that --tls makes: give both")
	case !f.enabled && (f.listen != "" || f.clientSecret != "" || f.proofs.any()):
		return errors.New("--client-id is missing: it names the application that signs in")
	case !f.enabled && f.apiID != "":
		return errors.New("--api-id needs --client-id: the sign-in begins with the application that reads from Graph")
	case f.apiID == "" && len(f.redirectURIs) > 0:
		return errors.New("--redirect-uri is for the pages of --api-id: give both")
	case f.enabled && f.clientSecret == "" && !f.proofs.any():
		return errors.New("--client-secret is missing: it is what the application signs in with (or --client-certificate, --workload-token, --identity-listen)")
	case f.enabled && !f.tls && !ownCertificate:
		return errors.New("--client-id needs --tls: no one signs in over plain http")
	}
	return nil
}

// login is the simulated Entra, with one application.
type login struct {
	*authority.Authority
	flags loginFlags
	admin http.Handler
	root  string // where the sign-in is served, if that is not beside Graph

	mu  sync.Mutex
	app authority.App // as it is registered now
}

// newLogin makes the authority, whose certificate is good for hosts too.
func newLogin(f loginFlags, hosts ...string) (*login, error) {
	known := []string{"localhost", "127.0.0.1", "::1"}
	if name, err := os.Hostname(); err == nil {
		known = append(known, name)
	}
	for _, address := range hosts {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err == nil && host != "" && (ip == nil || !ip.IsUnspecified()) && !slices.Contains(known, host) {
			known = append(known, host)
		}
	}
	a, err := authority.New(authority.Options{TenantID: f.tenantID, Hosts: known, TokenLife: f.tokenLife,
		Resources: []string{"https://graph.microsoft.com", "https://graph.microsoft.us", "https://dod-graph.microsoft.us"}})
	if err != nil {
		return nil, err
	}
	l := &login{Authority: a, flags: f, app: authority.App{ClientID: f.clientID, Public: true}}
	if err := f.proofs.into(&l.app); err != nil {
		return nil, err
	}
	l.register(standing{})
	if f.apiID != "" {
		// One registration is the API and its own pages, as the gateway is.
		l.RegisterAPI(authority.API{ClientID: f.apiID, Scopes: []string{f.apiScope}})
		l.Register(authority.App{ClientID: f.apiID, RedirectURIs: f.redirectURIs})
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /sim/login/token", l.mint)
	mux.HandleFunc("PUT /sim/login/assignments/{id}", l.assign)
	mux.HandleFunc("PUT /sim/login/keys", l.spoilKeys)
	mux.HandleFunc("POST /sim/login/keys/roll", l.rollKeys)
	mux.HandleFunc("GET /sim/login", l.show)
	mux.HandleFunc("PUT /sim/login", l.change)
	mux.HandleFunc("POST /sim/login/revoke", l.revoke)
	mux.HandleFunc("POST /sim/login/approve", l.approve)
	l.admin = http.NewCrossOriginProtection().Handler(mux)
	if f.caFile != "" {
		if err := os.WriteFile(f.caFile, a.CAFile(), 0o644); err != nil {
			return nil, fmt.Errorf("--ca-file: %w", err)
		}
	}
	return l, nil
}

// standing is what the application is, beyond its id and secret. The zero value may sign in and do everything.
type standing struct {
	SecretExpired bool     `json:"secretExpired"`
	NoConsent     bool     `json:"noConsent"`
	Disabled      bool     `json:"disabled"`
	Blocked       bool     `json:"blocked"`
	Permissions   []string `json:"permissions"` // left out: all that the tenant's calls need
}

func (l *login) register(s standing) {
	if s.Permissions == nil {
		s.Permissions = []string{"Presence.Read.All", "GroupMember.Read.All", "User.Read.All"}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.app.Secrets = nil
	if l.flags.clientSecret != "" {
		secret := authority.Secret{Value: l.flags.clientSecret}
		if s.SecretExpired {
			secret.Expires = time.Now()
		}
		l.app.Secrets = []authority.Secret{secret}
	}
	l.app.Roles, l.app.Scopes = s.Permissions, s.Permissions
	l.app.NoConsent, l.app.Disabled, l.app.Blocked = s.NoConsent, s.Disabled, s.Blocked
	l.Register(l.app)
}

// verify judges a token for the tenant.
func (l *login) verify(token string) (graphsim.Grant, error) {
	claims, err := l.Verify(token)
	if err != nil {
		return graphsim.Grant{}, err
	}
	return graphsim.Grant{App: claims.Type == "app", Permissions: append(strings.Fields(claims.Scopes), claims.Roles...)}, nil
}

// beside serves the login's switches, and the login for every path that is not the tenant's.
func (l *login) beside(tenant http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch first, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); {
		case first == "sim" && (rest == "login" || strings.HasPrefix(rest, "login/")):
			l.admin.ServeHTTP(w, r)
		case first == "v1.0" || first == "sim":
			tenant.ServeHTTP(w, r)
		default:
			l.ServeHTTP(w, r)
		}
	})
}

func (l *login) show(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(l.Stats())
}

func (l *login) change(w http.ResponseWriter, r *http.Request) {
	var s standing
	if understood(w, r, &s) {
		l.register(s)
		w.WriteHeader(http.StatusNoContent)
	}
}

func (l *login) revoke(w http.ResponseWriter, _ *http.Request) {
	l.Revoke()
	w.WriteHeader(http.StatusNoContent)
}

func (l *login) approve(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Code string `json:"code"`
		User string `json:"user"` // id of one of the tenant's people
	}
	if !understood(w, r, &asked) {
		return
	}
	if !l.Approve(asked.Code, authority.User{ID: asked.User, Name: asked.User}) {
		refuse(w, http.StatusNotFound, "nobody waits with this code")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func understood(w http.ResponseWriter, r *http.Request, into any) bool {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}
