package gateway

import (
	"encoding/json"
	"net/http"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// ticket answers POST /v1/tickets: a ticket for whoever asks, who must have signed in.
func (s *Server) ticket(w http.ResponseWriter, r *http.Request) error {
	who, _, err := s.callerOf(w, r)
	if err != nil {
		return err
	}
	if !who.SignedIn() {
		return s.unknown(w, auth.ErrSignInRequired)
	}
	if kind := credentialOf(r).Kind; kind != auth.Bearer { // or a ticket could be kept alive for ever
		return &problem{Status: http.StatusForbidden, Detail: "a ticket is issued for an access token or an API key, sent as Authorization: Bearer"}
	}
	text, lifetime := s.door.Ticket(who)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(struct {
		Ticket           string `json:"ticket"`
		ExpiresInSeconds int    `json:"expiresInSeconds"`
	}{text, int(lifetime.Seconds())})
}
