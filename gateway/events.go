package gateway

import (
	"errors"
	"hash/maphash"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// eventStream is what a connection is beyond others if it is a stream of Server-Sent Events.
type eventStream struct {
	server *Server
	resume string // the last event of an earlier stream; empty: none
	asked  string // what is watched, and by which rights, as it stands in positions
}

// events answers GET and POST /v1/events. The stream is a connection like a WebSocket, with what it watches said at the
// beginning: it counts as one, gets the same messages by the same rights, and ends for the same reasons.
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	who, _, err := s.callerOf(w, r) // before the body: who may not come in need not send it
	if err != nil {
		return err
	}
	var q wire.Request
	if r.Method == http.MethodPost {
		q, err = s.readQuery(w, r, wire.DecodeStream)
	} else {
		q, err = listQuery(r, wire.DecodeStream)
	}
	if err != nil {
		return err
	}
	if len(q.Users)+len(q.Mails) > s.limits.UsersPerConnection {
		return &problem{Status: http.StatusBadRequest, Detail: "users: more than gateway.limits.users_per_connection"}
	}
	release(r) // the connection holds its own
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", eventType)
		return nil
	}
	c, out, err := s.openEvents(w, r, who)
	if err != nil {
		return err
	}
	defer out.finish()
	defer c.leave()
	c.subscribe(&q)
	c.end(out.pump(r.Context(), w))
	return nil
}

const eventType = "text/event-stream"

// openEvents lets a caller in as a connection.
func (s *Server) openEvents(w http.ResponseWriter, r *http.Request, who auth.Principal) (*conn, *eventOutlet, error) {
	switch {
	case closed(s.closing):
		return nil, nil, &problem{Status: http.StatusServiceUnavailable, Detail: "restarting", RetryAfter: 1 + int(s.spread().Seconds())}
	case s.connections.len() >= s.limits.Connections:
		return nil, nil, &problem{Status: http.StatusServiceUnavailable, Detail: "too many connections", RetryAfter: 5}
	}
	c := s.newConn()
	out := newEventOutlet(http.NewResponseController(w), socketOf(r))
	c.outlet, c.events = out, &eventStream{server: s, resume: r.Header.Get("Last-Event-ID")}
	c.address = s.origins.caller(r)
	c.caller = c.address
	s.connections.add(c)
	if err := c.signIn(who); err != nil {
		c.end(err)
		c.leave()
		out.finish()
		if errors.Is(err, errCrowded) {
			return nil, nil, &problem{Status: http.StatusTooManyRequests, Detail: "too many connections: see gateway.limits.connections_per_subject", RetryAfter: 5}
		}
		w.Header().Set("WWW-Authenticate", "Bearer")
		return nil, nil, &problem{Status: http.StatusUnauthorized, Detail: "the sign-in has ended"}
	}
	s.log.Debug("connected", zap.Uint64("connection", c.number), zap.String("remote", s.origins.remote(r)))
	h := w.Header()
	h.Set("Content-Type", eventType)
	h.Set("X-Accel-Buffering", "no") // nginx would hold events back
	return c, out, nil
}

// watchSeed is of this process: no other has its positions.
var watchSeed = maphash.MakeSeed()

// opening returns the answer to a subscribe: the snapshot, or what changed since the stream that a stream of events
// resumes. That can be told if the other one was of this process and watched the same by the same rights, nobody was
// judged again since, and everyone has been read. Server.rights and c.mu are held.
func (c *conn) opening(whole *snapshot, everyone bool, want *wanted) reply {
	e := c.events
	if e == nil {
		return whole
	}
	var sum uint64
	for _, ids := range [][]presence.ID{want.users, want.groups, want.denied} {
		for _, id := range ids {
			sum += maphash.Comparable(watchSeed, id) // in whatever order
		}
		sum = sum*31 + uint64(len(ids))
	}
	for _, r := range want.resolved {
		sum += maphash.String(watchSeed, r.Mail)
	}
	if everyone {
		sum++
	}
	sum ^= maphash.String(watchSeed, c.grant.key)
	e.asked = strconv.FormatUint(sum, 36)

	tick, told := e.since()
	if !told {
		return whole
	}
	changed, known := c.sub.Since(whole.items, tick)
	if !known {
		return whole
	}
	return &catchUp{items: changed}
}

// position returns the line that says how far a stream has been told: after it, a client can resume.
func (e *eventStream) position(tick uint64) string {
	return "id: " + strings.Join([]string{e.server.name, strconv.FormatUint(tick, 36), strconv.FormatUint(e.server.epoch.Load(), 36), e.asked}, "-") + "\n"
}

// since returns how far the stream had been told that is resumed.
func (e *eventStream) since() (tick uint64, told bool) {
	part := strings.Split(e.resume, "-")
	epoch := e.server.epoch.Load()
	if len(part) != 4 || part[0] != e.server.name || part[2] != strconv.FormatUint(epoch, 36) || epoch%2 != 0 || part[3] != e.asked {
		return 0, false
	}
	tick, err := strconv.ParseUint(part[1], 36, 64)
	return tick, err == nil
}

// appendEvent appends a message as an event of its type. A goodbye is said in the protocol's own way: when to come back.
func appendEvent(dst, message []byte) []byte {
	kind := typeOf(message)
	if string(kind) == wire.Goodbye {
		dst = append(dst, "retry: "...)
		return append(append(dst, digitsAfter(message, `"reconnectAfterMs":`)...), "\n\n"...)
	}
	dst = append(dst, "event: "...)
	dst = append(dst, kind...)
	dst = append(dst, "\ndata: "...)
	return append(append(dst, message...), "\n\n"...)
}

// typeOf returns the type of a message of ours, which always begins with it.
func typeOf(message []byte) []byte {
	const before = `{"type":"`
	rest := message[len(before):]
	for i, c := range rest {
		if c == '"' {
			return rest[:i]
		}
	}
	return nil
}

func digitsAfter(message []byte, key string) string {
	_, rest, _ := strings.Cut(string(message), key)
	end := strings.IndexFunc(rest, func(c rune) bool { return c < '0' || c > '9' })
	if end < 0 {
		return rest
	}
	return rest[:end]
}

// firstRetry is when a client comes back whose stream broke without a word.
const firstRetry = 2 * time.Second
