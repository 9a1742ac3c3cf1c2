package graphsim

import (
	"cmp"
	"slices"
)

type meeting struct{ from, to int64 }

// meetings fills the calendar: most begin on the hour, many on the half hour.
func (d *diary) meetings(begin, end int64) []meeting {
	var all []meeting
	first := (begin/(30*minute) + 1) * 30 * minute
	slots := int((end - first) / (30 * minute))
	for left := d.habit.meetings; slots > 0; {
		if left -= d.wait(1); left < 0 {
			break
		}
		at := first + int64(d.below(slots))*30*minute
		if at/(30*minute)%2 == 1 && d.chance(0.35) {
			at -= 30 * minute
		}
		if d.chance(0.06) {
			at += 15 * minute
		}
		length := 30 * minute
		switch x := d.unit(); {
		case x < 0.4:
			length = hour
		case x < 0.5:
			length = 25 * minute
		}
		if at > begin {
			all = append(all, meeting{at, at + length})
		}
	}
	slices.SortFunc(all, func(a, b meeting) int { return cmp.Compare(a.from, b.from) })
	return all
}

// meet goes through a meeting: the calendar says so within seconds, people join
// around the minute, some present, ends are ragged.
func (d *diary) meet(m meeting) {
	at := max(m.from+int64(d.unit()*float64(15*second)), d.now+second)
	if at > m.to-minute {
		return
	}
	d.write(at, asInAMeeting)
	if d.chance(0.8) {
		call := asInACall
		if d.chance(0.4) {
			call = asInAConferenceCall
		}
		joined := max(m.from-20*second+d.span(70*second), at+2*second)
		over := m.to - minute + int64(90*float64(second)*d.normal())
		if d.chance(0.2) {
			over -= d.span(6 * minute)
		}
		if over > joined+minute {
			d.write(joined, call)
			if shown := joined + 2*minute + d.span(5*minute); d.chance(0.15) && shown < over-2*minute {
				d.write(shown, asPresenting)
				d.write(min(shown+minute+d.span(8*minute), over-second), call)
			}
			if over < m.to-5*second {
				d.write(over, asInAMeeting)
			} else {
				m.to = over
			}
		}
	}
	d.write(max(m.to+int64(d.unit()*float64(12*second)), d.now+second), asAvailable)
}

func (d *diary) rest(from, to int64) {
	pair := asAway
	if d.chance(0.35) {
		pair = asBeRightBack
	}
	d.write(from, pair)
	if to > from+minute {
		d.write(to, asAvailable)
	}
}

// a turn is a way to leave Available between meetings: how likely, how long.
type turn struct {
	weight int
	pair   uint8
	mean   int64
}

var turns = []turn{
	{34, asAway, 6 * minute}, {10, asBeRightBack, 7 * minute}, {14, asBusy, 12 * minute}, {16, asInACall, 5 * minute},
	{6, asDoNotDisturb, 25 * minute}, {6, asFocusing, 40 * minute}, {2, asUrgentOnly, 30 * minute}, {5, asAvailableInactive, 4 * minute},
	{4, asAvailableIdle, 5 * minute}, {2, asBusyIdle, 4 * minute}, {3, asAwayInactive, 9 * minute},
}

var turnWeight = func() (sum int) {
	for _, t := range turns {
		sum += t.weight
	}
	return sum
}()

// between passes the time at the desk until then: available, with turns.
func (d *diary) between(until int64) {
	mean := int64(float64(24*minute) / d.habit.briskness)
	short := 1.0
	if d.habit.sort == restless {
		mean, short = 90*second, 0.1
	}
	for d.now < until {
		away := d.now + 5*second + d.span(mean)
		if away >= until {
			d.now = until
			return
		}
		w := d.below(turnWeight)
		t := turns[0]
		for _, t = range turns {
			if w -= t.weight; w < 0 {
				break
			}
		}
		d.write(away, t.pair)
		if t.pair == asAvailableInactive && d.chance(0.6) { // fades on
			if fade := away + 5*minute; fade < until {
				d.write(fade, asAway)
			}
		}
		back := d.now + 3*second + int64(d.wait(float64(t.mean)*short))
		if back >= until {
			d.now = until
			return
		}
		d.write(back, asAvailable)
	}
}
