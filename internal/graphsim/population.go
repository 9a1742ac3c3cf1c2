package graphsim

import (
	"slices"
	"sync"
)

// population is everybody of one seed, with what they are about to do. All of
// it but the ids is guarded by the tenant's lock.
type population struct {
	seed     uint64
	people   []resident
	byID     map[guid]uint32
	circles  []circle
	circleAt map[guid]int
	agenda   agenda
	told     *telling // of a trace, in place of the agenda
	instant  int64    // simulated, milliseconds
	contents contents
	scratch  []moment
	texts    map[face]*content

	rosterMu sync.Mutex
	rosters  map[int]roster // of groups asked for since membership last changed
}

// roster is everything that belongs to a group.
type roster struct {
	circles []int
	things  []thing
	users   []uint32
}

// firstNumber is the least sequence number anybody starts with; the published
// sample, A0129311063, is among those that occur.
const firstNumber, numberSpread = 100_000_000, 90_000_000

func settle(seed uint64, o *Options) *population {
	p := &population{seed: seed, instant: o.Start.UnixMilli(), texts: make(map[face]*content)}
	p.people, p.byID = populate(seed, o.Users)
	p.circles = organise(seed, p.people)
	p.circleAt = make(map[guid]int, len(p.circles))
	for i := range p.circles {
		p.circleAt[p.circles[i].id] = i
	}
	if o.Trace != nil {
		p.tell(o.Trace, o.TraceFrom)
	} else {
		p.agenda = make(agenda, o.Users)
		for i := range p.people {
			p.wake(uint32(i))
		}
		p.agenda.heapify()
	}
	records := make([]record, o.Users)
	for i := range p.people {
		r := &p.people[i]
		records[i] = record{content: r.meant, number: firstNumber + mix(seed, 'n', uint64(i))%numberSpread}
		r.now = &records[i]
	}
	return p
}

// wake puts a person into the middle of their day: in the state of the last
// change before the present instant, the next one on the agenda.
func (p *population) wake(who uint32) {
	r := &p.people[who]
	r.day = habitOf(p.seed, who).today(p.instant)
	was := face{pair: asOffline}
	for p.scratch = plan(p.scratch, p.seed, who, r.day); int(r.next) < len(p.scratch) && p.scratch[r.next].at <= p.instant; r.next++ {
		was = p.scratch[r.next].face
	}
	r.meant = p.contentOf(was)
	p.agenda[who] = due{p.upcoming(who), who}
}

// upcoming is when the person changes next; their plan stands in scratch. A day
// that is over is followed by the next one.
func (p *population) upcoming(who uint32) int64 {
	r := &p.people[who]
	for int(r.next) >= len(p.scratch) {
		r.day, r.next = r.day+1, 0
		p.scratch = plan(p.scratch, p.seed, who, r.day)
	}
	return p.scratch[r.next].at
}

// nextAt is when the next planned change comes, or noMore.
func (p *population) nextAt() int64 {
	if p.told != nil {
		return p.told.nextAt()
	}
	return p.agenda[0].at
}

// step takes the next planned change, which there must be, and moves the simulated clock there. It says who changed
// to what; nothing may have changed.
func (p *population) step() (who uint32, changed bool) {
	if p.told != nil {
		return p.stepTold()
	}
	d := p.agenda[0]
	r := &p.people[d.who]
	p.scratch = plan(p.scratch, p.seed, d.who, r.day)
	next := p.contentOf(p.scratch[r.next].face)
	p.instant = max(p.instant, d.at)
	r.next++
	p.agenda.postpone(p.upcoming(d.who))
	changed = next != r.meant
	r.meant = next
	return d.who, changed
}

func (p *population) contentOf(f face) *content {
	c := p.texts[f]
	if c == nil {
		c = p.contents.of(f.state())
		p.texts[f] = c
	}
	return c
}

// raise is by how much a number rises: small, and the same each time the day is
// lived.
func (p *population) raise(who uint32, number uint64) uint64 {
	return number + 1 + mix(p.seed, 's', uint64(who), number)%7
}

// within is the roster of a group, kept until membership changes. The tenant's
// lock is held for reading.
func (p *population) within(root int) (circles []int, things []thing, users []uint32) {
	p.rosterMu.Lock()
	defer p.rosterMu.Unlock()
	r, ok := p.rosters[root]
	if !ok {
		r.circles, r.things, r.users = within(p.circles, root)
		if p.rosters == nil {
			p.rosters = make(map[int]roster)
		}
		p.rosters[root] = r
	}
	return r.circles, r.things, r.users
}

// join makes a person a direct member of a group; leave takes them out of it
// and of every group within it. The tenant's lock is held for writing.
func (p *population) join(root int, who uint32) {
	c := &p.circles[root]
	if !slices.Contains(c.users, who) {
		c.users = append(c.users, who)
	}
	p.rosters = nil
}

func (p *population) leave(root int, who uint32) {
	nested, _, _ := within(p.circles, root)
	for _, i := range append(nested, root) {
		c := &p.circles[i]
		c.users = slices.DeleteFunc(slices.Clone(c.users), func(u uint32) bool { return u == who })
	}
	p.rosters = nil
}
