package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
)

// Kind is how a caller signs in.
type Kind int

// The kinds.
const (
	Nothing Kind = iota // presents nothing
	Bearer              // a token or an API key
	Ticket              // a ticket of one use
)

// Credential is what a caller presents. It is never logged.
type Credential struct {
	Kind  Kind
	Value string
}

// Authenticate tells who presents a credential. The error is [ErrSignInRequired], or says that the credential is
// not valid.
type Authenticate func(context.Context, Credential) (Principal, error)

// ErrSignInRequired says that presenting nothing is not enough here.
var ErrSignInRequired = errors.New("gateway: sign-in required")

// anonymousOnly is the only door so far: whoever presents nothing is the anonymous caller, and nothing that could be
// presented is valid.
func anonymousOnly(allowed bool) Authenticate {
	return func(_ context.Context, c Credential) (Principal, error) {
		switch {
		case c.Kind != Nothing:
			return Principal{}, errors.New("gateway: no token is valid here: this server knows only anonymous callers")
		case !allowed:
			return Principal{}, ErrSignInRequired
		}
		return Principal{Anonymous: true}, nil
	}
}

// credentialOf finds what a request presents: in Authorization or, as browsers must, among the subprotocols.
func credentialOf(r *http.Request) Credential {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, value, _ := strings.Cut(header, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			value = ""
		}
		return Credential{Kind: Bearer, Value: strings.TrimSpace(value)}
	}
	for _, protocol := range subprotocols(r) {
		if token, found := strings.CutPrefix(protocol, "bearer."); found {
			return Credential{Kind: Bearer, Value: token}
		}
		if ticket, found := strings.CutPrefix(protocol, "ticket."); found {
			return Credential{Kind: Ticket, Value: ticket}
		}
	}
	return Credential{}
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
