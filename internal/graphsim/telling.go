package graphsim

import (
	"cmp"
	"math"
	"slices"
	"time"
)

// noMore is when the next change comes after the last.
const noMore = math.MaxInt64

// telling is how far a tenant has come in a trace.
type telling struct {
	trace    *Trace
	contents []*content // of the trace's states
	origin   int64      // simulated, milliseconds, of the trace's start
	next     int        // step
}

// tell puts everybody where the trace has them at from. The clock stands at the trace's start.
func (p *population) tell(tr *Trace, from time.Duration) {
	n := &telling{trace: tr, contents: make([]*content, len(tr.states)), origin: p.instant}
	for i, s := range tr.states {
		n.contents[i] = p.contents.of(s)
	}
	for i, state := range tr.first {
		p.people[i].meant = n.contents[state]
	}
	n.next, _ = slices.BinarySearchFunc(tr.steps, from.Milliseconds()+1, func(s step, at int64) int { return cmp.Compare(s.at, at) })
	for _, s := range tr.steps[:n.next] {
		p.people[s.who].meant = n.contents[s.state]
	}
	p.instant += from.Milliseconds()
	p.told = n
}

func (n *telling) nextAt() int64 {
	if n.next == len(n.trace.steps) {
		return noMore
	}
	return n.origin + n.trace.steps[n.next].at
}

// stepTold is step by a trace.
func (p *population) stepTold() (who uint32, changed bool) {
	n := p.told
	s := n.trace.steps[n.next]
	n.next++
	p.instant = max(p.instant, n.origin+s.at)
	r, next := &p.people[s.who], n.contents[s.state]
	changed = next != r.meant
	r.meant = next
	return s.who, changed
}
