package graphsim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

const threePeople = `{"t":0,"user":0,"availability":"Offline","activity":"Offline","seq":0,"watchers":4}
{"t":0,"user":1,"availability":"Busy","activity":"InACall","seq":0,"watchers":7}
{"t":0,"user":2,"availability":"Away","activity":"Away","seq":0,"watchers":1}
{"t":12.5,"user":1,"availability":"Available","activity":"Available","seq":1}
{"t":12.5,"user":0,"availability":"Available","activity":"Available","seq":1}

{"t":100,"user":1,"availability":"Busy","activity":"InAMeeting","seq":2}
{"t":100.25,"user":1,"availability":"Away","activity":"Away","seq":3}
{"t":100.24,"user":2,"availability":"Offline","activity":"Offline","seq":1}
`

func readTrace(t testing.TB, text string) *graphsim.Trace {
	t.Helper()
	tr, err := graphsim.ReadTrace(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// activities are what everybody does, in order.
func activities(tenant *graphsim.Tenant) string {
	var all []string
	for _, p := range tenant.Presences() {
		all = append(all, p.Activity)
	}
	return strings.Join(all, " ")
}

func TestTraceIsLivedAtItsTimes(t *testing.T) {
	for _, row := range []struct {
		speed float64
		from  time.Duration
	}{{1, 0}, {10, 0}, {1, 12 * time.Second}} {
		t.Run(fmt.Sprint(row), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Date(2026, 3, 3, 8, 0, 0, 0, time.UTC)
				tenant := graphsim.New(graphsim.Options{Users: 99, ChangesPerSecond: 5, Trace: readTrace(t, threePeople),
					Speed: row.speed, TraceFrom: row.from, Start: start})
				ctx, stop := context.WithCancel(t.Context())
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					if err := tenant.Run(ctx); err != nil {
						t.Error(err)
					}
				}()
				defer func() { stop(); <-ended }()
				born := time.Now()
				until := func(seconds float64) { // of the trace
					ahead := (seconds - row.from.Seconds()) / row.speed
					time.Sleep(time.Until(born.Add(time.Duration(ahead * float64(time.Second)))))
					synctest.Wait()
				}
				const grain = 0.2 // s: at ten times the speed the grain of life is a tenth of a second
				for _, step := range []struct {
					at   float64
					want string
				}{
					{12.5 - grain, "Offline InACall Away"},
					{12.5 + grain, "Available Available Away"},
					{100 - grain, "Available Available Away"},
					{100 + grain, "Available InAMeeting Away"},
					{100.25 + grain, "Available Away Offline"},
					{1000, "Available Away Offline"}, // it is over
				} {
					until(step.at)
					if got := activities(tenant); got != step.want {
						t.Errorf("at %v: %s, want %s", step.at, got, step.want)
					}
				}
				s := tenant.Stats()
				if s.Users != 3 || s.Changes != 5 || s.Time.Sub(start.Add(1000*time.Second)).Abs() > 10*time.Second {
					t.Errorf("got %+v", s)
				}
			})
		})
	}
}

// From the middle on, everybody is where the trace has them, and from the end on nothing happens.
func TestTraceFromTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := readTrace(t, threePeople)
		tenant := graphsim.New(graphsim.Options{Trace: tr, TraceFrom: 100 * time.Second, Seed: 3})
		if got := activities(tenant); got != "Available InAMeeting Away" {
			t.Errorf("at 100 s: %s", got)
		}
		live(t, tenant, time.Second)
		if got := activities(tenant); got != "Available Away Offline" || tenant.Stats().Changes != 2 {
			t.Errorf("a second later: %s, %+v", got, tenant.Stats())
		}
		who := tenant.People()[1]
		seed := uint64(3)
		if err := tenant.Reset(graphsim.Reset{Seed: &seed}); err != nil {
			t.Fatal(err)
		}
		if got := activities(tenant); got != "Available InAMeeting Away" || tenant.People()[1] != who {
			t.Errorf("after a reset: %s", got)
		}
		live(t, graphsim.New(graphsim.Options{Trace: tr, TraceFrom: time.Hour, Speed: 1e6}), time.Minute)
	})
}

