package main_test

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"
)

// office is a made-up working day of some people, and how many watch each.
type office struct {
	watchers []int
	first    []string // of each, the state they are in at the start
	changes  []officeChange
}

type officeChange struct {
	at    time.Duration
	who   int
	state string
}

// What people do, as Graph spells it: availability and activity.
const (
	gone      = "Offline Offline"
	there     = "Available Available"
	away      = "Away Away"
	back      = "BeRightBack BeRightBack"
	working   = "Busy Busy"
	calling   = "Busy InACall"
	meeting   = "Busy InAMeeting"
	presented = "DoNotDisturb Presenting"
)

// newOffice makes up a day of some length that begins at nine: one in seven is not there, one in ten hardly moves, and the others
// come and go, in calls and meetings that begin on the half-hour, each at a pace of their own that differs widely.
// Some have spells in which they come and go every minute. Few are watched by many, and most by few.
func newOffice(people int, length time.Duration, seed uint64) *office {
	o := &office{}
	for who := range people {
		r := rand.New(rand.NewPCG(seed, uint64(who)))
		o.watchers = append(o.watchers, int(min(math.Ceil(1.2*math.Pow(1-r.Float64(), -0.9)), 40)))
		p := &officeWorker{Rand: r, pace: math.Exp(0.9*r.NormFloat64() - 0.4), state: gone}
		switch x := r.Float64(); {
		case x < 0.15:
		case x < 0.25:
			p.state = []string{there, away, meeting}[r.IntN(3)]
			for at := p.span(2 * time.Hour); at < length; at += p.span(2 * time.Hour) {
				p.become(at, []string{there, away}[r.IntN(2)])
			}
		default:
			p.live(length)
		}
		began := gone
		for _, c := range p.changes {
			if c.at <= 0 {
				began = c.state
			} else if c.at < length {
				c.who = who
				o.changes = append(o.changes, c)
			}
		}
		if len(p.changes) == 0 {
			began = p.state
		}
		o.first = append(o.first, began)
	}
	slices.SortStableFunc(o.changes, func(a, b officeChange) int { return cmp.Compare(a.at, b.at) })
	return o
}

// officeWorker is somebody whose day is being made up.
type officeWorker struct {
	*rand.Rand
	pace    float64 // how much more than usual they change
	state   string
	changes []officeChange
}

func (p *officeWorker) span(mean time.Duration) time.Duration {
	return time.Duration(p.ExpFloat64() * float64(mean))
}

func (p *officeWorker) become(at time.Duration, state string) {
	if state == p.state {
		return
	}
	if last := len(p.changes) - 1; last >= 0 {
		at = max(at, p.changes[last].at+time.Second)
	}
	p.state = state
	p.changes = append(p.changes, officeChange{at: at, state: state})
}

const halfHour = 30 * time.Minute

func (p *officeWorker) live(length time.Duration) {
	now := time.Duration(p.NormFloat64()*float64(40*time.Minute)) - time.Hour // of coming, before nine for most
	p.become(now, there)
	meets := 0.4 * p.Float64()
	burst := time.Duration(-1) // until then they come and go
	for now < length {
		stay := map[string]time.Duration{there: 25 * time.Minute, away: 5 * time.Minute, back: 4 * time.Minute, working: 12 * time.Minute, calling: 5 * time.Minute}[p.state]
		wait := p.span(time.Duration(float64(stay) / p.pace))
		if now < burst {
			wait = p.span(40 * time.Second)
		}
		half := (now/halfHour + 1) * halfHour
		if now < 0 {
			half = 0
		}
		if now+wait >= half && p.Float64() < meets {
			now = p.meet(half)
			continue
		}
		now += wait
		switch {
		case p.state != there:
			p.become(now, there)
		case now < burst:
			p.become(now, away)
		default:
			p.become(now, []string{away, away, away, back, working, calling}[p.IntN(6)])
		}
		if p.Float64() < 0.01 {
			burst = now + p.span(10*time.Minute)
		}
	}
}

// meet is a meeting: the calendar says so within seconds of the half-hour, the call is joined a little later, some present,
// and it ends when it ends.
func (p *officeWorker) meet(from time.Duration) time.Duration {
	p.become(from+p.span(5*time.Second), meeting)
	at := from + 10*time.Second + p.span(time.Minute)
	p.become(at, calling)
	end := from + halfHour*time.Duration(1+p.IntN(2)) - p.span(2*time.Minute)
	if p.Float64() < 0.15 {
		p.become(at+p.span(5*time.Minute), presented)
		p.become(min(p.changes[len(p.changes)-1].at+p.span(10*time.Minute), end), calling)
	}
	end = max(end, p.changes[len(p.changes)-1].at+10*time.Second)
	p.become(end, there)
	return end
}

// ahead is how many changes come once life begins; those in its first instant have happened by then.
func (o *office) ahead() (n int) {
	for _, c := range o.changes {
		if c.at.Round(time.Millisecond) > 0 {
			n++
		}
	}
	return n
}

// save writes the day to a file, as simulate --trace reads it.
func (o *office) save(t testing.TB, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	line := func(at time.Duration, who int, state, more string) {
		var availability, activity string
		if _, err := fmt.Sscan(state, &availability, &activity); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(w, `{"t":%.3f,"user":%d,"availability":%q,"activity":%q%s}`+"\n", at.Seconds(), who, availability, activity, more)
	}
	for who, state := range o.first {
		line(0, who, state, fmt.Sprintf(`,"watchers":%d`, o.watchers[who]))
	}
	for _, c := range o.changes {
		line(c.at, c.who, c.state, "")
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

// readOffice reads such a file.
func readOffice(t testing.TB, path string) *office {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	o := &office{}
	for lines := json.NewDecoder(file); lines.More(); {
		var l struct {
			T                      float64
			User, Watchers         int
			Availability, Activity string
		}
		if err := lines.Decode(&l); err != nil {
			t.Fatal(err)
		}
		state := l.Availability + " " + l.Activity
		if l.User == len(o.first) {
			o.first, o.watchers = append(o.first, state), append(o.watchers, l.Watchers)
			continue
		}
		o.changes = append(o.changes, officeChange{time.Duration(l.T * float64(time.Second)), l.User, state})
	}
	return o
}
