package poller_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
)

func TestHealthyRunReadsEveryoneAndAnnouncesNothing(t *testing.T) {
	for _, n := range []int{1, 650, 1000, 30000} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			perform(t, func(s *stage) {
				s.o.Watch.Users = users(0, n)
				s.start()
				for range 40 {
					s.wait(time.Second)
				}
				if age, read := s.oldest(); read != n || age > 5200*time.Millisecond {
					t.Errorf("%d of %d users read, the oldest %v ago", read, n, age)
				}
				if all := s.statuses(); len(all) != 1 || !all[0].Live() {
					t.Errorf("statuses: %v, want live once", all)
				}
			})
		})
	}
}

func TestBudgetIsUsedUp(t *testing.T) {
	perform(t, func(s *stage) {
		s.crowd(30000)
		s.o.Interval = time.Second
		s.start()
		s.wait(60 * time.Second)
		s.term.mu.Lock()
		before := s.term.readings
		s.term.mu.Unlock()
		s.wait(60 * time.Second)
		s.term.mu.Lock()
		rate := float64(s.term.readings-before) / 60
		s.term.mu.Unlock()
		most := 45 * float64(s.source.size)
		t.Logf("%.0f users a second, of %.0f", rate, most)
		if rate < .95*most {
			t.Errorf("%.0f users a second, of %.0f", rate, most)
		}
	})
}

func TestOutages(t *testing.T) {
	hang := func([]presence.ID) (time.Duration, error) { return time.Hour, nil }
	for name, c := range map[string]struct {
		script func([]presence.ID) (time.Duration, error)
		reason presence.Reason
		pause  time.Duration // that Graph asks for
	}{
		"no connection":       {always(errCut), presence.GraphUnavailable, 0},
		"hanging":             {hang, presence.GraphUnavailable, 0},
		"500":                 {always(status(500)), presence.GraphUnavailable, 0},
		"503":                 {always(status(503)), presence.GraphUnavailable, 0},
		"503, Retry-After 3":  {always(retryAfter(503, 3*time.Second)), presence.GraphUnavailable, 0},
		"401":                 {always(status(401)), presence.Unauthorized, 0},
		"403":                 {always(status(403)), presence.Unauthorized, 0},
		"everyone refused":    {always(status(404)), presence.GraphUnavailable, 0},
		"429, Retry-After 2":  {always(retryAfter(429, 2*time.Second)), presence.Throttled, 2 * time.Second},
		"429, Retry-After 20": {always(retryAfter(429, 20*time.Second)), presence.Throttled, 20 * time.Second},
		"429, no Retry-After": {always(status(429)), presence.Throttled, 10 * time.Second},
	} {
		for _, n := range []int{1, 1000, 30000} {
			if name == "everyone refused" && n == 1 {
				continue // is that user's own fault
			}
			if n == 30000 && c.reason == presence.Unauthorized || n == 30000 && strings.HasPrefix(name, "503") {
				continue // as the others of that size, and each takes a second
			}
			t.Run(fmt.Sprint(name, "/", n), func(t *testing.T) {
				perform(t, func(s *stage) {
					s.crowd(n)
					s.start()
					s.wait(30*time.Second + 10*time.Millisecond)
					began := time.Now()
					s.source.play(c.script)
					s.wait(60 * time.Second)
					outage := s.statuses()[1:]
					if len(outage) != 1 || outage[0].Reason != c.reason {
						t.Fatalf("statuses: %v, want %v once", outage, c.reason)
					}
					if d := outage[0].at.Sub(began); d > 9*time.Second || d < 4*time.Second {
						t.Errorf("announced after %v", d)
					}
					if d := outage[0].Since.Sub(began); d < -time.Second || d > 6*time.Second {
						t.Errorf("said to have begun %v after it did", d)
					}
					s.checkTries(began, c.pause)
					if pace := s.budget.Usage().Pace; pace < 1 != (c.reason == presence.Throttled) {
						t.Errorf("%v of the full pace", pace)
					}

					healed := time.Now()
					s.source.play(nil)
					for s.last().Reason != "" && time.Since(healed) < 5*time.Minute {
						s.wait(50 * time.Millisecond)
					}
					told := time.Now()
					if age, _ := s.oldest(); age > told.Sub(healed) {
						t.Errorf("live was said while a state was %v old, %v after the end", age, told.Sub(healed))
					}
					if d := told.Sub(healed); c.pause == 0 && d > 15*time.Second {
						t.Errorf("its end was announced after %v", d)
					}
					s.term.mu.Lock()
					gone := len(s.term.gone)
					s.term.mu.Unlock()
					if gone > 32 {
						t.Errorf("%d users reported gone", gone)
					}
				})
			})
		}
	}
}

