package gateway

import (
	"encoding/json"
	"net/http"
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

// settings answers GET /v1/settings: what pages need to know before anybody signs in.
func (s *Server) settings(w http.ResponseWriter, _ *http.Request) error {
	type signIn struct {
		Anonymous bool   `json:"anonymous"`
		APIKey    bool   `json:"apiKey"`
		Login     *Login `json:"login,omitempty"`
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-cache")
	return json.NewEncoder(w).Encode(struct {
		Version string `json:"version"`
		SignIn  signIn `json:"signIn"`
		Demo    bool   `json:"demo,omitempty"`
	}{s.options.Version, signIn{s.options.Anonymous, s.options.SignIn.APIKey, s.options.SignIn.Login}, s.options.Demo})
}
