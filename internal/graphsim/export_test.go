package graphsim

import (
	"reflect"
	"strings"
	"time"
)

// Meter is the accounting with a clock of the test's.
type Meter struct {
	m     *meter
	limit limit
}

func NewMeter(now func() time.Duration, most int, byIDs bool, window time.Duration) Meter {
	return Meter{newMeter(now, window), limit{most, byIDs}}
}

func (m Meter) Arrive(ids int) (over bool) { return m.m.arrive(kindBatch, ids, m.limit) }
func (m Meter) Wait(ids int) time.Duration { return m.m.wait(ids, m.limit) }
func (m Meter) Announce(d time.Duration)   { m.m.announce(d) }
func (m Meter) IDs() (all, peak int)       { return m.m.counts.ids, m.m.counts.peakIDs }
func (m Meter) Figures() (reads, refused, peak, paused, late int) {
	c, _, _ := m.m.snapshot()
	return c.reads, c.refused, c.peak, c.paused, c.pausedLate
}

// Moment is a planned change.
type Moment struct {
	At    int64
	State State
}

// Plan is a person's day.
func Plan(seed uint64, person uint32, day int32) []Moment {
	var all []Moment
	for _, m := range plan(nil, seed, person, day) {
		all = append(all, Moment{m.at, m.face.state()})
	}
	return all
}

// Lookup is how clients of a directory find a filter's matches.
func Filters(text string, p Person) (match, ok bool) {
	people, _ := populate(1, 50)
	f, ok := userFilter(text)
	if !ok {
		return false, false
	}
	for i := range people {
		if people[i].id.String() == p.ID {
			return f(&people[i]), true
		}
	}
	return false, true
}

// FirstPeople are those that Filters knows.
func FirstPeople() (all []Person) {
	people, _ := populate(1, 50)
	for i := range people {
		all = append(all, people[i].person())
	}
	return all
}

// Pairs are all combinations the day knows.
func Pairs() [][2]string { return pairs[:] }

// Room is how many arrivals it has room for.
func (m Meter) Room() int { return cap(m.m.queue) }

// SwitchNames are all switches of Faults.
func SwitchNames() []string {
	var all []string
	v := reflect.TypeFor[Faults]()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Field(i).Tag.Get("json"), ",")
		all = append(all, name)
	}
	return all
}

// StepperOf lives one planned change at a time and says whether it changed
// anything.
func StepperOf(t *Tenant) func() bool {
	return func() bool {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.live(t.age())
	}
}
