package plan

import (
	"math"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Batch is the users of one request. It must be handed back once: to [Plan.Answered], [Plan.Refused] or
// [Plan.Failed].
type Batch struct {
	IDs      []presence.ID
	Number   uint32 // of this request, from 1; it wraps around
	Alone    bool   // part of a refused batch, not to be filled up
	Failures int    // the most requests in a row that failed for one of the users
	at       []uint32
	asked    int64
}

// Next returns when the next request should leave; a time that has passed means now. Nothing to ask is false: then
// only a returning batch, or Watch, changes that.
func (p *Plan) Next(now time.Time) (time.Time, bool) {
	t := p.time(now)
	p.comeBack(t)
	next := int64(math.MaxInt64)
	for _, groups := range [][]group{p.waiting, p.suspects, p.strange} {
		for i := range groups {
			next = min(next, groups[i].notBefore)
		}
	}
	if e := p.head(refused); e != nil {
		next = min(next, e.due)
	}
	if e := p.head(newcomers); e != nil {
		next = min(next, t)
	}
	if e := p.head(known); e != nil {
		at := e.asked + int64(p.o.Gap)
		if p.law.scale != 0 && e.due > t {
			at = t // whoever comes next can be asked
		}
		if e.read != 0 && e.fails == 0 && e.due+p.spacing() >= t {
			at = max(at, p.slot)
		}
		next = min(next, at)
	}
	if next == math.MaxInt64 {
		return time.Time{}, false
	}
	return p.epoch.Add(time.Duration(next)), true
}

// Due reports whether someone should have been read by now, or is being read.
func (p *Plan) Due(now time.Time) bool {
	t := p.time(now)
	if p.flying > 0 || len(p.waiting)+len(p.suspects)+len(p.strange) > 0 || p.head(newcomers) != nil {
		return true
	}
	e := p.head(known)
	return e != nil && e.due <= t
}

// comeBack queues the users of failed batches whose time has come.
func (p *Plan) comeBack(t int64) {
	kept := p.waiting[:0]
	for _, g := range p.waiting {
		if g.notBefore > t {
			kept = append(kept, g)
			continue
		}
		for _, at := range g.at {
			if p.entries[at].flags.has(forgotten) {
				p.release(at)
			} else {
				p.enqueue(at, known)
			}
		}
	}
	clear(p.waiting[len(kept):])
	p.waiting = kept
}

// Take returns the request that leaves now, or nil when there is no one to ask. The caller decides when: Take does
// not look at [Plan.Next].
func (p *Plan) Take(now time.Time) *Batch {
	t := p.time(now)
	p.comeBack(t)
	p.turn++
	if at := p.part(&p.suspects, t); at != nil {
		return p.leave(t, at, true)
	}
	// Suspected strangers get one request in four while someone else is due.
	if !p.hasDue(t) || p.turn%4 == 0 {
		if at := p.takeStrange(t); at != nil {
			return p.leave(t, at, true)
		}
	}
	at, alone := p.fill(t)
	if len(at) == 0 {
		if at = p.takeStrange(t); at == nil {
			p.slot = max(p.slot, t+p.spacing())
			return nil
		}
		alone = true
	}
	b := p.leave(t, at, alone)
	if t >= p.slot {
		if p.slot += p.spacing(); p.slot <= t {
			p.slot = t + p.spacing()
		}
	}
	return b
}

func (p *Plan) hasDue(t int64) bool {
	if p.head(newcomers) != nil {
		return true
	}
	e := p.head(known)
	return e != nil && e.due <= t
}

// takeStrange returns users to be asked alone of whom no accepted request tells, or nil.
func (p *Plan) takeStrange(t int64) []uint32 {
	if at := p.part(&p.strange, t); at != nil {
		return at
	}
	if e := p.head(refused); e != nil && e.due <= t {
		p.refused.live--
		at := p.refused.pop().at
		p.join(&p.entries[at])
		return []uint32{at}
	}
	return nil
}

// part takes the users of a group whose time has come, without those who are no longer watched.
func (p *Plan) part(groups *[]group, t int64) []uint32 {
	for {
		g, found := pick(groups, t)
		if !found {
			return nil
		}
		if at := p.watched(g.at); len(at) > 0 {
			return at
		}
	}
}

// pick takes the last group whose time has come: the parts of one batch are followed down to the single user before
// those of the next.
func pick(groups *[]group, t int64) (group, bool) {
	for i := len(*groups) - 1; i >= 0; i-- {
		if g := (*groups)[i]; g.notBefore <= t {
			copy((*groups)[i:], (*groups)[i+1:])
			(*groups)[len(*groups)-1] = group{}
			*groups = (*groups)[:len(*groups)-1]
			return g, true
		}
	}
	return group{}, false
}

// fill takes a batch from the queues: newcomers first, then who is due next.
func (p *Plan) fill(t int64) (at []uint32, alone bool) {
	at = make([]uint32, 0, min(p.o.Batch, p.fresh.live+p.known.live))
	if t >= p.apart {
		return p.draw(p.draw(at, newcomers, t), known, t), false
	}
	first, second := newcomers, known
	if e := p.head(known); e != nil && e.due <= t && p.turn%2 == 0 {
		first, second = known, newcomers
	}
	if at = p.draw(at, first, t); len(at) == 0 {
		first = second
		at = p.draw(at, first, t)
	}
	return at, first == newcomers
}

// draw moves users from a queue to a batch until it is full. Who was asked just now stays.
func (p *Plan) draw(at []uint32, where place, t int64) []uint32 {
	q, counts := p.queue(where), p.counts(where)
	var aside []node
	for len(at) < p.o.Batch && len(q.nodes) > 0 && len(aside) <= p.o.Batch+int(p.o.Rate) {
		n := q.pop()
		if !counts(n) {
			continue
		}
		q.live--
		if e := &p.entries[n.at]; e.asked != 0 && e.asked+int64(p.o.Gap) > t {
			aside = append(aside, n)
			continue
		}
		p.entries[n.at].place = flying // so that a second node of theirs does not count
		at = append(at, n.at)
	}
	for _, n := range aside {
		q.push(n)
	}
	return at
}

// leave makes a batch of entries that are in no queue and no group.
func (p *Plan) leave(t int64, at []uint32, alone bool) *Batch {
	if p.number++; p.number == 0 {
		p.number = 1
	}
	b := &Batch{IDs: make([]presence.ID, 0, len(at)), Number: p.number, Alone: alone, at: at, asked: t}
	p.pass(at, t)
	for _, k := range at {
		e := &p.entries[k]
		b.IDs = append(b.IDs, e.id)
		b.Failures = max(b.Failures, int(e.fails))
		e.place, e.asked, e.number = flying, t, p.number
	}
	p.flying += len(at)
	return b
}
