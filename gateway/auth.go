package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// Door says who callers are. [auth.Verifier] is one.
type Door interface {
	// Authenticate tells who presents a credential. The error is [auth.ErrSignInRequired] where nothing was
	// presented and that is not enough, or an [auth.Refusal].
	Authenticate(ctx context.Context, c auth.Credential) (auth.Principal, error)
	// Ticket returns a ticket of one use for p, and how long it lives.
	Ticket(p auth.Principal) (ticket string, lifetime time.Duration)
	// Stands reports whether p would still be let in, the end of p aside.
	Stands(p auth.Principal) bool
	// Changed returns a channel that is closed when somebody may no longer stand; nil if nobody ever does.
	Changed() <-chan struct{}
}

// credentialOf finds what a request presents: in Authorization or, as browsers must, among the subprotocols.
func credentialOf(r *http.Request) auth.Credential {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, value, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			value = ""
		}
		return auth.Credential{Kind: auth.Bearer, Value: strings.TrimSpace(value)}
	}
	for _, protocol := range subprotocols(r) {
		if token, found := strings.CutPrefix(protocol, "bearer."); found {
			return auth.Credential{Kind: auth.Bearer, Value: token}
		}
		if ticket, found := strings.CutPrefix(protocol, "ticket."); found {
			return auth.Credential{Kind: auth.Ticket, Value: ticket}
		}
	}
	return auth.Credential{}
}

func subprotocols(r *http.Request) []string {
	var list []string
	for _, header := range r.Header.Values("Sec-WebSocket-Protocol") {
		for protocol := range strings.SplitSeq(header, ",") {
			list = append(list, strings.TrimSpace(protocol))
		}
	}
	return list
}

// inURL names the credential in a request's URL, where it would end up in logs; empty where there is none.
func inURL(r *http.Request) string {
	query := r.URL.Query()
	for _, name := range [...]string{"access_token", "token", "ticket", "api_key"} {
		if query.Has(name) {
			return name
		}
	}
	return ""
}

// undecided reports whether nothing is known against a caller who was not let in: what they present could not be judged
// now, and may be good.
func undecided(err error) bool {
	var refusal *auth.Refusal
	if errors.As(err, &refusal) {
		return refusal.Passing()
	}
	return err != nil && !errors.Is(err, auth.ErrSignInRequired)
}

// turnedAway counts a caller who was not let in, and returns what they can do.
func (s *Server) turnedAway(err error) (remedy string) {
	var refusal *auth.Refusal
	switch {
	case errors.As(err, &refusal):
		s.metrics.authFailures.WithLabelValues(string(refusal.Reason)).Inc()
		return refusal.Remedy
	case errors.Is(err, auth.ErrSignInRequired):
		s.metrics.authFailures.WithLabelValues("nothing_presented").Inc()
		return "sign in: send an access token or an API key as Authorization: Bearer"
	}
	s.metrics.authFailures.WithLabelValues("unavailable").Inc()
	return "who you are could not be found out now: try again"
}

// isSubject reports whether a rule that names a subject means the caller: by the whole subject, or by the object id that
// ends it where Entra signed the caller in.
func isSubject(name string, caller auth.Principal) bool {
	if caller.Subject == "" {
		return false
	}
	if name == caller.Subject {
		return true
	}
	kind, rest, _ := strings.Cut(caller.Subject, ":")
	if kind != "user" && kind != "app" {
		return false
	}
	_, object, _ := strings.Cut(rest, ":")
	return strings.EqualFold(name, object)
}
