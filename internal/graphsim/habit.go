package graphsim

// Times of the simulated day are milliseconds; an absolute one counts from the
// Unix epoch.
const (
	second = int64(1000)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
)

// dayStart is when a plan begins and the one of the day before has ended, in
// the person's own time: nobody's day changes while they work.
const dayStart = 3 * hour

type sort uint8

const (
	regular sort = iota
	restless
	dormant
	never
)

// habit is what stays the same about a person from day to day.
type habit struct {
	sort      sort
	zone      int64 // added to the head office's time of day
	begin     int64 // of work, after midnight
	length    int64
	meetings  float64 // a day
	briskness float64 // how often they change between meetings
	home      uint8   // how they are shown when work is over
	place     uint8   // where they usually work
}

// alwaysRegular is how many of the first people have a plain working day, so
// that a tiny tenant is not by chance one where nothing happens.
const alwaysRegular = 8

func habitOf(seed uint64, person uint32) habit {
	d := dice(mix(seed, 'h', uint64(person)))
	h := habit{
		begin:     8*hour + 40*minute + int64(35*float64(minute)*d.normal()),
		length:    8*hour + 40*minute + int64(40*float64(minute)*d.normal()),
		meetings:  min(d.wait(3.2), 9),
		briskness: min(0.3+d.wait(0.8), 5),
	}
	h.home, h.place = asOffWork, uint8(d.below(len(places)-2))
	if d.chance(0.3) {
		h.home = asOffline
	}
	if h.place == placeTimeOff {
		h.place = 0
	}
	h.begin = min(max(h.begin, 6*hour), 11*hour)
	h.length = min(max(h.length, 5*hour), 11*hour)
	switch x := d.unit(); { // a small share lives elsewhere
	case x < 0.06:
		h.zone = -1 * hour
	case x < 0.12:
		h.zone = 1 * hour
	case x < 0.16:
		h.zone = 6 * hour
	case x < 0.20:
		h.zone = -5 * hour
	case x < 0.21:
		h.zone = 4*hour + 30*minute
	}
	switch x := d.unit(); {
	case person < alwaysRegular:
	case x < 0.03:
		h.sort = never
	case x < 0.08:
		h.sort = dormant
	case x < 0.09:
		h.sort = restless
	}
	return h
}

// today is the number of the person's day that the instant belongs to.
func (h habit) today(at int64) int32 {
	return int32(floorDiv(at-h.zone-dayStart, day))
}

// starts is when that day's plan begins.
func (h habit) starts(n int32) int64 { return int64(n)*day + h.zone + dayStart }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// weekday counts from Monday, 0; the epoch was a Thursday.
func weekday(n int32) int { return int(floorMod(int64(n)+3, 7)) }

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }
