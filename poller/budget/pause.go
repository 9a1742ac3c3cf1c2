package budget

import "time"

const (
	firstPause = 10 * time.Second
	lastPause  = 5 * time.Minute
)

// pause is the time in which nothing may leave.
type pause struct {
	until time.Time
	step  int       // refusals without Retry-After since the last success, one for each flight of reads
	grown time.Time // when step last rose
}

// next returns how long to pause after a refusal without Retry-After of a read that left at left. Reads that left
// before the pause grew last were refused for the same reason: it does not grow once for each of them.
func (p *pause) next(left, now time.Time) time.Duration {
	if p.step == 0 || left.After(p.grown) {
		p.step++
		p.grown = now
	}
	return min(firstPause<<min(p.step-1, 10), lastPause)
}
