package plan

import (
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// missesUntilGone is how many answers running must leave a user out before Graph is believed not to know them.
const missesUntilGone = 3

// Answered says that Graph accepted b, whom its answer left out, and what it said of the others, in b's order; who is
// not in seen counts as unchanged. It returns who is gone by that, each once until they are seen again.
func (p *Plan) Answered(b *Batch, now time.Time, missing []presence.ID, seen ...Seen) (nowGone []presence.ID) {
	t := p.time(now)
	p.keep(t)
	for i, at := range b.at {
		if len(seen) > 0 && seen[0].ID == b.IDs[i] {
			p.learn(&p.entries[at], seen[0], t)
			seen = seen[1:]
		}
	}
	out := make(map[presence.ID]bool, len(missing))
	for _, id := range missing {
		out[id] = true
	}
	for _, at := range p.landed(b) {
		e := &p.entries[at]
		p.settle(e)
		e.flags |= proven
		e.due = p.next(at)
		e.read, e.fails = t, 0
		switch {
		case len(out) == 0 || !out[e.id]:
			e.flags &^= gone
			e.misses = 0
		case e.misses < missesUntilGone:
			if e.misses++; e.misses == missesUntilGone && !e.flags.has(gone) {
				e.flags |= gone
				nowGone = append(nowGone, e.id)
			}
		}
		p.enqueue(at, known)
	}
	return nowGone
}

// Refused says that Graph refused b whole because of an id in it. A batch of one is that id: it is returned as gone,
// unless it was before. Others are asked again in parts.
func (p *Plan) Refused(b *Batch, now time.Time) (nowGone []presence.ID) {
	t := p.time(now)
	p.apart = t + int64(p.o.RetryRefused)
	single := len(b.at) == 1
	back := p.landed(b)
	if single {
		for _, at := range back {
			e := &p.entries[at]
			p.settle(e)
			p.quit(e)
			e.due = t + int64(p.o.RetryRefused)
			e.misses, e.fails = 0, 0
			e.flags &^= proven
			if !e.flags.has(gone) {
				e.flags |= gone
				nowGone = append(nowGone, e.id)
			}
			p.enqueue(at, refused)
		}
		return nowGone
	}
	strangers := make([]uint32, 0, len(back))
	others := make([]uint32, 0, len(back))
	for _, at := range back {
		if p.entries[at].flags.has(proven) {
			others = append(others, at)
		} else {
			strangers = append(strangers, at)
		}
	}
	mixed := len(strangers) > 0 && len(others) > 0
	p.suspect(&p.strange, strangers, t, !mixed)
	p.suspect(&p.suspects, others, t, !mixed)
	return nil
}

// suspect puts users aside to be asked alone, together or in halves.
func (p *Plan) suspect(groups *[]group, at []uint32, t int64, halve bool) {
	for _, k := range at {
		p.entries[k].place = suspected
	}
	if halve && len(at) > 1 {
		half := len(at) / 2
		*groups = append(*groups, group{at: slices.Clone(at[half:]), notBefore: t})
		at = at[:half]
	}
	if len(at) > 0 {
		*groups = append(*groups, group{at: at, notBefore: t})
	}
}

// Failed says that b got no usable answer, through no fault of its users: they are asked again from notBefore on,
// behind those who have waited longer. firm says that Graph itself named the time, so that [Plan.Hasten] lets it
// stand.
func (p *Plan) Failed(b *Batch, now, notBefore time.Time, firm bool) {
	t := p.time(now)
	back := p.landed(b)
	if len(back) == 0 {
		return
	}
	g := group{at: back, notBefore: max(t, p.time(notBefore)), firm: firm}
	unproven := false
	for _, at := range back {
		e := &p.entries[at]
		if e.fails < 255 {
			e.fails++
		}
		unproven = unproven || !e.flags.has(proven)
		e.place = suspected
	}
	if b.Alone {
		groups := &p.suspects
		if unproven {
			groups = &p.strange
		}
		*groups = slices.Insert(*groups, 0, g)
		return
	}
	g.notBefore = max(g.notBefore, b.asked+int64(p.o.Gap))
	for _, at := range back {
		p.entries[at].place, p.entries[at].due = waiting, b.asked
	}
	p.waiting = append(p.waiting, g)
}

// Hasten lets everyone in back-off be asked from now on, but for those whose time Graph named.
func (p *Plan) Hasten(now time.Time) {
	t := p.time(now)
	for _, groups := range [][]group{p.waiting, p.suspects, p.strange} {
		for i := range groups {
			if !groups[i].firm {
				groups[i].notBefore = min(groups[i].notBefore, t)
			}
		}
	}
}

// Reconsider lets all who were refused alone be asked again from now on, still alone: when Graph refused everything
// for a while, that said nothing about them.
func (p *Plan) Reconsider(now time.Time) {
	t := p.time(now)
	counts := p.counts(refused)
	for _, n := range p.refused.nodes {
		if counts(n) {
			p.join(&p.entries[n.at])
			p.entries[n.at].due = t - 1
			p.suspect(&p.strange, []uint32{n.at}, t, false)
		}
	}
	p.refused = queue{}
}

// landed ends b's flight, and returns the entries that are still watched; the others are gone.
func (p *Plan) landed(b *Batch) []uint32 {
	at := b.at
	b.at = nil
	p.flying -= len(at)
	return p.watched(at)
}

// watched frees the entries that were forgotten, and returns the others.
func (p *Plan) watched(at []uint32) []uint32 {
	return slices.DeleteFunc(at, func(k uint32) bool {
		if p.entries[k].flags.has(forgotten) {
			p.release(k)
			return true
		}
		return false
	})
}