// checkTries looks at the gaps between the requests of an outage.
func (s *stage) checkTries(began time.Time, pause time.Duration) {
	s.Helper()
	s.source.mu.Lock()
	defer s.source.mu.Unlock()
	last := began
	tries := 0
	for _, at := range s.source.left {
		if at.Before(began) {
			continue
		}
		if gap := at.Sub(last); gap > max(10*time.Second, 8*pause) {
			s.Errorf("no try for %v", gap)
		}
		if at.Sub(began) > 15*time.Second { // one at a time by then
			if gap := at.Sub(last); pause > 0 && gap < pause {
				s.Errorf("a try %v after the last, inside Retry-After", gap)
			}
			tries++
		}
		last = at
	}
	if time.Since(last) > max(10*time.Second, 8*pause) {
		s.Errorf("no try for the last %v", time.Since(last))
	}
	if tries > 45 {
		s.Errorf("%d tries in 45 s while all fail", tries)
	}
}

func TestHiccupsAreNotAnnounced(t *testing.T) {
	for name, err := range map[string]error{
		"503": status(503), "500": status(500), "cut": errCut, "503, Retry-After 3": retryAfter(503, 3*time.Second),
		"429, Retry-After 3": retryAfter(429, 3*time.Second), "429, Retry-After 4": retryAfter(429, 4*time.Second),
	} {
		for _, n := range []int{1, 1000, 30000} {
			t.Run(fmt.Sprint(name, "/", n), func(t *testing.T) {
				perform(t, func(s *stage) {
					s.crowd(n)
					s.start()
					for range 5 {
						s.wait(20 * time.Second)
						s.source.play(once(err))
					}
					s.wait(20 * time.Second)
					if all := s.statuses(); len(all) != 1 || !all[0].Live() {
						t.Errorf("statuses: %v, want live once", all)
					}
				})
			})
		}
	}
}

func TestOutageIsAnnouncedHoweverSeldomUsersAreDue(t *testing.T) {
	for name, script := range map[string]func([]presence.ID) (time.Duration, error){
		"no connection": always(errCut),
		"hanging":       func([]presence.ID) (time.Duration, error) { return time.Hour, nil },
		"429":           always(retryAfter(429, 20*time.Second)),
		"401":           always(status(401)),
	} {
		for _, n := range []int{1, 1000} {
			for _, after := range []time.Duration{61 * time.Second, 64900 * time.Millisecond, 110 * time.Second} {
				t.Run(fmt.Sprint(name, "/", n, "/", after), func(t *testing.T) {
					perform(t, func(s *stage) {
						s.o.Watch.Users, s.o.Interval = users(0, n), time.Minute
						s.start()
						s.wait(after)
						if all := s.statuses(); len(all) != 1 || !all[0].Live() {
							t.Fatalf("statuses: %v, want live once", all)
						}
						s.source.play(script)
						s.wait(9900 * time.Millisecond)
						if s.last().Live() {
							t.Error("nothing is announced 9.9 s after the outage began")
						}
						s.source.play(nil)
						s.wait(40 * time.Second)
						if !s.last().Live() {
							t.Errorf("40 s after its end: %v", s.last())
						}
					})
				})
			}
		}
	}
}

func TestSmallBudgetIsNotSpentOnLookingForOutages(t *testing.T) {
	perform(t, func(s *stage) {
		if err := s.budget.Close(); err != nil {
			t.Fatal(err)
		}
		s.requests = 4
		s.openBudget()
		s.o.Watch.Users, s.o.Interval = users(0, 1), time.Hour
		s.start()
		s.wait(10 * time.Minute)
		if n := s.source.times(user(0)); n < 20 || n > 31 { // of 60
			t.Errorf("asked %d times in 10 minutes", n)
		}
		if all := s.statuses(); len(all) != 1 || !all[0].Live() {
			t.Errorf("statuses: %v, want live once", all)
		}
	})
}

