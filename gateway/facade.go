package gateway

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/graphapi"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// graph answers under /graph: the same states by the same rights, in Graph's own words.
func (s *Server) graph(w http.ResponseWriter, r *http.Request) error {
	if !s.origins.allow(r) {
		s.facade.Refuse(w, r, &graphapi.Error{Status: http.StatusForbidden, Message: "Origin: pages from there may not use this server."})
		return nil
	}
	s.permit(w, r, "GET, HEAD, OPTIONS, POST")
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", "GET, HEAD, OPTIONS, POST")
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if !s.awaitLoaded(r.Context()) {
		s.facade.Refuse(w, r, &graphapi.Error{Status: http.StatusServiceUnavailable, RetryAfter: 1, Message: "Starting: who is watched is not known yet."})
		return nil
	}
	return s.facade.Answer(w, r)
}

// facade is what the facade reads from: the hub, by the rights of each caller.
type facade struct{ server *Server }

// Caller lets in whoever may use the API, and words refusals as Graph does.
func (f facade) Caller(w http.ResponseWriter, r *http.Request) (graphapi.Caller, error) {
	who, g, err := f.server.callerOf(w, r)
	var refused *problem
	if errors.As(err, &refused) {
		return nil, &graphapi.Error{Status: refused.Status, Message: refused.Detail, RetryAfter: refused.RetryAfter}
	}
	if err != nil {
		return nil, err
	}
	return &facadeCaller{server: f.server, request: r, who: who, grant: g}, nil
}

// Root is public_url, or what the request says.
func (f facade) Root(r *http.Request) string {
	if u := f.server.options.PublicURL; u != nil {
		return u.Scheme + "://" + u.Host
	}
	scheme, host := f.server.origins.reached(r)
	return scheme + "://" + host
}

type facadeCaller struct {
	server  *Server
	request *http.Request
	who     auth.Principal
	grant   *grant
}

// Me returns the person who is signed in; a key, an application and an anonymous caller are none.
func (c *facadeCaller) Me() (presence.ID, bool) { return c.who.User, !c.who.User.IsZero() }

// Read returns what the caller may know of each user. Whoever may not be seen is not asked for.
func (c *facadeCaller) Read(_ context.Context, ids []presence.ID) []graphapi.Row {
	rows := make([]graphapi.Row, len(ids))
	visible := make([]presence.ID, 0, len(ids))
	at := make([]int, 0, len(ids))
	for i, id := range ids {
		if c.grant.sees(id) {
			visible, at = append(visible, id), append(at, i)
		}
	}
	if len(visible) == 0 {
		return rows
	}
	notBefore := time.Now().Add(-c.server.options.FacadeMaxAge)
	items := c.server.await(c.request, visible, notBefore)
	for i := range items {
		item, row := &items[i], &rows[at[i]]
		view, seen := c.grant.view(item.ID)
		switch {
		case !seen || item.Gone():
			row.Standing = graphapi.Unknown
		case item.Pending():
			row.Standing = graphapi.Unread
		case item.ObservedAt.Before(notBefore):
			row.Standing = graphapi.Old
		default:
			row.Standing, row.State, row.View = graphapi.Known, item.State, view
		}
	}
	return rows
}
