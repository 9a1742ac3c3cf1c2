package plan_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// trace is what a tenant's users do over a while, and how many watch each.
type trace struct {
	length  time.Duration
	persons []person
}

type person struct {
	watchers int
	class    plan.Class // at the start
	changes  []change
}

type change struct {
	at    time.Duration
	class plan.Class
}

// traceOr reads the trace that the environment names, or makes one up.
func traceOr(tb testing.TB, people int, length time.Duration) *trace {
	path := os.Getenv("PLAN_TRACE")
	if path == "" {
		return madeUp(people, length)
	}
	f, err := os.Open(path)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	tr, err := readTrace(f)
	if err != nil {
		tb.Fatal(err)
	}
	return tr
}

// readTrace reads JSON lines in order of time: t (seconds), user (from 0), availability, activity and, in a user's
// first line, watchers.
func readTrace(r io.Reader) (*trace, error) {
	tr := &trace{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		var l struct {
			T                      float64
			User                   int
			Availability, Activity string
			Watchers               *int
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, err
		}
		class := plan.ClassOf(l.Availability, l.Activity)
		switch {
		case l.Watchers != nil && l.User == len(tr.persons):
			tr.persons = append(tr.persons, person{watchers: *l.Watchers, class: class})
		case l.Watchers == nil && l.User < len(tr.persons):
			at := time.Duration(l.T * float64(time.Second))
			tr.persons[l.User].changes = append(tr.persons[l.User].changes, change{at, class})
			tr.length = max(tr.length, at)
		default:
			return nil, fmt.Errorf("user %d is new too late, or not new", l.User)
		}
	}
	return tr, lines.Err()
}

// madeUp is a morning: one user in six does nothing, the others come, are more or less restless, and meet on the
// half-hours. Few are watched by many, and many by few.
func madeUp(people int, length time.Duration) *trace {
	r := rand.New(rand.NewPCG(1, 2))
	tr := &trace{length: length, persons: make([]person, people)}
	for i := range tr.persons {
		p := &tr.persons[i]
		p.class = plan.Offline
		p.watchers = int(min(2*math.Pow(1-r.Float64(), -0.8), float64(people)/3))
		if r.IntN(6) > 0 {
			p.live(r, length)
		}
	}
	return tr
}

// stays is how long a user of middling restlessness keeps a class.
var stays = map[plan.Class]time.Duration{
	plan.Available: 25 * time.Minute,
	plan.Away:      5 * time.Minute,
	plan.Busy:      10 * time.Minute,
	plan.Call:      6 * time.Minute,
}

func (p *person) live(r *rand.Rand, length time.Duration) {
	restless := math.Exp(0.9 * r.NormFloat64())
	meets := r.Float64() * 0.5 // of the half-hours
	class := plan.Available
	for now := time.Duration(r.NormFloat64() * float64(40*time.Minute)); now < length; {
		stay := time.Duration(r.ExpFloat64() / restless * float64(stays[class]))
		half := (now/(30*time.Minute) + 1) * 30 * time.Minute
		if now+stay > half && r.Float64() < meets {
			p.become(half+time.Duration(r.IntN(15000))*time.Millisecond, plan.Meeting)
			now, class = half+time.Duration(r.ExpFloat64()*float64(90*time.Second))+16*time.Second, plan.Call
			p.become(now, class)
			now += 25*time.Minute + time.Duration(r.NormFloat64()*float64(90*time.Second))
			class = plan.Available
			p.become(now, class)
			continue
		}
		now += stay
		if class == plan.Available {
			class = []plan.Class{plan.Away, plan.Away, plan.Away, plan.Busy, plan.Call}[r.IntN(5)]
		} else {
			class = plan.Available
		}
		p.become(now, class)
	}
	p.changes = slices.DeleteFunc(p.changes, func(c change) bool { return c.at >= length })
}

func (p *person) become(at time.Duration, class plan.Class) {
	if at <= 0 {
		p.class = class
		return
	}
	p.changes = append(p.changes, change{at, class})
}

func TestTraceIsRead(t *testing.T) {
	tr, err := readTrace(strings.NewReader(`{"t":0,"user":0,"availability":"Offline","activity":"Offline","seq":0,"watchers":4}
{"t":0,"user":1,"availability":"Busy","activity":"InACall","seq":0,"watchers":7}
{"t":12.5,"user":1,"availability":"Available","activity":"Available","seq":1}
`))
	if err != nil {
		t.Fatal(err)
	}
	p := tr.persons[1]
	if len(tr.persons) != 2 || p.watchers != 7 || p.class != plan.Call || !slices.Equal(p.changes, []change{{12500 * time.Millisecond, plan.Available}}) {
		t.Errorf("%+v", tr)
	}
}