func TestStartWithoutGraphIsAnnounced(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 10)
		s.source.play(always(errCut))
		s.start()
		s.wait(4900 * time.Millisecond)
		if len(s.statuses()) != 0 {
			t.Errorf("after 4.9 s: %v", s.statuses())
		}
		s.wait(time.Second)
		if s.last().Reason != presence.GraphUnavailable {
			t.Errorf("after 5.9 s: %v", s.last())
		}
	})
}

func TestChangedCredentialIsTriedAtOnce(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 1000)
		s.source.play(always(status(401)))
		s.start()
		s.wait(time.Minute)
		s.source.play(nil)
		s.credential.change()
		s.wait(time.Second)
		if age, read := s.oldest(); read != 1000 || age > time.Second || !s.last().Live() {
			t.Errorf("a second after the change: %d read, %v", read, s.last())
		}
	})
}

// A challenge is no outage where another token answers it, and no reason to ask in a loop where none does.
func TestChallengeIsAnsweredOnce(t *testing.T) {
	challenge := status(401)
	challenge.Claims = `{"access_token":{}}`
	perform(t, func(s *stage) {
		s.source.size = 10
		s.o.Watch.Users = users(0, 100)
		s.start()
		s.wait(10 * time.Second)
		s.source.play(once(challenge))
		s.wait(6 * time.Second)
		age, read := s.oldest()
		if len(s.credential.challenges) != 1 || s.credential.challenges[0] != challenge.Claims {
			t.Errorf("the credential was handed %q", s.credential.challenges)
		}
		if !s.last().Live() || len(s.statuses()) != 1 || age > 6*time.Second || read != 100 {
			t.Errorf("told %v; the oldest of %d is %v old", s.statuses(), read, age)
		}
		s.source.play(once(status(403)))
		s.wait(6 * time.Second)
		if s.credential.renewals != 1 || len(s.credential.challenges) != 1 {
			t.Errorf("after a refusal without claims: %d renewals, %d challenges", s.credential.renewals, len(s.credential.challenges))
		}
		s.source.play(always(challenge))
		s.wait(8 * time.Second)
		asked := s.source.times(user(0)) + s.source.times(user(50)) + s.source.times(user(99))
		s.wait(5 * time.Second)
		if n := s.source.times(user(0)) + s.source.times(user(50)) + s.source.times(user(99)) - asked; n > 3 {
			t.Errorf("three users were asked for %d times in 5 s though every answer is a challenge", n)
		}
		s.wait(10 * time.Second)
		if s.last().Reason != presence.Unauthorized {
			t.Errorf("told %v", s.last())
		}
	})
}

func TestFirstSuccessEndsEveryBackOff(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 5)
		s.source.size = 1
		s.source.play(always(status(500)))
		s.start()
		s.wait(time.Minute)
		s.source.play(nil)
		read := 0
		for read == 0 {
			s.wait(50 * time.Millisecond)
			_, read = s.oldest()
		}
		s.wait(500 * time.Millisecond)
		if _, read = s.oldest(); read != 5 {
			t.Errorf("%d of 5 users read half a second after the first", read)
		}
	})
}

func TestOneBadBatchDoesNotStopOthers(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 3)
		s.source.size = 1
		s.source.play(func(ids []presence.ID) (time.Duration, error) {
			if ids[0] == user(1) {
				return time.Millisecond, retryAfter(503, 30*time.Second)
			}
			return 60 * time.Millisecond, nil
		})
		s.start()
		s.wait(29 * time.Second)
		if s.source.times(user(1)) != 1 || s.source.times(user(0)) < 5 || s.source.closes() != 1 {
			t.Errorf("asked %d times inside its Retry-After, others %d times, connections closed %d times",
				s.source.times(user(1)), s.source.times(user(0)), s.source.closes())
		}
		s.wait(2 * time.Second)
		if s.source.times(user(1)) != 2 {
			t.Errorf("asked %d times after its Retry-After", s.source.times(user(1)))
		}
		if len(s.statuses()) > 1 {
			t.Errorf("statuses: %v", s.statuses())
		}
	})
}

