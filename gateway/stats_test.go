package gateway_test

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// figures is what the tests look at of the operator's figures.
type figures struct {
	At      time.Time
	Process struct {
		Name  string
		Since time.Time
	}
	Budget *struct {
		Used, Limit, WindowSeconds, Reserve, Pace, PausedSeconds float64
		OnReserve                                                bool
		PausedUntil                                              time.Time
	}
	Reading struct {
		From, Process                                                               string
		AgeSeconds, WatchedUsers, SweepSeconds, RequestsPerSecond, ChangesPerSecond *float64
		CredentialExpiresSeconds, CertificateExpiresSeconds, IntervalSeconds        *float64
		Since                                                                       time.Time
		Sweep                                                                       *struct {
			StartedAt, EndsAt time.Time
			Left              float64
			LastSeconds       *float64
		}
		Trouble *struct {
			Since              time.Time
			Reason, Code, Text string
		}
	}
	Hub struct {
		Kind      string
		Connected bool
	}
}

func (w *world) stats() (f figures, body string) {
	w.t.Helper()
	a := w.call("GET", "/v1/stats", "", "Authorization", "Bearer operator")
	if a.status != http.StatusOK {
		w.t.Fatalf("%d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), &f); err != nil {
		w.t.Fatalf("%s: %v", a.body, err)
	}
	return f, a.body
}

func operated(t *testing.T, told func() *gateway.Told) *world {
	t.Helper()
	d := newDoor(map[string]auth.Principal{"operator": {Subject: "key:operator", Key: "operator"}})
	return newWorld(t, 1, gateway.Options{Door: d, Policy: signedIn, OperatorRole: "operator", Name: "gw-1", HubKind: "redis",
		Reading: func(context.Context) *gateway.Told { return told() }})
}

// What another process told is of when it told it: what was left then is less by now, and moments are by the clock here.
func TestStatsOfAnotherProcess(t *testing.T) {
	number := func(f float64) *float64 { return &f }
	told := &gateway.Told{Age: 4 * time.Second, Reading: gateway.Reading{
		Process: "gw-2", ReadsSeconds: 100, Used: 40, Limit: 1500, WindowSeconds: 30, Reserve: 150, OnReserve: true, Pace: .8, PausedSeconds: 10,
		WatchedUsers: 7, IntervalSeconds: 5, SweepSeconds: 5, LapSeconds: number(2), LapLeft: 3, LastLapSeconds: number(6), ChangesPerSecond: number(0),
		TokenExpiresSeconds: number(3600), CertificateExpiresSeconds: number(2),
		Trouble: &gateway.Trouble{SinceSeconds: 8, Reason: presence.Unauthorized, Code: "error", Text: "renew it"},
	}}
	w := operated(t, func() *gateway.Told { return told })
	f, body := w.stats()
	near := func(what string, got time.Time, seconds float64) {
		t.Helper()
		if want := f.At.Add(time.Duration(seconds * float64(time.Second))); got.Sub(want).Abs() > 2*time.Millisecond {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	if b := f.Budget; b == nil || b.Used != 40 || b.Limit != 1500 || b.WindowSeconds != 30 || b.Reserve != 150 || !b.OnReserve || b.Pace != .8 || b.PausedSeconds != 6 {
		t.Fatalf("budget: %s", body)
	}
	near("paused until", f.Budget.PausedUntil, 6)
	r := f.Reading
	if r.From != "another process" || r.Process != "gw-2" || *r.AgeSeconds != 4 || *r.WatchedUsers != 7 || *r.CredentialExpiresSeconds != 3596 || *r.CertificateExpiresSeconds != -2 ||
		r.Sweep == nil || r.Sweep.Left != 3 || *r.Sweep.LastSeconds != 6 || r.Trouble == nil || r.Trouble.Reason != "unauthorized" || r.Trouble.Text != "renew it" {
		t.Fatalf("reading: %s", body)
	}
	if r.ChangesPerSecond == nil || r.RequestsPerSecond != nil {
		t.Errorf("no change is 0, and what is not known is left out: %s", body)
	}
	near("reads since", r.Since, -104)
	near("sweep began", r.Sweep.StartedAt, -6)
	near("sweep ends, not before the pause does", r.Sweep.EndsAt, 6)
	told.PausedSeconds = 0
	f, _ = w.stats()
	near("sweep ends", f.Reading.Sweep.EndsAt, 0)
	r = f.Reading
	near("trouble since", r.Trouble.Since, -12)
	if f.Process.Name != "gw-1" || f.Process.Since.After(f.At) || f.Hub.Kind != "redis" || f.Hub.Connected {
		t.Errorf("process and hub: %s", body)
	}

	told = &gateway.Told{Here: true, Age: time.Minute, Reading: gateway.Reading{Process: "gw-1", Held: true, PausedSeconds: 10, Limit: 1500}}
	if f, body = w.stats(); f.Reading.From != "this process" || f.Budget.PausedSeconds != 0 || strings.Contains(body, "pausedUntil") || !f.Reading.Since.IsZero() || f.Reading.Sweep != nil {
		t.Errorf("here, a pause long over, and not reading: %s", body)
	}
}

// Nothing of what nobody has told is made up.
func TestStatsLeaveOutWhatIsUnknown(t *testing.T) {
	w := operated(t, func() *gateway.Told { return nil })
	f, body := w.stats()
	if f.Budget != nil || f.Reading.From != "" || f.Reading.WatchedUsers != nil || f.Reading.SweepSeconds != nil || strings.Contains(body, "readToSend") {
		t.Errorf("%s", body)
	}
	if math.Abs(time.Since(f.At).Seconds()) > 60 {
		t.Errorf("at %v", f.At)
	}
}
