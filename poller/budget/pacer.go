package budget

import "time"

// pacer spreads reads evenly, and lets a few leave at once after a delay.
type pacer struct {
	next time.Time // when the next read would leave if all had left evenly
}

func (p *pacer) wait(now time.Time, gap time.Duration) time.Duration {
	return p.next.Add(-(burst - 1) * gap).Sub(now)
}

func (p *pacer) take(now time.Time, gap time.Duration) {
	if p.next.Before(now) {
		p.next = now
	}
	p.next = p.next.Add(gap)
}

// reset lets reads leave from at on, one by one.
func (p *pacer) reset(at time.Time, gap time.Duration) {
	if next := at.Add((burst - 1) * gap); p.next.Before(next) {
		p.next = next
	}
}