// A state set by hand withstands the trace for as long as it withstands a day.
func TestTraceAndHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant := graphsim.New(graphsim.Options{Trace: readTrace(t, threePeople), Pin: 50 * time.Second})
		id := tenant.People()[1].ID
		if err := tenant.SetPresence(id, graphsim.State{Availability: "DoNotDisturb", Activity: "Presenting"}); err != nil {
			t.Fatal(err)
		}
		live(t, tenant, 20*time.Second)
		if got := activities(tenant); got != "Available Presenting Away" {
			t.Errorf("pinned: %s", got)
		}
		if err := tenant.Release(id); err != nil {
			t.Fatal(err)
		}
		if got := activities(tenant); got != "Available Available Away" {
			t.Errorf("released: %s", got)
		}
	})
}

func TestTraceIsReadStrictly(t *testing.T) {
	first := `{"t":0,"user":0,"availability":"Away","activity":"Away"}` + "\n"
	for text, want := range map[string]string{
		"":                                       "nobody is in it",
		"\n\n":                                   "nobody is in it",
		"{":                                      "line 1: unexpected end",
		first + "no":                             "line 2: invalid character",
		"{}":                                     "line 1: want t, user, availability and activity",
		`{"t":0,"user":0,"availability":"Away"}`: "line 1: want t, user",
		`{"user":0,"availability":"Away","activity":"Away"}`:                    "line 1: want t, user",
		`{"t":0,"availability":"Away","activity":"Away"}`:                       "line 1: want t, user",
		`{"t":0,"user":"0","availability":"Away","activity":"Away"}`:            "line 1: json: cannot unmarshal string",
		`{"t":0,"user":1,"availability":"Away","activity":"Away"}`:              "line 1: user 1: the next new one is 0",
		`{"t":0,"user":-1,"availability":"Away","activity":"Away"}`:             "line 1: user -1:",
		`{"t":-1,"user":0,"availability":"Away","activity":"Away"}`:             "line 1: t is -1, want seconds",
		`{"t":1e300,"user":0,"availability":"Away","activity":"Away"}`:          "line 1: t is 1e+300, want seconds",
		`{"t":3,"user":0,"availability":"Away","activity":"Away"}`:              "line 1: user 0 is new at t 3",
		first + first + `{"t":-0.1,"user":0,"availability":"a","activity":"b"}`: "line 3: t is -0.1",
		first + `{"t":2,"user":0,"availability":"Busy","activity":"Busy"}` + "\n" +
			`{"t":1,"user":0,"availability":"Away","activity":"Away"}`: "line 3: user 0 goes back in time to t 1",
		first + strings.Repeat("x", 100_000): "line 2: bufio.Scanner: token too long",
	} {
		if _, err := graphsim.ReadTrace(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "graphsim: trace: "+want) {
			t.Errorf("%.80q: %v, want %s", text, err, want)
		}
	}
	if tr := readTrace(t, threePeople); tr.Users() != 3 || tr.Changes() != 5 || tr.Length() != 100250*time.Millisecond {
		t.Errorf("%d users, %d changes, %v", tr.Users(), tr.Changes(), tr.Length())
	}
}

func FuzzTrace(f *testing.F) {
	f.Add(threePeople)
	f.Add(`{"t":1e9,"user":0,"availability":"","activity":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		tr, err := graphsim.ReadTrace(strings.NewReader(text))
		if err != nil {
			return
		}
		// Whatever is accepted can be lived to its end.
		synctest.Test(t, func(t *testing.T) {
			tenant := graphsim.New(graphsim.Options{Trace: tr, Speed: 1e10})
			live(t, tenant, time.Minute)
			if s := tenant.Stats(); s.Users != tr.Users() || s.Changes > int64(tr.Changes()) {
				t.Errorf("%d users, %d changes: %+v", tr.Users(), tr.Changes(), s)
			}
		})
	})
}