func TestBadIDIsGoneAndOthersAreRead(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 2000)
		s.source.poison = map[presence.ID]bool{user(77): true, user(1500): true}
		s.source.missing = map[presence.ID]bool{user(5): true}
		s.start()
		s.wait(30 * time.Second)
		if age, read := s.oldest(); read != 1997 || age > 5200*time.Millisecond {
			t.Errorf("%d users read, the oldest %v ago", read, age)
		}
		for _, id := range []presence.ID{user(77), user(1500), user(5)} {
			if s.term.goneTimes(id) != 1 {
				t.Errorf("%v reported gone %d times", id, s.term.goneTimes(id))
			}
		}
		if len(s.statuses()) != 1 {
			t.Errorf("statuses: %v", s.statuses())
		}
		e := s.poller.Explain(user(77))
		if !e.Refused || !e.Gone || e.Rule != "users" || e.RequestID != "r" || e.Code != "404" {
			t.Errorf("%+v", e)
		}
	})
}

func TestShutdownCancelsReadsAndLosesTheirPlaces(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 3000)
		s.source.play(func([]presence.ID) (time.Duration, error) { return time.Hour, nil })
		s.start()
		s.wait(time.Second)
		began := time.Now()
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		if time.Since(began) > 0 {
			t.Errorf("Run took %v to end", time.Since(began))
		}
		if got := s.budget.Usage().Spent; got != 5 {
			t.Errorf("%d spent, want 5", got)
		}
	})
}

func TestBrokenTermEndsRun(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 1)
		s.term.broken = errors.New("lease lost")
		s.start()
		s.wait(time.Second)
		err := s.stop()
		if !errors.Is(err, s.term.broken) {
			t.Errorf("Run: %v", err)
		}
		s.stop = nil
	})
}

func TestPauseFromBeforeTheStartIsAnnounced(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 1)
		s.budget.Pause(time.Now().Add(8 * time.Second)) // as after a restart inside Retry-After
		s.start()
		s.wait(6 * time.Second)
		if s.last().Reason != presence.Throttled {
			t.Errorf("paused: %v", s.last())
		}
		s.wait(4 * time.Second)
		if !s.last().Live() {
			t.Errorf("after the pause: %v", s.last())
		}
	})
}

func TestBudgetHeldByAnotherProcessIsAnnounced(t *testing.T) {
	for _, interval := range []time.Duration{5 * time.Second, time.Minute} {
		t.Run(interval.String(), func(t *testing.T) {
			perform(t, func(s *stage) {
				other := s.budget // as if it were another process's, which came first
				s.openBudget()
				s.o.Watch.Users, s.o.Interval = users(0, 1), interval
				began := time.Now()
				s.start()
				s.wait(4900 * time.Millisecond)
				if len(s.statuses()) != 0 || s.source.times(user(0)) != 0 {
					t.Errorf("after 4.9 s: %v, asked %d times", s.statuses(), s.source.times(user(0)))
				}
				s.wait(time.Minute)
				if all := s.statuses(); len(all) != 1 || all[0].Reason != presence.NoPoller || all[0].at.Sub(began) > 6*time.Second {
					t.Errorf("while another process reads: %v, want no_poller once", all)
				}
				if err := other.Close(); err != nil {
					t.Fatal(err)
				}
				s.wait(time.Second)
				if !s.last().Live() || s.source.times(user(0)) == 0 {
					t.Errorf("a second after it ended: %v, asked %d times", s.last(), s.source.times(user(0)))
				}
			})
		})
	}
}

