package graphsim

import (
	"cmp"
	"slices"
)

// moment is one planned change.
type moment struct {
	at   int64
	face face
}

// plan writes a person's whole day to dst, in time order. It depends on seed,
// person and day alone, so a day is made again rather than kept.
func plan(dst []moment, seed uint64, person uint32, n int32) []moment {
	h := habitOf(seed, person)
	d := &diary{
		dice:     dice(mix(seed, 'd', uint64(person), uint64(uint32(n)))),
		habit:    h,
		midnight: int64(n)*day + h.zone,
		moments:  dst[:0],
	}
	d.base = face{place: h.place}
	d.write(h.starts(n)+int64(d.unit()*float64(20*minute)), h.home)
	week := floorDiv(int64(n)+3, 7)
	leave := dice(mix(seed, 'l', uint64(person), uint64(week)))
	switch {
	case h.sort == never:
	case h.sort == dormant:
		if d.dice.chance(0.4) {
			d.glance(d.midnight+8*hour, float64(8*hour))
		}
	case person >= alwaysRegular && leave.chance(0.05):
		d.leave(uint8(1 + leave.below(len(absences)-1)))
	case weekday(n) >= 5:
		if d.dice.chance(0.08) {
			d.glance(d.midnight+9*hour, float64(9*hour))
		}
	case person >= alwaysRegular && d.dice.chance(0.03): // ill
	case person >= alwaysRegular && d.dice.chance(0.004): // the service does not know
		d.write(d.midnight+h.begin, asUnknown)
	default:
		d.work()
	}
	end := h.starts(n + 1)
	out := d.moments
	for i := range out {
		out[i].at = min(max(out[i].at, h.starts(n)), end-1)
	}
	slices.SortStableFunc(out, func(a, b moment) int { return cmp.Compare(a.at, b.at) })
	return out
}

// diary is a day being written.
type diary struct {
	dice
	habit    habit
	midnight int64
	base     face // today's note, absence and place
	moments  []moment
	now      int64
	pair     uint8
}

// write notes a change at an instant.
func (d *diary) write(at int64, pair uint8) {
	f := d.base
	f.pair = pair
	d.moments = append(d.moments, moment{at, f})
	d.now, d.pair = at, pair
}

func (d *diary) span(mean int64) int64 { return int64(d.wait(float64(mean))) }

// glance is a short look at the phone.
func (d *diary) glance(from int64, within float64) {
	at := from + int64(d.unit()*within)
	d.write(at, asAvailable)
	d.write(at+20*second+d.span(4*minute), d.habit.home)
}

// leave is a day out of office; some cannot help looking.
func (d *diary) leave(absence uint8) {
	d.base.absence, d.base.place = absence, placeTimeOff
	d.write(d.now+minute, asOfflineOut)
	for range d.below(3) {
		at := d.midnight + 8*hour + int64(d.unit()*float64(12*hour))
		d.write(at, [...]uint8{asAwayOut, asAvailableOut, asBusyOut}[d.below(3)])
		d.write(at+minute+d.span(5*minute), asOfflineOut)
	}
}

// work is a working day: morning, meetings, lunch, what lies between, evening.
func (d *diary) work() {
	h := d.habit
	begin := d.midnight + h.begin + int64(6*float64(minute)*d.normal())
	end := begin + h.length + int64(20*float64(minute)*d.normal())
	if d.chance(0.2) {
		d.base.place = [...]uint8{1, 2, 3, 4, 5, 7}[d.below(6)]
	}
	if d.chance(0.3) {
		d.glance(begin-50*minute, float64(30*minute))
	}
	if d.chance(0.2) {
		d.base.note = uint8(1 + d.below(len(notes)-1))
	}
	d.write(begin, asAvailable)
	noteFrom := begin + int64(d.unit()*float64(h.length))
	newNote := d.base.note
	if d.chance(0.2) {
		newNote = uint8(d.below(len(notes)))
	}
	lunch := d.midnight + 12*hour + 10*minute + int64(25*float64(minute)*d.normal())
	eaten := false
	meetings := d.meetings(begin, end)
	for d.now < end {
		if newNote != d.base.note && d.now >= noteFrom {
			d.base.note = newNote
			d.write(d.now+second, d.pair)
		}
		until, meets := end, false
		if len(meetings) > 0 && meetings[0].from < until {
			until, meets = meetings[0].from, true
		}
		if !eaten && lunch < until && lunch > d.now {
			d.between(lunch)
			eaten = true
			d.rest(lunch, min(until, lunch+20*minute+d.span(15*minute)))
			continue
		}
		d.between(until)
		if !meets {
			break
		}
		d.meet(meetings[0])
		for len(meetings) > 0 && meetings[0].from < d.now+minute {
			meetings = meetings[1:]
		}
	}
	d.goHome(max(end, d.now+second))
}

func (d *diary) goHome(at int64) {
	if d.chance(0.15) { // the computer stays on for a while
		d.write(at, asAway)
		at += 5*minute + d.span(20*minute)
	}
	d.write(at, d.habit.home)
	for range d.below(3) {
		at = d.now + minute + d.span(80*minute)
		d.write(at, asAvailable)
		d.write(at+20*second+d.span(5*minute), d.habit.home)
	}
}
