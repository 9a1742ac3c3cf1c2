package gateway

import (
	"context"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// The end of a sign-in on a connection.
const (
	overtime  = 5 * time.Second  // after the credential's end, until the connection is closed
	warning   = 5 * time.Minute  // before it, a client is asked to renew; of short lives, a quarter
	clockLook = 30 * time.Second // how often the clock is asked, which may be set meanwhile
	keyTime   = 10 * time.Second // how long finding out who presents something may take
)

// authenticate signs in, or renews a sign-in.
func (c *conn) authenticate(q *wire.Request) error {
	s := c.server
	ctx, cancel := context.WithTimeout(context.Background(), keyTime)
	defer cancel()
	who, err := s.door.Authenticate(ctx, auth.Credential{Kind: auth.Either, Value: q.Token})
	if err != nil {
		return s.turnedBack(err)
	}
	return c.signIn(who, wire.AppendAck(nil, q.ID))
}

// turnedBack counts a caller who was not let in, and returns why the connection ends. Where the token may be good, it is
// not called bad: the client comes back with it, and with the pauses that it makes of its own.
func (s *Server) turnedBack(err error) error {
	s.turnedAway(err)
	if undecided(err) {
		return errUndecided
	}
	return errSignIn
}

// signIn lets the caller in, or renews what they have: what they may see is theirs to subscribe to, and whom they
// may no longer see leaves the connection. before is sent first.
func (c *conn) signIn(who auth.Principal, before ...[]byte) error {
	s := c.server
	s.rights.Lock() // until the connection has the rights, or a change of them meanwhile would not reach it
	defer s.rights.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.sub == nil
	switch {
	case c.reason != nil:
		return nil
	case !first && c.who.SignedIn() && c.who.Subject != who.Subject:
		return errNoRights
	case !who.Expires.IsZero() && time.Until(who.Expires) <= -overtime:
		return errExpired
	case who.SignedIn() && !c.who.SignedIn() && !s.connections.claim(who.Subject, s.limits.ConnectionsPerSubject):
		return errCrowded
	}
	if c.waiting {
		c.waiting = false
		s.connections.arrived(c.address)
	}
	c.who = who
	if who.SignedIn() {
		c.caller = who.Subject
	}
	if !s.door.Stands(who) { // withdrawn since it was looked at; whoever is withdrawn later is met by followDoor
		return errSignIn
	}
	for _, payload := range before {
		c.owe(text(payload))
	}
	c.expect()
	g := s.policy.grant(who)
	if !first {
		c.follow(g)
		return nil
	}
	c.hold(g)
	c.sub = c.writer.reader.Subscribe(c)
	c.owe(text(wire.AppendStatus(nil, s.hub.Status())))
	return nil
}

// expect prepares for the end of the sign-in. c.mu is held.
func (c *conn) expect() {
	if c.patience != nil {
		c.patience.Stop()
	}
	c.warned = false
	if left := time.Until(c.who.Expires); !c.who.Expires.IsZero() {
		c.warnAt = min(warning, left/4)
		c.patience = time.AfterFunc(c.nextLook(left), c.age)
	}
}

func (c *conn) nextLook(left time.Duration) time.Duration {
	next := left + overtime
	if !c.warned {
		next = left - c.warnAt
	}
	return max(time.Millisecond, min(clockLook, next))
}

// age asks a client to renew its sign-in when that ends soon, and closes the connection when it has ended.
func (c *conn) age() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason != nil || c.who.Expires.IsZero() {
		return
	}
	left := time.Until(c.who.Expires)
	if left <= -overtime {
		c.endLocked(errExpired)
		return
	}
	if !c.warned && left <= c.warnAt {
		c.warned = true
		c.owe(text(wire.AppendExpiring(nil, max(0, left))))
	}
	c.patience.Stop() // that of a sign-in meanwhile
	c.patience = time.AfterFunc(c.nextLook(left), c.age)
}

// overdue ends a connection that has not signed in.
func (c *conn) overdue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting {
		c.endLocked(errNoSignIn)
	}
}

// followDoor closes the connections of those who may no longer come in, until the context ends.
func (s *Server) followDoor(ctx context.Context) {
	for {
		changed := s.door.Changed()
		for _, c := range s.connections.all() {
			c.mu.Lock()
			if c.sub != nil && !s.door.Stands(c.who) {
				c.endLocked(errSignIn)
			}
			c.mu.Unlock()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}