func TestMetricsNameNobody(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 10)
		s.term.verdict = presence.Lagging
		s.credential.ends = time.Now().Add(time.Hour)
		s.start()
		s.wait(12 * time.Second)
		families, err := s.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			for _, m := range f.Metric {
				name := f.GetName()
				for _, l := range m.Label {
					name += " " + l.GetValue()
				}
				got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
		for name, want := range map[string]float64{
			"presence_graph_requests_total 200 batch": 3, "presence_graph_window_requests": 3, "presence_graph_window_limit": 1500,
			"presence_graph_paused_seconds": 0, "presence_watched_users": 10, "presence_sweep_seconds": 5, "presence_changes_total": 0,
			"presence_regressed_reads_total": 30, "presence_credential_expires_seconds": 3600,
			"presence_credential_certificate_expires_seconds": 3588,
		} {
			if value, found := got[name]; !found || value < want || value > want+.1 {
				t.Errorf("%s: %v (%v), want %v", name, value, found, want)
			}
			delete(got, name)
		}
		for name := range got {
			t.Errorf("%s is not in the contract's list", name)
		}
		if _, err := poller.New(s.source, s.term, s.o); err == nil {
			t.Error("a second poller took the same registry")
		}
	})
}

func TestExplainNeverSaysPresence(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 1)
		s.start()
		s.wait(time.Second)
		text, err := json.Marshal(s.poller.Explain(user(0)))
		if err != nil || strings.Contains(string(text), "Busy") || !strings.Contains(string(text), `"rule":"users"`) {
			t.Errorf("%s, %v", text, err)
		}
		if e := s.poller.Explain(user(9)); e.Watched || e.Rule != "" {
			t.Errorf("%+v", e)
		}
	})
}

func TestNewRefusesTheImpossible(t *testing.T) {
	perform(t, func(s *stage) {
		for name, o := range map[string]poller.Options{
			"no budget":  {},
			"interval":   {Budget: s.budget, Interval: -1},
			"no members": {Budget: s.budget, Watch: poller.Watch{Groups: users(0, 1)}},
		} {
			if _, err := poller.New(s.source, s.term, o); err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
		s.o.Watch.UsersFile = "/nowhere/users"
		p, err := poller.New(s.source, s.term, s.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "/nowhere/users") {
			t.Errorf("Run: %v", err)
		}
	})
}

// The first read that succeeds ends everybody's wait: nobody sits out a back-off that began before Graph was well again.
func TestTheFirstSuccessEndsEveryWait(t *testing.T) {
	for range 5 { // the waits are random
		perform(t, func(s *stage) {
			s.source.size = 1
			s.o.Interval = time.Second
			s.o.Watch = poller.Watch{Users: users(0, 2)}
			s.start()
			s.wait(10 * time.Second)
			s.source.play(always(errCut))
			s.wait(time.Minute)
			// One takes its time and succeeds; those that leave meanwhile fail, and have to wait.
			const slowly = 8500 * time.Millisecond
			left := make(chan time.Time, 1)
			var began time.Time
			s.source.play(func([]presence.ID) (time.Duration, error) {
				switch {
				case began.IsZero():
					began = time.Now()
					left <- began
					return slowly, nil
				case time.Since(began) < slowly:
					return time.Millisecond, errCut
				}
				return 60 * time.Millisecond, nil
			})
			s.wait(time.Until((<-left).Add(slowly + 1100*time.Millisecond)))
			if age, read := s.oldest(); read != 2 || age > 1200*time.Millisecond {
				t.Errorf("a second after the first success the oldest of %d was asked for %v ago", read, age)
			}
		})
	}
}

// trusting is a source that tells when it trusts others than before.
type trusting struct {
	*source
	changed chan struct{}
}

func (s trusting) Changed() <-chan struct{} { return s.changed }

// What failed because Graph's authority was not trusted is tried at once when it is.
func TestAnotherAuthorityIsTriedAtOnce(t *testing.T) {
	for range 5 { // the waits are random
		perform(t, func(s *stage) {
			s.o.Watch = poller.Watch{Users: users(0, 2)}
			graph := trusting{s.source, make(chan struct{}, 1)}
			p, err := poller.New(graph, s.term, s.o)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- p.Run(ctx) }()
			s.wait(10 * time.Second)
			s.source.play(always(errCut))
			s.wait(time.Minute)
			s.source.play(nil)
			graph.changed <- struct{}{}
			s.wait(1200 * time.Millisecond) // nobody is asked twice in a second
			if age, _ := s.oldest(); age > 1200*time.Millisecond {
				t.Errorf("the last reads are of %v ago", age)
			}
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}
