package client

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// take holds what a message says.
func (l *link) take(m *message) {
	c := l.client
	c.mu.Lock()
	defer c.mu.Unlock()
	t := &c.table
	t.heard++
	switch m.Type {
	case wire.Status:
		l.status = m
		l.tell()
	case wire.Snapshot:
		l.snapshot(m)
	case wire.Delta:
		for id, users := range m.Joined {
			l.members(id, users, true)
		}
		for id, users := range m.Left {
			l.members(id, users, false)
		}
		l.put(m.Presences)
	case wire.Gone:
		why := Unknown
		if m.Reason == wire.Unwatched {
			why = Unwatched
		}
		for _, id := range m.Users {
			t.drop(id, why)
		}
	case wire.Heartbeat:
		c.clock.oldest, c.clock.heard = m.Oldest, t.heard
		c.ping(nil)
	case wire.Pong:
		c.ponged(m)
	case wire.Ack:
		l.acked(m.ID)
	case wire.Failure:
		l.refused(m)
	}
	l.sync()
	signal(c.wake)
}

func (l *link) put(presences []Presence) {
	for i := range presences {
		l.client.table.put(&presences[i])
	}
}

func (l *link) members(group string, users []string, in bool) {
	for _, user := range users {
		l.client.table.member(group, user, in)
	}
}

// snapshot takes one part of the answer to a subscribe.
func (l *link) snapshot(m *message) {
	t, w := &l.client.table, &l.client.wants
	r := w.requests[m.ID]
	if r == nil {
		r = &request{}
	}
	if !r.answered && r.group != "" {
		t.vacate(r.group)
	}
	r.answered = true
	for mail, id := range m.Resolved {
		t.resolve(mail, id)
	}
	for id, users := range m.Members {
		l.members(id, users, true)
	}
	l.put(m.Presences)
	for why, list := range map[Absence][]string{Pending: m.Pending, Unknown: m.Gone, Denied: m.Denied, Invalid: m.Invalid} {
		for _, id := range list {
			t.drop(id, why)
		}
	}
	if m.More {
		return
	}
	for id, version := range r.known {
		if r.group == "" || t.group(r.group).members[id].in {
			t.vouch(id, version)
		}
	}
	delete(w.requests, m.ID)
}

// acked takes that something was done: nothing more arrives of what was left.
func (l *link) acked(id int) {
	t, w := &l.client.table, &l.client.wants
	r := w.requests[id]
	if r == nil {
		return
	}
	delete(w.requests, id)
	if !r.leave {
		return
	}
	var left []string
	for _, user := range r.users {
		left = append(left, user)
		if of, found := t.mails[user]; found && w.users[user] == nil {
			delete(t.mails, user)
			left = append(left, of)
		}
	}
	if r.group != "" && w.groups[r.group] == nil {
		if g := t.groups[r.group]; g != nil {
			for user := range g.members {
				left = append(left, user)
			}
			delete(t.groups, r.group)
		}
		left = append(left, r.group)
	}
	if r.everyone && !w.everyone.wanted {
		for user := range t.entries {
			left = append(left, user)
		}
	}
	for _, user := range left {
		if !l.watched(user) {
			t.drop(user, Unwatched)
		}
	}
}

// watched reports whether something that is wanted covers a user.
func (l *link) watched(id string) bool {
	t, w := &l.client.table, &l.client.wants
	if w.everyone.wanted || w.users[id] != nil || w.groups[id] != nil {
		return true
	}
	for _, g := range t.groups {
		if g.members[id].in {
			return true
		}
	}
	for _, of := range t.mails {
		if of == id {
			return true
		}
	}
	return false
}

// refused takes that something was not done.
func (l *link) refused(m *message) {
	c := l.client
	err := &RequestError{Code: m.Code, Message: m.Message}
	if m.Code == string(wire.RateLimited) {
		l.pausing = time.Now().Add(putOff)
	}
	if p := c.pinged[m.ID]; p != nil {
		delete(c.pinged, m.ID)
		p.end(err)
		return
	}
	r := c.wants.requests[m.ID]
	if r == nil {
		l.log.Warn("the gateway refuses", zap.String("code", m.Code))
		return
	}
	delete(c.wants.requests, m.ID)
	if m.Code == string(wire.RateLimited) {
		c.wants.again(r)
		signal(c.call)
		return
	}
	c.wants.forget(r)
	c.table.refused = append(c.table.refused, Refused{Selection: r.selection(), Err: err})
}

// sync takes note when everything that was wanted at the beginning of the connection has been answered, and ages can
// be told.
func (l *link) sync() {
	c := l.client
	_, aged := c.clock.now()
	if l.synced || !aged || l.status == nil || !c.wants.settled() {
		return
	}
	l.synced = true
	l.client.table.sweep(&l.client.wants)
	l.tell()
	signal(l.client.wake)
}

// tell says how things stand, once that is known.
func (l *link) tell() {
	s := Status{State: Live}
	if l.status.State != "live" {
		s = Status{State: Degraded, Reason: l.status.Reason, Since: l.status.Since}
	} else if !l.synced {
		return
	}
	if l.client.status.State != s.State || l.client.status.Reason != s.Reason {
		l.client.setStatus(s)
	}
}

// ping is a question for the gateway's clock, and for when some users were confirmed.
type ping struct {
	sent time.Time
	done chan error // nil: nobody waits; else holds one
}

// end tells who waits; once.
func (p *ping) end(err error) {
	if p.done != nil {
		p.done <- err
	}
}

// ping queues one; c.mu is held.
func (c *Client) ping(users []string) *ping {
	c.wants.lastID++
	p := &ping{sent: time.Now()}
	c.pinged[c.wants.lastID] = p
	c.outbox = append(c.outbox, pingText(c.wants.lastID, users))
	signal(c.call)
	return p
}

func (c *Client) ponged(m *message) {
	p := c.pinged[m.ID]
	if p == nil {
		return
	}
	delete(c.pinged, m.ID)
	c.clock.set(m.At, p.sent)
	for id, at := range m.ObservedAt {
		c.table.confirm(id, at)
	}
	p.end(nil)
}

// Confirm asks the gateway when Graph last confirmed the states of users, all of which must be watched. Afterwards
// [Client.Age] and [Client.Usable] know it of each of them, where they otherwise go by the oldest state of the whole
// connection. It returns [ErrNotLive] without a connection, and when the connection ends first.
func (c *Client) Confirm(ctx context.Context, ids ...string) error {
	for part := range slices.Chunk(ids, wire.MaxPingUsers) {
		users := make([]string, len(part))
		for i, id := range part {
			users[i] = normal(id)
			if strings.Contains(users[i], "@") {
				return errors.New("client: confirm: want ids")
			}
		}
		c.mu.Lock()
		if c.pinged == nil {
			c.mu.Unlock()
			return ErrNotLive
		}
		p := c.ping(users)
		p.done = make(chan error, 1)
		c.mu.Unlock()
		select {
		case err := <-p.done:
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
