package poller

import "time"

// pulse counts requests and changes by the second, for their rates. The zero pulse has counted nothing.
type pulse struct {
	began             time.Time
	second            int64 // the one that is being counted, Unix
	requests, changes [pulseSpan + 1]int
}

// pulseSpan is over how many seconds rates are reckoned, beside the one that is being counted.
const pulseSpan = 10

// turn makes the counts those of now's second, and returns where they are.
func (p *pulse) turn(now time.Time) (at int64) {
	second := now.Unix()
	if p.began.IsZero() {
		p.began, p.second = now, second
	}
	for p.second = max(p.second, second-pulseSpan-1); p.second < second; {
		p.second++
		p.requests[p.second%(pulseSpan+1)], p.changes[p.second%(pulseSpan+1)] = 0, 0
	}
	return p.second % (pulseSpan + 1)
}

func (p *pulse) requested(now time.Time)      { p.requests[p.turn(now)]++ }
func (p *pulse) changed(now time.Time, n int) { p.changes[p.turn(now)] += n }

// rates returns how many requests and changes a second there were lately; nil while too little time has passed to tell.
func (p *pulse) rates(now time.Time) (requests, changes *float64) {
	p.turn(now)
	span := min(now.Sub(p.began).Seconds(), pulseSpan+now.Sub(now.Truncate(time.Second)).Seconds())
	if span < 2 {
		return nil, nil
	}
	perSecond := func(counts []int) *float64 {
		sum := 0
		for _, n := range counts {
			sum += n
		}
		rate := float64(sum) / span
		return &rate
	}
	return perSecond(p.requests[:]), perSecond(p.changes[:])
}
