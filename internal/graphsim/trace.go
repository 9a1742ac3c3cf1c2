package graphsim

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// A Trace is what the people of a tenant do, written down beforehand: who they are at the start, and every change. It
// does not change any more, and tenants may share it.
type Trace struct {
	states []State  // each combination once
	first  []uint32 // of each user, which of the states
	steps  []step   // in order of time
}

// step is one change of a trace.
type step struct {
	at    int64 // ms since the start
	who   uint32
	state uint32
}

// maxTraceLine is far above what a line needs.
const maxTraceLine = 64 << 10

// maxTraceTime bounds t, so that every instant of a trace fits into its milliseconds: about 30 years.
const maxTraceTime = 1e9

// traceLine is one line. Other members, such as watchers and seq, are for other readers.
type traceLine struct {
	T            *float64 `json:"t"`
	User         *int     `json:"user"`
	Availability string   `json:"availability"`
	Activity     string   `json:"activity"`
}

// traceReader is a trace that is being read.
type traceReader struct {
	Trace
	known map[State]uint32 // where a combination stands in states
	last  []int64          // of each user, when they changed last
}

// ReadTrace reads JSON lines in order of time: t (seconds from the start), user (from 0 on), availability and
// activity; members it does not know are passed over, and so are empty lines. The first line of a user says who they
// are at the start (t 0), the later ones each change. Lines of different users may be a little out of order. An error
// names the line.
func ReadTrace(r io.Reader) (*Trace, error) {
	t := &traceReader{known: make(map[State]uint32)}
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 4096), maxTraceLine)
	number := 1
	for ; lines.Scan(); number++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var l traceLine
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("graphsim: trace: line %d: %w", number, err)
		}
		if err := t.add(&l); err != nil {
			return nil, fmt.Errorf("graphsim: trace: line %d: %w", number, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("graphsim: trace: line %d: %w", number, err)
	}
	if len(t.first) == 0 {
		return nil, errors.New("graphsim: trace: nobody is in it")
	}
	slices.SortStableFunc(t.steps, func(a, b step) int { return cmp.Compare(a.at, b.at) })
	return &t.Trace, nil
}

func (t *traceReader) add(l *traceLine) error {
	switch {
	case l.T == nil || l.User == nil || l.Availability == "" || l.Activity == "":
		return errors.New("want t, user, availability and activity")
	case *l.T < 0 || *l.T > maxTraceTime:
		return fmt.Errorf("t is %v, want seconds from 0 to %v", *l.T, maxTraceTime)
	case *l.User < 0 || *l.User > len(t.first):
		return fmt.Errorf("user %d: the next new one is %d", *l.User, len(t.first))
	}
	s := State{Availability: l.Availability, Activity: l.Activity}
	state, found := t.known[s]
	if !found {
		state = uint32(len(t.states))
		t.known[s] = state
		t.states = append(t.states, s)
	}
	at := int64(math.Round(*l.T * 1000))
	if *l.User == len(t.first) {
		if at != 0 {
			return fmt.Errorf("user %d is new at t %v, want everyone's first state at 0", *l.User, *l.T)
		}
		t.first, t.last = append(t.first, state), append(t.last, 0)
		return nil
	}
	if at < t.last[*l.User] {
		return fmt.Errorf("user %d goes back in time to t %v", *l.User, *l.T)
	}
	t.last[*l.User] = at
	t.steps = append(t.steps, step{at, uint32(*l.User), state})
	return nil
}

// Users is how many people are in it.
func (t *Trace) Users() int { return len(t.first) }

// Changes is how many changes are in it.
func (t *Trace) Changes() int { return len(t.steps) }

// Length is how long after the start the last change comes.
func (t *Trace) Length() time.Duration {
	if len(t.steps) == 0 {
		return 0
	}
	return time.Duration(t.steps[len(t.steps)-1].at) * time.Millisecond
}
