package poller

import (
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Who takes over in the midst of a pause that Graph asked for announces it by when reads last succeeded, not by when it
// took over; but a take-over alone is none.
func TestOutageIsInherited(t *testing.T) {
	start := time.Now()
	for what, c := range map[string]struct {
		before  time.Time
		sight   sight
		after   time.Duration // since the start, when it is announced
		succeed bool
	}{
		"a pause, after 6 s without a success": {start.Add(-6 * time.Second), sight{due: true, paused: true}, 0, false},
		"a pause, after 2 s without a success": {start.Add(-2 * time.Second), sight{due: true, paused: true}, 3 * time.Second, false},
		"a pause, nothing is known":            {time.Time{}, sight{due: true, paused: true}, quiet, false},
		"a clock that is ahead":                {start.Add(time.Minute), sight{due: true, paused: true}, quiet, false},
		"no pause, no answer":                  {start.Add(-6 * time.Second), sight{due: true}, hanging, false},
		"a first read that succeeds":           {start.Add(-6 * time.Second), sight{due: true}, 0, true},
	} {
		var o outage
		o.begin(start, c.before)
		announced := time.Duration(-1)
		for at := time.Duration(0); at < 10*time.Second && announced < 0; at += 100 * time.Millisecond {
			now := start.Add(at)
			if c.succeed && at >= time.Second {
				o.succeeded(now)
			}
			if status, _ := o.tick(now, c.sight); !status.Live() {
				announced = at
				if want := map[bool]presence.Reason{true: presence.Throttled, false: presence.GraphUnavailable}[c.sight.paused]; status.Reason != want {
					t.Errorf("%s: %s", what, status.Reason)
				}
			}
		}
		switch {
		case c.succeed && announced >= 0:
			t.Errorf("%s: announced after %v", what, announced)
		case !c.succeed && (announced < c.after || announced > c.after+100*time.Millisecond):
			t.Errorf("%s: announced after %v, want %v", what, announced, c.after)
		}
	}
}
