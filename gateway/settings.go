package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/presence-gateway/presence-gateway/web"
)

// SignIn says how the gateway's own pages sign in, beside what [Options].Anonymous allows.
type SignIn struct {
	APIKey bool   // an API key may be given to a page, which keeps it in that browser
	Login  *Login // people sign in at a provider; nil: they cannot
}

// Login is where and as whom pages sign people in: authorization code with PKCE (RFC 7636), by the endpoints that the
// authority's OpenID metadata name.
type Login struct {
	Authority string `json:"authority"` // URL whose metadata stand below /.well-known/openid-configuration
	ClientID  string `json:"clientId"`  // of the pages at the provider, a public client
	Scope     string `json:"scope"`     // by which they ask for a token for this gateway
}

// settings answers GET /v1/settings: what pages need to know before anybody signs in, and whether whoever asks may see the
// operator's view, so that it is offered to nobody else. A bad token is none here: no call could say how to get a good one.
func (s *Server) settings(w http.ResponseWriter, r *http.Request) error {
	type signIn struct {
		Anonymous bool   `json:"anonymous"`
		APIKey    bool   `json:"apiKey"`
		Login     *Login `json:"login,omitempty"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Add("Vary", "Authorization")
	return json.NewEncoder(w).Encode(struct {
		Version  string               `json:"version"`
		SignIn   signIn               `json:"signIn"`
		Operator bool                 `json:"operator,omitempty"`
		Demo     bool                 `json:"demo,omitempty"`
		Files    map[string]web.Built `json:"files,omitempty"` // what pages of others may pin
	}{s.options.Version, signIn{s.options.Anonymous, s.options.SignIn.APIKey, s.options.SignIn.Login}, s.mayOperate(r), s.options.Demo, s.options.Files})
}

// mayOperate reports whether whoever asks may see the operator's view.
func (s *Server) mayOperate(r *http.Request) bool {
	if s.options.Demo {
		return true
	}
	if r.Header.Get("Authorization") == "" { // a ticket, which is of one use, is not spent on this
		return false
	}
	who, err := s.door.Authenticate(r.Context(), credentialOf(r))
	return err == nil && s.operator(who)
}
