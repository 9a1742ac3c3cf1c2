package gateway

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// onePresence answers GET /v1/presences/{id}. Whoever may not be seen, is not known, or opted out is not found.
func (s *Server) onePresence(w http.ResponseWriter, r *http.Request) error {
	g, err := s.caller(w, r)
	if err != nil {
		return err
	}
	id, err := presence.ParseID(strings.TrimPrefix(r.URL.Path, "/v1/presences/"))
	if err != nil {
		return &problem{Status: http.StatusBadRequest, Detail: "the path ends in no user id: want a GUID"}
	}
	notBefore, err := freshness(r)
	if err != nil {
		return err
	}
	missing := &problem{Status: http.StatusNotFound, Detail: "no such user"}
	if !g.sees(id) {
		return missing
	}
	items := s.await(r, []presence.ID{id}, notBefore)
	item := &items[0]
	view, seen := g.view(id)
	switch {
	case item.Gone(), !seen:
		return missing
	case old(item, notBefore):
		return &problem{Status: http.StatusServiceUnavailable, Detail: "not read yet; it is about to be", RetryAfter: 1}
	}
	h := w.Header()
	tag := `W/"` + item.Version.String() + `"`
	h.Set("ETag", tag)
	h.Set("Age", strconv.Itoa(max(0, int(time.Since(item.ObservedAt).Seconds()))))
	if matches(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", "application/json")
	_, _ = w.Write(item.AppendJSON(nil, view, item.ObservedAt))
	return nil
}

// listPresences answers GET /v1/presences?users=a,b.
func (s *Server) listPresences(w http.ResponseWriter, r *http.Request) error {
	g, err := s.caller(w, r)
	if err != nil {
		return err
	}
	q, err := listQuery(r, wire.DecodeQuery)
	if err != nil {
		return err
	}
	return s.answerList(w, r, g, &q)
}

// queryPresences answers POST /v1/presences/query.
func (s *Server) queryPresences(w http.ResponseWriter, r *http.Request) error {
	g, err := s.caller(w, r)
	if err != nil {
		return err
	}
	q, err := s.readQuery(w, r, wire.DecodeQuery)
	if err != nil {
		return err
	}
	return s.answerList(w, r, g, &q)
}

// answerList answers with the members of a snapshot.
func (s *Server) answerList(w http.ResponseWriter, r *http.Request, g *grant, q *wire.Request) error {
	notBefore, err := freshness(r)
	if err != nil {
		return err
	}
	looked := s.lookUp(r.Context(), s.askedBy(r), g, q.Mails)
	s.rights.Lock()
	want := s.judge(q, g, looked)
	answer := listing{denied: want.denied, invalid: want.invalid, resolved: want.resolved}
	users := want.users
	for _, id := range want.groups {
		members := s.groupOf(g, id).ids
		answer.members = append(answer.members, wire.Membership{Group: id, Users: members})
		users = append(users, members...)
	}
	s.rights.Unlock()
	answer.items = s.await(r, unique(users), notBefore)
	w.Header().Set("Content-Type", "application/json")
	answer.write(w, g, notBefore)
	return nil
}

func unique(ids []presence.ID) []presence.ID {
	seen := make(map[presence.ID]struct{}, len(ids))
	kept := make([]presence.ID, 0, len(ids))
	for _, id := range ids {
		if _, found := seen[id]; !found {
			seen[id] = struct{}{}
			kept = append(kept, id)
		}
	}
	return kept
}

// listing is a snapshot over HTTP.
type listing struct {
	items    []hub.Item
	denied   []presence.ID
	invalid  []string
	resolved []wire.Resolution
	members  []wire.Membership
}

func (l *listing) write(w io.Writer, g *grant, notBefore time.Time) {
	out := wire.OpenList(nil)
	var pending, gone []presence.ID
	first := true
	for i := range l.items {
		item := &l.items[i]
		view, seen := g.view(item.ID)
		switch {
		case !seen: // no longer
		case item.Gone():
			gone = append(gone, item.ID)
		case old(item, notBefore):
			pending = append(pending, item.ID)
		default:
			if !first {
				out = append(out, ',')
			}
			first = false
			out = item.AppendJSON(out, view, item.ObservedAt)
		}
		if len(out) >= partBytes {
			if _, err := w.Write(out); err != nil {
				return
			}
			out = out[:0]
		}
	}
	out = wire.CloseList(out)
	out = wire.AppendIDs(out, "pending", pending)
	out = wire.AppendIDs(out, "gone", gone)
	out = wire.AppendIDs(out, "denied", l.denied)
	out = wire.AppendStrings(out, "invalid", l.invalid)
	if len(l.resolved) > 0 {
		out = wire.AppendResolved(out, l.resolved)
	}
	if len(l.members) > 0 {
		out = wire.AppendMemberships(out, "members", l.members)
	}
	_, _ = w.Write(wire.Close(out, false))
}

// freshness reads maxAge: states must have been confirmed by a read begun no earlier than it returns.
func freshness(r *http.Request) (time.Time, error) {
	text := r.URL.Query().Get("maxAge")
	if text == "" {
		return time.Time{}, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return time.Time{}, &problem{Status: http.StatusBadRequest, Detail: "maxAge: want a duration such as 3s"}
	}
	return time.Now().Add(-age), nil
}

func old(item *hub.Item, notBefore time.Time) bool {
	return item.Pending() || item.ObservedAt.Before(notBefore)
}

// await returns the states of ids. Where some are not there, or not confirmed since notBefore, it waits a while for
// the poller, whom this tells of the interest.
func (s *Server) await(r *http.Request, ids []presence.ID, notBefore time.Time) []hub.Item {
	s.noteRead(r, ids)
	items := s.hub.Get(nil, ids...)
	var late []presence.ID
	for i := range items {
		if old(&items[i], notBefore) {
			late = append(late, items[i].ID)
		}
	}
	late, _ = s.strangers.admit(s.askedBy(r), late, s.hub.Directory())
	if len(late) == 0 || s.options.ReadWait <= 0 {
		return items
	}
	ctx, cancel := context.WithTimeout(r.Context(), s.options.ReadWait)
	defer cancel()
	_ = s.hub.Await(ctx, late, notBefore) // what did not come is seen in the items
	return s.hub.Get(items[:0], ids...)
}

// matches reports whether one of the tags of an If-None-Match is tag.
func matches(values []string, tag string) bool {
	for _, value := range values {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(tag, "W/") {
				return true
			}
		}
	}
	return false
}
