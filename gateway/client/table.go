package client

import (
	"iter"
	"maps"
	"reflect"
	"slices"
	"time"
)

// table is what is held, and what the consumer has not been told of it yet. Whatever changes is queued once, however
// often it changes, and read when it is its turn: so the queue is bounded by what is held. Client.mu guards it.
type table struct {
	entries map[string]*entry // by user id; also groups and strings there is something to say about
	groups  map[string]*group
	mails   map[string]string // e-mail address to user
	refused []Refused
	queue   []slot
	link    uint64 // the present connection; 0: none yet
	anew    bool   // which is told no versions
	heard   uint64 // messages, over all connections
}

// slot is a turn in the queue: of an entry, a group's membership, a mail, or the status.
type slot struct {
	kind slotKind
	key  string
}

type slotKind uint8

const (
	ofEntry slotKind = iota
	ofGroup
	ofMail
	ofStatus
)

// entry is what is known of a user.
type entry struct {
	presence  *Presence // nil: absent
	why       Absence   // while absent
	confirmed time.Time // Graph confirmed the state then or later, by the gateway's clock
	link      uint64    // the connection that last vouched for this
	heard     uint64    // the message that brought it
	queued    bool
	told      bool // the consumer holds exactly this
}

type group struct {
	members map[string]membership
	queued  bool
}

// membership is whether a user is in a group, and whether the consumer believes so.
type membership struct{ in, told bool }

func newTable() table {
	return table{entries: map[string]*entry{}, groups: map[string]*group{}, mails: map[string]string{}}
}

func (t *table) push(s slot) { t.queue = append(t.queue, s) }

func (t *table) touch(id string, e *entry) {
	e.told = false
	if !e.queued {
		e.queued = true
		t.push(slot{ofEntry, id})
	}
}

func (t *table) entry(id string) *entry {
	e := t.entries[id]
	if e == nil {
		e = &entry{}
		t.entries[id] = e
	}
	return e
}

// put takes a state of the present connection. Within a connection a state replaces an earlier version only; the first
// word of a new one replaces whatever is held.
func (t *table) put(p *Presence) {
	e := t.entry(p.ID)
	if e.link == t.link && e.presence != nil && p.Version <= e.presence.Version {
		return
	}
	same := e.told && e.presence != nil && e.presence.Version == p.Version && equal(e.presence, p)
	e.presence, e.why, e.confirmed, e.link, e.heard = p, "", p.ObservedAt, t.link, t.heard
	if !same {
		t.touch(p.ID, e)
	}
}

// equal compares states but for when they were confirmed.
func equal(a, b *Presence) bool {
	x := *a
	x.ObservedAt = b.ObservedAt
	return reflect.DeepEqual(&x, b)
}

// drop takes that there is no state.
func (t *table) drop(id string, why Absence) {
	e := t.entries[id]
	if e == nil {
		if why == Unwatched {
			return
		}
		e = t.entry(id)
	}
	same := e.told && e.presence == nil && e.why == why
	e.presence, e.why, e.link, e.heard = nil, why, t.link, t.heard
	if !same {
		t.touch(id, e)
	}
}

// vouch takes that the gateway holds exactly the version it was told of.
func (t *table) vouch(id, version string) {
	if e := t.entries[id]; e != nil && e.link != t.link && e.presence != nil && e.presence.Version == version {
		e.link, e.heard = t.link, t.heard
	}
}

// knownSize is the bytes of one version in `known`, but for the version.
const knownSize = 36 + 6

// known returns the versions held of ids of which the present connection has not spoken, as many as fit.
func (t *table) known(ids iter.Seq[string], bytes int) map[string]string {
	if t.anew {
		return nil
	}
	known := map[string]string{}
	for id := range ids {
		if user, found := t.mails[id]; found {
			id = user
		}
		e := t.entries[id]
		if e == nil || e.presence == nil || e.link == t.link {
			continue
		}
		if bytes -= knownSize + len(e.presence.Version); bytes < 0 {
			break
		}
		known[id] = e.presence.Version
	}
	return known
}

// confirm takes that a state was confirmed at a time or later.
func (t *table) confirm(id string, at time.Time) {
	if e := t.entries[id]; e != nil && e.presence != nil && e.link == t.link && e.confirmed.Before(at) {
		e.confirmed = at
	}
}

// sweep drops what the present connection did not speak of, once it has answered everything.
func (t *table) sweep(w *wants) {
	for id, e := range t.entries {
		_, mail := t.mails[id]
		switch {
		case e.link == t.link || e.why == Unwatched:
		case e.presence == nil && (mail || w.groups[id] != nil): // it was denied or invalid, and is no longer
			delete(t.entries, id)
		default:
			t.drop(id, Unwatched)
		}
	}
}

// group begins or goes on with a group's membership.
func (t *table) group(id string) *group {
	g := t.groups[id]
	if g == nil {
		g = &group{members: map[string]membership{}}
		t.groups[id] = g
	}
	return g
}

// member takes that a user is in a group, or no longer.
func (t *table) member(id, user string, in bool) {
	g := t.group(id)
	m := g.members[user]
	if m.in == in {
		return
	}
	m.in = in
	if m == (membership{}) {
		delete(g.members, user)
	} else {
		g.members[user] = m
	}
	if m.in != m.told && !g.queued {
		g.queued = true
		t.push(slot{ofGroup, id})
	}
}

// vacate takes that nobody is in a group.
func (t *table) vacate(id string) {
	if g := t.groups[id]; g != nil {
		for user := range maps.Clone(g.members) {
			t.member(id, user, false)
		}
	}
}

func (t *table) resolve(mail, id string) {
	if t.mails[mail] != id {
		t.mails[mail] = id
		t.push(slot{ofMail, mail})
	}
}

// next takes the next event off the queue. status reports what is to be said of it when its turn has come.
func (t *table) next(status func() (Event, bool)) (Event, bool) {
	if len(t.refused) > 0 {
		r := t.refused[0]
		t.refused = t.refused[1:]
		return r, true
	}
	for len(t.queue) > 0 {
		s := t.queue[0]
		if t.queue = t.queue[1:]; len(t.queue) == 0 {
			t.queue = nil
		}
		if event, due := t.event(s, status); due {
			return event, true
		}
	}
	return nil, false
}

func (t *table) event(s slot, status func() (Event, bool)) (Event, bool) {
	switch s.kind {
	case ofStatus:
		return status()
	case ofMail:
		id, held := t.mails[s.key]
		return Resolved{Mail: s.key, ID: id}, held
	case ofGroup:
		return t.membership(s.key)
	}
	e := t.entries[s.key]
	if e == nil {
		return nil, false
	}
	e.queued, e.told = false, true
	if e.presence != nil {
		return Changed{Presence: *e.presence}, true
	}
	if e.why == Unwatched {
		delete(t.entries, s.key)
	}
	return Absent{ID: s.key, Why: e.why}, true
}

func (t *table) membership(id string) (Event, bool) {
	g := t.groups[id]
	if g == nil { // unsubscribed meanwhile
		return nil, false
	}
	g.queued = false
	event := Membership{Group: id}
	for user, m := range g.members {
		switch {
		case m.in && !m.told:
			event.Joined = append(event.Joined, user)
			g.members[user] = membership{true, true}
		case !m.in:
			event.Left = append(event.Left, user)
			delete(g.members, user)
		}
	}
	slices.Sort(event.Joined)
	slices.Sort(event.Left)
	return event, len(event.Joined)+len(event.Left) > 0
}
