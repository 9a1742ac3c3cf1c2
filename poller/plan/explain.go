package plan

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Explanation is what the plan knows of one user. Zero times: never, or unknown.
type Explanation struct {
	Asked    time.Time // when a request with the user last left
	Read     time.Time // when an accepted one was last answered
	Due      time.Time // when the user should be asked again; zero: at once
	Number   uint32    // of the last request
	Misses   int       // answers running that left the user out
	Failures int       // requests running that failed
	Refused  bool      // Graph refuses the user alone
	Gone     bool
	InFlight bool
	Watchers int
	Interval time.Duration // from one read to the next, as now planned
}

// Explain returns what is known of a user; false: not watched.
func (p *Plan) Explain(id presence.ID) (Explanation, bool) {
	at, found := p.byID[id]
	if !found || p.entries[at].flags.has(forgotten) {
		return Explanation{}, false
	}
	e := &p.entries[at]
	x := Explanation{
		Asked:    p.moment(e.asked),
		Read:     p.moment(e.read),
		Due:      p.moment(e.due),
		Number:   e.number,
		Misses:   int(e.misses),
		Failures: int(e.fails),
		Refused:  e.place == refused,
		Gone:     e.flags.has(gone),
		InFlight: e.place == flying,
		Watchers: int(e.watchers),
		Interval: time.Duration(p.interval(e)),
	}
	for _, groups := range [][]group{p.waiting, p.suspects, p.strange} {
		for _, g := range groups {
			for _, k := range g.at {
				if k == at {
					x.Due = p.moment(g.notBefore)
				}
			}
		}
	}
	return x, true
}
