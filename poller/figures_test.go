package poller_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// Operators are told how the reading goes; what is not known yet is not told as 0.
func TestFigures(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 1000)
		s.source.size = 100
		s.term.verdict = presence.Newer
		s.credential.ends = time.Now().Add(30 * time.Hour)
		began := time.Now()
		s.start()
		s.wait(time.Second)
		f := s.poller.Figures()
		if f.RequestsPerSecond != nil || f.ChangesPerSecond != nil {
			t.Errorf("rates after a second: %v, %v", *f.RequestsPerSecond, *f.ChangesPerSecond)
		}
		s.wait(59 * time.Second)
		f = s.poller.Figures()
		if !f.Began.Equal(began) || !f.At.Equal(began.Add(time.Minute)) || f.Interval != 5*time.Second || f.Sweep != 5*time.Second ||
			f.Window != 30*time.Second || f.Reserve != 150 || f.Usage.Limit != 1500 || f.Trouble != nil {
			t.Errorf("%+v", f)
		}
		if f.RequestsPerSecond == nil || *f.RequestsPerSecond < 1.8 || *f.RequestsPerSecond > 2.2 || *f.ChangesPerSecond < 180 || *f.ChangesPerSecond > 220 {
			t.Errorf("ten requests of 100 who all changed in 5 s: %v and %v a second", *f.RequestsPerSecond, *f.ChangesPerSecond)
		}
		if requests := f.Requests["200"]; requests < 115 || f.Changes != 100*requests || f.Regressed != 0 {
			t.Errorf("%v requests, %v changes, %v regressed", f.Requests, f.Changes, f.Regressed)
		}
		if lap := f.Lap; lap.Users != 1000 || lap.Left%100 != 0 || f.At.Sub(lap.Began) > 5*time.Second || lap.Last < 4*time.Second || lap.Last > 6*time.Second {
			t.Errorf("a lap of a second more than the interval: %+v", lap)
		}
		if f.TokenExpires.Sub(f.At) != time.Hour || !f.CertificateExpires.Equal(s.credential.ends) {
			t.Errorf("token %v, certificate %v", f.TokenExpires, f.CertificateExpires)
		}
		s.term.mu.Lock()
		s.term.verdict = presence.Confirmed
		s.term.mu.Unlock()
		s.wait(12 * time.Second)
		if f = s.poller.Figures(); *f.ChangesPerSecond != 0 {
			t.Errorf("nobody changed for 12 s: %v", *f.ChangesPerSecond)
		}
	})
}

// Why reads fail is told while they do: all of what concerns the credential, of anything else no text, which may
// name somebody.
func TestFiguresTellTrouble(t *testing.T) {
	const remedy = "the secret has expired; write a new one"
	named := &graph.Error{Op: "read presences", ClientRequestID: "c", Err: fmt.Errorf("Get %q: connection refused", "/users/"+user(0).String())}
	for _, c := range []struct {
		err        error
		reason     presence.Reason
		code, text string
	}{
		{&graph.Error{Op: "read presences", Err: fmt.Errorf("%w: %w", graph.ErrCredential, errors.New(remedy))}, presence.Unauthorized, "error", remedy},
		{status(403), presence.Unauthorized, "403", ""},
		{status(503), presence.GraphUnavailable, "503", ""},
		{named, presence.GraphUnavailable, "error", ""},
		{&graph.Error{Op: "read presences", Err: fmt.Errorf("%w: %s", graph.ErrCredential, strings.Repeat("ü", 5000))}, presence.Unauthorized, "error", "ü"},
	} {
		perform(t, func(s *stage) {
			s.o.Watch.Users = users(0, 10)
			s.start()
			s.wait(10 * time.Second)
			failed := time.Now()
			s.source.mu.Lock()
			s.source.script = always(c.err)
			s.source.mu.Unlock()
			s.wait(20 * time.Second)
			trouble := s.poller.Figures().Trouble
			if trouble == nil || trouble.Reason != c.reason || trouble.Code != c.code || !strings.Contains(trouble.Text, c.text) || c.text == "" && trouble.Text != "" ||
				len(trouble.Text) > 700 || trouble.Since.Before(failed) || trouble.Since.Sub(failed) > 7*time.Second {
				t.Errorf("%v: %+v", c.err, trouble)
			}
			s.source.mu.Lock()
			s.source.script = nil
			s.source.mu.Unlock()
			s.wait(20 * time.Second)
			if trouble := s.poller.Figures().Trouble; trouble != nil {
				t.Errorf("reads succeed again: %+v", trouble)
			}
		})
	}
}
