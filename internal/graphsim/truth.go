package graphsim

import (
	"errors"
	"fmt"
	"time"
)

// A Presence is the truth about one user: what a read without faults answers.
type Presence struct {
	ID string
	State
	SequenceNumber string
	ChangedAt      time.Time // real time of the latest change of state or number
}

func (t *Tenant) truth(r *resident, rec *record) Presence {
	return Presence{ID: r.id.String(), State: rec.content.state, SequenceNumber: sequenceNumber(rec.number), ChangedAt: t.born.Add(rec.since)}
}

// Presence is the truth about the user, or ErrUnknownUser.
func (t *Tenant) Presence(id string) (Presence, error) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	r := t.resident(id)
	if r == nil {
		return Presence{}, fmt.Errorf("%w: %s", ErrUnknownUser, id)
	}
	return t.truth(r, r.now), nil
}

// Presences is the truth about everybody at one instant.
func (t *Tenant) Presences() []Presence {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]Presence, len(t.p.people))
	for i := range t.p.people {
		r := &t.p.people[i]
		all[i] = t.truth(r, r.now)
	}
	return all
}

// People are all users of the tenant.
func (t *Tenant) People() []Person {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]Person, len(t.p.people))
	for i := range t.p.people {
		all[i] = t.p.people[i].person()
	}
	return all
}

// Groups are all groups of the tenant, with transitive members.
func (t *Tenant) Groups() []Group {
	t.mu.RLock()
	defer t.mu.RUnlock()
	all := make([]Group, len(t.p.circles))
	for i, c := range t.p.circles {
		_, _, users := t.p.within(i)
		all[i] = Group{ID: c.id.String(), DisplayName: c.name, Members: make([]string, len(users))}
		for j, u := range users {
			all[i].Members[j] = t.p.people[u].id.String()
		}
	}
	return all
}

// resident finds a user by id in any letter case, or is nil. The lock is held.
func (t *Tenant) resident(id string) *resident {
	g, err := parseGUID(id)
	if err != nil {
		return nil
	}
	who, ok := t.p.byID[g]
	if !ok {
		return nil
	}
	return &t.p.people[who]
}

// SetPresence sets a user's state by hand and pins it for Options.Pin; the
// sequence number rises if the state differs. After that the person's next
// planned change takes them back into their day.
func (t *Tenant) SetPresence(id string, s State) error {
	return t.set(id, func(r *resident) (setting, error) {
		return setting{state: s, pin: t.o.Pin}, nil
	})
}

// setting is what a hand does to a person.
type setting struct {
	state  State
	number uint64 // 0: the next one, if the state differs
	keep   bool   // the number stays whatever the state
	pin    time.Duration
}

func (t *Tenant) set(id string, decide func(*resident) (setting, error)) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.resident(id)
	if r == nil {
		return fmt.Errorf("%w: %s", ErrUnknownUser, id)
	}
	s, err := decide(r)
	if err != nil {
		return err
	}
	if s.state.Availability == "" || s.state.Activity == "" {
		return errors.New("graphsim: set presence: availability and activity are needed")
	}
	who := t.p.byID[r.id]
	now := t.age()
	r.pinned = now + s.pin
	c := t.p.contents.of(s.state)
	number := s.number
	switch {
	case number != 0:
	case s.keep || c == r.now.content:
		number = r.now.number
	default:
		number = t.p.raise(who, r.now.number)
	}
	if c != r.now.content || number != r.now.number {
		t.turn(who, c, number, now)
	}
	return nil
}

// Release ends the pin of a person set by hand and puts them where their day
// has them.
func (t *Tenant) Release(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.resident(id)
	if r == nil {
		return fmt.Errorf("%w: %s", ErrUnknownUser, id)
	}
	r.pinned = 0
	who := t.p.byID[r.id]
	if c := r.meant; c != r.now.content {
		t.turn(who, c, t.p.raise(who, r.now.number), t.age())
	}
	return nil
}

// turn gives a person a new record and forgets those that no replica can be
// behind enough to answer. The lock is held.
func (t *Tenant) turn(who uint32, c *content, number uint64, now time.Duration) {
	r := &t.p.people[who]
	r.now = &record{content: c, number: number, since: now, prev: r.now}
	for old := r.now; old != nil; old = old.prev {
		if now-old.since > maxLag {
			old.prev = nil
		}
	}
	t.changes++
	t.journal.note(who, r.now)
}

// asOf is the record a replica that far behind would answer. The lock is held.
func (r *resident) asOf(instant time.Duration) *record {
	rec := r.now
	for rec.since > instant && rec.prev != nil {
		rec = rec.prev
	}
	return rec
}

// lowestNumber is the number below which a reset cannot bring anybody.
const lowestNumber = 4

// ResetSequences lets every sequence number start again lower, as after a
// failover of the service that loses its place; states stay, and replicas
// forget what was before. After some 24 resets in a row numbers cannot sink
// further, and it fails.
func (t *Tenant) ResetSequences() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := range t.p.people {
		if t.p.people[i].now.number < lowestNumber {
			return errors.New("graphsim: sequence numbers are as low as they can be")
		}
	}
	now := t.age()
	for i := range t.p.people {
		r := &t.p.people[i]
		r.now = &record{content: r.now.content, number: r.now.number / 2, since: now}
		t.journal.note(uint32(i), r.now)
	}
	return nil
}
