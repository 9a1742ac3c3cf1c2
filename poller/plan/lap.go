package plan

import "time"

// Lap is one round through everyone. A lap begins where the one before ended; it ends with the request by which
// everyone who is read has been asked since it began. Where the budget is too small for everyone each interval, those
// who change seldom are asked less often than others, and so a lap takes longer than [Plan.Sweep].
type Lap struct {
	Began time.Time     // zero: nobody was asked yet
	Users int           // who are read
	Left  int           // of them, those not asked since it began
	Last  time.Duration // how long the one before took; 0: there was none, or it did not end by asking
}

// lap is the same on the plan's own scale, kept with each user who comes, goes, or is asked.
type lap struct {
	began int64 // 0: none
	left  int
	last  int64
}

// Lap returns the present one.
func (p *Plan) Lap() Lap {
	return Lap{Began: p.moment(p.lap.began), Users: p.active, Left: p.lap.left, Last: time.Duration(p.lap.last)}
}

// join counts a user who is to be read from now on.
func (p *Plan) join(e *entry) {
	p.active++
	if e.asked < p.lap.began {
		p.lap.left++
	}
}

// quit counts a user who is not to be read any longer.
func (p *Plan) quit(e *entry) {
	p.active--
	if e.asked < p.lap.began {
		p.lap.left--
	}
	if p.active == 0 {
		p.lap = lap{}
	}
}

// pass counts those who are asked at t, before that is noted with them.
func (p *Plan) pass(at []uint32, t int64) {
	if p.lap.began == 0 || p.lap.left == 0 { // those who were left have gone
		p.lap = lap{began: max(t, p.latest+1), left: p.active}
	}
	p.latest = t
	if t < p.lap.began { // whoever was asked in the very instant in which the last one ended belongs to that
		return
	}
	for _, k := range at {
		if p.entries[k].asked < p.lap.began {
			p.lap.left--
		}
	}
	if p.lap.left == 0 {
		p.lap = lap{began: t + 1, left: p.active, last: t - p.lap.began}
	}
}
