package gateway

import (
	"context"
	"net/http"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// visit is one HTTP request, as far as it concerns who sent it.
type visit struct {
	who     auth.Principal
	address string // of the caller, or the network of it
	name    string // who answers for made-up ids; empty until the caller is known
	grant   *grant // held until the answer is complete
}

type visitKey struct{}

// receive lets a request be asked who sent it, until done is called.
func receive(r *http.Request) (_ *http.Request, done func()) {
	v := &visit{}
	return r.WithContext(context.WithValue(r.Context(), visitKey{}, v)), func() {
		if v.grant != nil {
			v.grant.holders.Add(-1)
		}
	}
}

// release lets go of the rights of a request's caller before it is answered.
func release(r *http.Request) {
	if v, received := r.Context().Value(visitKey{}).(*visit); received && v.grant != nil {
		v.grant.holders.Add(-1)
		v.grant = nil
	}
}

// caller tells what the caller of an HTTP request may see.
func (s *Server) caller(w http.ResponseWriter, r *http.Request) (*grant, error) {
	_, g, err := s.callerOf(w, r)
	return g, err
}

// callerOf tells who sent an HTTP request, and what they may see.
func (s *Server) callerOf(w http.ResponseWriter, r *http.Request) (who auth.Principal, g *grant, err error) {
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if name := inURL(r); name != "" {
		return who, nil, &problem{Status: http.StatusBadRequest, Detail: name + ": never in the URL, where it would be logged; send it as Authorization"}
	}
	who, err = s.door.Authenticate(r.Context(), credentialOf(r))
	if err != nil {
		return who, nil, s.unknown(w, err)
	}
	if who.Anonymous && !s.origins.named(r) {
		return who, nil, &problem{Status: http.StatusForbidden, Detail: "Host: this server does not know itself by that name, " +
			"which may be a page's trick to read what only its visitor reaches; set public_url, or sign in"}
	}
	s.rights.Lock()
	defer s.rights.Unlock()
	g = s.policy.grant(who)
	if v, received := r.Context().Value(visitKey{}).(*visit); received && v.grant == nil {
		g.holders.Add(1)
		v.who, v.grant = who, g
		v.address = s.origins.caller(r)
		if v.name = v.address; who.SignedIn() {
			v.name = who.Subject
		}
	}
	return who, g, nil
}

// undecidedPause is when a caller who could not be judged should come back, in seconds. The issuer is tried again within
// half a minute.
const undecidedPause = 10

// unknown answers a caller who was not let in.
func (s *Server) unknown(w http.ResponseWriter, err error) error {
	detail := s.turnedAway(err)
	if undecided(err) {
		return &problem{Status: http.StatusServiceUnavailable, Detail: detail, RetryAfter: undecidedPause}
	}
	w.Header().Set("WWW-Authenticate", "Bearer")
	return &problem{Status: http.StatusUnauthorized, Detail: detail}
}

// askedBy names whoever answers for what a caller asks: the subject, or the address of an anonymous one.
func (s *Server) askedBy(r *http.Request) string {
	if v, received := r.Context().Value(visitKey{}).(*visit); received && v.name != "" {
		return v.name
	}
	return s.origins.caller(r)
}
