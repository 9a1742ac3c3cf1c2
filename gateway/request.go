package gateway

import (
	"errors"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// handle does what one message of the client asks, and queues the answer. An error ends the connection.
func (c *conn) handle(kind websocket.MessageType, message []byte) error {
	if !c.messages.take(time.Now()) {
		return c.slowDown(message)
	}
	if kind != websocket.MessageText {
		c.refuse("", &wire.Error{Code: wire.BadMessage, Message: "a binary message: want text"})
		return nil
	}
	q, err := wire.Decode(message)
	var wrong *wire.Error
	if errors.As(err, &wrong) {
		c.refuse(q.ID, wrong)
		return nil
	}
	signedIn := c.signedIn()
	switch {
	case q.Type == wire.Ping:
		c.pong(&q)
	case q.Type == wire.Authenticate:
		return c.authenticate(&q)
	case !signedIn:
		c.refuse(q.ID, &wire.Error{Code: wire.Unauthenticated, Message: "sign in first: send an authenticate message"})
	case q.Type == wire.Subscribe:
		c.subscribe(&q)
	case q.Type == wire.Unsubscribe:
		c.unsubscribe(&q)
	default:
		c.refuse(q.ID, &wire.Error{Code: wire.Unsupported, Message: "type: this server knows subscribe, unsubscribe, authenticate and ping"})
	}
	return nil
}

// slowDown refuses a message that is too many. A client that was told and goes on is closed; what was under way
// before it could know is forgiven, within bounds.
func (c *conn) slowDown(message []byte) error {
	now := time.Now()
	if now.Sub(c.refused) > 2*rateEpisode { // it did slow down
		c.excess, c.limited = 0, now
	}
	c.refused = now
	if c.excess++; c.excess > c.server.limits.MessagesPerSecond || now.Sub(c.limited) > rateEpisode {
		return errFlood
	}
	q, _ := wire.Decode(message)
	c.refuse(q.ID, &wire.Error{Code: wire.RateLimited, Message: "too many messages: see limits.messagesPerSecond in hello"})
	return nil
}

func (c *conn) signedIn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.sub != nil
}

func (c *conn) subscribe(q *wire.Request) {
	s, looked := c.server, c.lookUp(q.Mails)
	var note watchNote
	defer func() { c.noteWatch(&note) }()
	s.rights.Lock() // until the subscription stands, or rights narrowed meanwhile would not reach it
	defer s.rights.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sub == nil {
		return
	}
	want := s.judge(q, c.grant, looked)
	if !c.fits(want.users) {
		c.owe(text(wire.AppendError(nil, q.ID, &wire.Error{Code: wire.TooManyUsers,
			Message: "users: more than limits.usersPerConnection in hello"})))
		return
	}
	note = watchNote{auditWatch, c.who, audited{Everyone: q.All, Users: want.users, Groups: want.groups}}
	users, held := s.strangers.admit(c.caller, want.users, s.directory)
	s.strangers.hold(c, held)
	c.moves = nil // what happens from now on is told after the answer
	answer := &snapshot{id: q.ID, denied: want.denied, invalid: want.invalid, resolved: want.resolved}
	var sets []*hub.Set
	for _, id := range want.groups {
		l := s.groupOf(c.grant, id)
		sets = append(sets, l.shared(s.hub))
		answer.members = append(answer.members, wire.Membership{Group: id, Users: l.ids})
		if c.groups == nil {
			c.groups = map[presence.ID]struct{}{}
		}
		c.groups[id] = struct{}{}
	}
	if q.All {
		sets = append(sets, s.everyoneOf(c.grant).shared(s.hub))
		c.all = true
	}
	var undelivered hub.News
	if s.unsettled() {
		q.Known = nil
	}
	answer.items = append(without(c.sub.Add(users, sets, &undelivered), q.Known), held...)
	c.oweNews(&undelivered)
	c.owe(c.opening(answer, q.All, &want))
}

// without leaves out the states that are known at exactly their version.
func without(items []hub.Item, known map[presence.ID]string) []hub.Item {
	if len(known) == 0 {
		return items
	}
	kept := items[:0]
	for _, item := range items {
		if version, held := known[item.ID]; !held || item.Content == nil || version != item.Version.String() {
			kept = append(kept, item)
		}
	}
	return kept
}

// fits reports whether the connection may watch ids too. c.mu is held.
func (c *conn) fits(ids []presence.ID) bool {
	free := c.server.limits.UsersPerConnection - c.sub.Len() - len(c.held)
	if len(ids) <= free {
		return true
	}
	for _, id := range ids { // those named before do not count again
		if !c.sub.Watches(id) {
			free--
		}
	}
	return free >= 0
}

func (c *conn) unsubscribe(q *wire.Request) {
	s, looked := c.server, c.lookUp(q.Mails)
	var note watchNote
	defer func() { c.noteWatch(&note) }()
	s.rights.Lock()
	defer s.rights.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sub == nil {
		return
	}
	users := q.Users
	for _, mail := range q.Mails {
		if id, found := s.whose(mail, looked); found {
			users = append(users, id)
		}
	}
	for _, id := range users {
		delete(c.held, id)
	}
	note = watchNote{auditUnwatch, c.who, audited{Everyone: q.All, Users: users, Groups: q.Groups}}
	var sets []*hub.Set
	for _, id := range q.Groups {
		if _, watched := c.groups[id]; watched {
			sets = append(sets, s.groupOf(c.grant, id).shared(s.hub))
			delete(c.groups, id)
		}
	}
	if q.All && c.all {
		sets = append(sets, s.everyoneOf(c.grant).shared(s.hub))
		c.all = false
	}
	var undelivered hub.News
	c.sub.Remove(users, sets, &undelivered)
	c.oweNews(&undelivered)
	c.owe(text(wire.AppendAck(nil, q.ID)))
}

// pong answers a ping, with when the users it names were last confirmed: those the connection watches.
func (c *conn) pong(q *wire.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var observed []wire.Observation
	if c.sub != nil {
		for _, item := range c.server.hub.Get(nil, q.Users...) {
			if item.Content != nil && c.sub.Watches(item.ID) {
				observed = append(observed, wire.Observation{ID: item.ID, At: item.ObservedAt})
			}
		}
	}
	c.owe(text(wire.AppendPong(nil, q.ID, time.Now(), observed)))
}
