package plan

import "time"

// Nodes returns how many nodes the queues hold, counting or not.
func Nodes(p *Plan) int { return len(p.fresh.nodes) + len(p.known.nodes) + len(p.refused.nodes) }

// Planned returns how many users are to be read in a second, by the intervals of all.
func Planned(p *Plan) (perSecond float64) {
	for i := range p.entries {
		if e := &p.entries[i]; e.place != nowhere && e.place != refused {
			perSecond += 1 / time.Duration(p.interval(e)).Seconds()
		}
	}
	return perSecond
}

// Ahead is how much more is planned than the budget allows.
const Ahead = ahead

// Solve brings the law up to date at once.
func Solve(p *Plan, now time.Time) {
	p.law.until = 0
	p.keep(p.time(now))
}
