package budget_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// house is a machine with a state folder, on which a process may be started again and again.
type house struct {
	*testing.T
	machine *budget.Machine
	o       budget.Options
}

func inHouse(t *testing.T, test func(h *house)) {
	dir := folder(t)
	synctest.Test(t, func(t *testing.T) {
		test(&house{T: t, machine: &budget.Machine{Boot: "boot", Up: time.Now()}, o: budget.Options{
			Requests: 100, Window: 30 * time.Second, Dir: filepath.Join(dir, "state"), Identity: "app/tenant",
		}})
	})
}

func (h *house) open() *budget.Budget {
	h.Helper()
	b, err := budget.OpenOn(h.machine, h.o)
	if err != nil {
		h.Fatal(err)
	}
	return b
}

// spend reserves and answers until patience runs out, and returns how many reads left.
func (h *house) spend(b *budget.Budget, patience time.Duration) (n int) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		s, err := b.Reserve(ctx)
		if err != nil {
			return n
		}
		n++
		s.Answered(time.Now())
	}
}

func (h *house) close(b *budget.Budget) {
	h.Helper()
	if err := b.Close(); err != nil {
		h.Error(err)
	}
}

func (h *house) want(what string, got, want int) {
	h.Helper()
	if got != want {
		h.Errorf("%s: %d reads, want %d", what, got, want)
	}
}

func (h *house) record() string {
	h.Helper()
	found, _ := filepath.Glob(filepath.Join(h.o.Dir, "*.json"))
	if len(found) != 1 {
		h.Fatalf("records: %v, want one", found)
	}
	return found[0]
}

func TestFirstStartHasTheFullBudgetEvenly(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		defer h.close(b)
		h.want("at once", h.spend(b, time.Millisecond), 5)
		h.want("within a window", 5+h.spend(b, 30*time.Second-time.Millisecond), 90)
		if u := b.Usage(); u.Spent != 90 || u.Limit != 100 || u.Reserve || u.Held {
			h.Errorf("usage %+v", u)
		}
	})
}

func TestCleanRestartKnowsWhatWasSpent(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		h.want("first life", h.spend(b, 29*time.Second), 90)
		h.close(b)
		b = h.open()
		h.want("second life, same window", h.spend(b, 900*time.Millisecond), 0)
		h.want("second life, next window", h.spend(b, 5*time.Second), 5+14) // as the first life's places come free
		h.close(b)
	})
}

func TestCrashLoopSpendsTheReserveOnce(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		h.spend(b, 29*time.Second)
		b.Crash()
		total := 0
		for range 20 {
			b = h.open()
			if !b.Usage().Reserve {
				h.Fatal("not on the reserve after a crash")
			}
			total += h.spend(b, time.Second)
			b.Crash()
		}
		h.want("20 crashes in a window", total, 10)
		b = h.open()
		h.want("known after the crashes", b.Usage().Spent, 10)
		h.want("the rest of the window", h.spend(b, 10*time.Second), 0)
		if n := h.spend(b, 10*time.Second); n < 20 || n > 90-10 || b.Usage().Reserve {
			h.Errorf("after the window: %d reads, reserve %v", n, b.Usage().Reserve)
		}
		b.Crash()
		b = h.open()
		h.want("the next crash", h.spend(b, 29*time.Second), 10)
		h.close(b)
		b = h.open()
		h.want("closed in the reserve phase", h.spend(b, 500*time.Millisecond), 0)
		h.close(b)
	})
}

func TestPauseOutlivesTheProcess(t *testing.T) {
	for _, clean := range []bool{true, false} {
		inHouse(t, func(h *house) {
			b := h.open()
			s, _ := b.Reserve(context.Background())
			s.Throttled(2*time.Minute, true)
			if clean {
				h.close(b)
			} else {
				b.Crash()
			}
			time.Sleep(time.Minute)
			b = h.open()
			h.want("inside Retry-After", h.spend(b, 59*time.Second), 0)
			if n := h.spend(b, 2*time.Second); n == 0 {
				h.Error("nothing left after Retry-After")
			}
			h.close(b)
		})
	}
}

// A process that begins anew does not know which read was put off, so it waits with all; the one that was told goes on.
func TestDeferralOutlivesTheProcess(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		b.Deferred(time.Now().Add(time.Minute))
		if n := h.spend(b, time.Second); n == 0 {
			h.Error("other reads wait, too")
		}
		b.Crash()
		b = h.open()
		h.want("before the read that was put off may be repeated", h.spend(b, 58*time.Second), 0)
		if n := h.spend(b, 2*time.Second); n == 0 {
			h.Error("nothing left after it")
		}
		h.close(b)
	})
}

func TestThrottled(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		defer b.Close()
		refuse := func(retryAfter time.Duration, set bool) time.Duration {
			h.Helper()
			s, err := b.Reserve(context.Background())
			if err != nil {
				h.Fatal(err)
			}
			other, _ := b.Reserve(context.Background()) // in the same flight
			s.Throttled(retryAfter, set)
			other.Throttled(retryAfter, set)
			return b.Usage().Paused
		}
		for _, want := range []time.Duration{10, 20, 40, 80, 160, 300, 300} {
			if got := refuse(0, false); got != want*time.Second {
				h.Errorf("pause without Retry-After: %v, want %v", got, want*time.Second)
			}
		}
		if got := refuse(7*time.Second, true); got != 7*time.Second {
			h.Errorf("pause with Retry-After 7: %v", got)
		}
		b.Succeeded()
		if got := refuse(0, true); got != 10*time.Second {
			h.Errorf("pause with Retry-After 0 after a success: %v, want 10s", got)
		}
		s, _ := b.Reserve(context.Background())
		late, _ := b.Reserve(context.Background())
		s.Throttled(20*time.Second, true)
		late.Throttled(5*time.Second, true)
		if got := b.Usage().Paused; got != 20*time.Second {
			h.Errorf("a shorter Retry-After cut the pause to %v", got)
		}
	})
}

func TestPauseStopsWhatIsBookedAndWaiting(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		defer h.close(b)
		first, _ := b.Reserve(context.Background())
		booked, _ := b.Reserve(context.Background())
		first.Throttled(time.Minute, true)
		if booked.Leave() {
			h.Error("a booked read left inside Retry-After")
		}
		if got := b.Usage().Spent; got != 1 {
			h.Errorf("%d spent, want 1: the booked read never left", got)
		}
		began := time.Now()
		if _, err := b.Reserve(context.Background()); err != nil || time.Since(began) < time.Minute {
			h.Errorf("reserved after %v, %v", time.Since(began), err)
		}
	})
}

func TestLostReadHoldsItsPlaceForTheGraceToo(t *testing.T) {
	inHouse(t, func(h *house) {
		h.o.Requests, h.o.Grace = 2, 10*time.Second // one place
		b := h.open()
		defer h.close(b)
		s, _ := b.Reserve(context.Background())
		s.Lost()
		h.want("within window and grace", h.spend(b, 40*time.Second), 0)
		h.want("after it", h.spend(b, time.Second), 1)
	})
}

func TestCrashFindsOnlySomeReadsUnanswered(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		defer h.close(b)
		ctx, cancel := context.WithTimeout(context.Background(), 29*time.Second)
		defer cancel()
		var flying []*budget.Spend
		for {
			s, err := b.Reserve(ctx)
			if err != nil {
				break
			}
			flying = append(flying, s)
		}
		// After a crash they may all reach Graph late, beside the reserve and what follows it.
		h.want("without an answer", len(flying), 45)
		flying[0].Answered(time.Now())
		h.want("after one answer", h.spend(b, 10*time.Millisecond), 1+4)
	})
}

func TestLostReadsAreAmongThemUntilTheGraceIsOver(t *testing.T) {
	inHouse(t, func(h *house) {
		h.o.Grace = time.Minute
		b := h.open()
		defer h.close(b)
		ctx, cancel := context.WithTimeout(context.Background(), 59*time.Second)
		defer cancel()
		lost := 0
		for {
			s, err := b.Reserve(ctx)
			if err != nil {
				break
			}
			s.Lost()
			lost++
		}
		h.want("given up", lost, 45)
		if n := h.spend(b, 3*time.Second); n == 0 {
			h.Error("nothing left after the grace")
		}
	})
}

func TestBrokenRecordIsTakenForACrash(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "not JSON": "{", "state": `{"version":1,"state":"fine","wallMs":1}`, "version": `{"version":9,"state":"clean","wallMs":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				h.close(h.open())
				if err := os.WriteFile(h.record(), []byte(text), 0o600); err != nil {
					h.Fatal(err)
				}
				b := h.open()
				h.want("a window", h.spend(b, 29*time.Second), 10)
				h.close(b)
			})
		})
	}
}

func TestAnotherWindowIsTakenForACrash(t *testing.T) {
	inHouse(t, func(h *house) {
		h.close(h.open())
		h.o.Window = time.Minute
		b := h.open()
		if !b.Usage().Reserve {
			h.Error("a record for another window was believed")
		}
		h.close(b)
	})
}

func TestClocks(t *testing.T) {
	for name, c := range map[string]struct {
		change func(m *budget.Machine)
		want   int // of 90, at once after a spent window
	}{
		"wall clock an hour ahead, same boot":  {func(m *budget.Machine) { m.Wall = time.Hour }, 0},
		"wall clock an hour behind, same boot": {func(m *budget.Machine) { m.Wall = -time.Hour }, 0},
		"rebooted, wall clock an hour behind":  {func(m *budget.Machine) { m.Boot, m.Up, m.Wall = "next", time.Now(), -time.Hour }, 0},
		"no boot id, wall clock right":         {func(m *budget.Machine) { m.Boot = "" }, 0},
		"rebooted a minute ago": {func(m *budget.Machine) {
			m.Boot, m.Up = "next", time.Now()
			time.Sleep(time.Minute)
		}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			inHouse(t, func(h *house) {
				b := h.open()
				h.spend(b, 29*time.Second)
				h.close(b)
				c.change(h.machine)
				b = h.open()
				h.want("at once", h.spend(b, time.Millisecond), c.want)
				h.close(b)
			})
		})
	}
}

func TestFolderThatCannotBeWritten(t *testing.T) {
	inHouse(t, func(h *house) {
		if err := os.WriteFile(h.o.Dir, nil, 0o600); err != nil { // a file in its place; root may write any folder
			h.Fatal(err)
		}
		b := h.open()
		h.want("first window", h.spend(b, 30*time.Second), 10)
		if n := h.spend(b, 30*time.Second); n < 70 {
			h.Errorf("second window: %d reads", n)
		}
		h.close(b)
	})
}

func TestFullDiskNeverLeavesAnOldRecordToSpeak(t *testing.T) {
	inHouse(t, func(h *house) {
		h.close(h.open())
		// A folder where the draft should be: writing fails, the old record stays.
		block := h.record() + ".new"
		if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
			h.Fatal(err)
		}
		b := h.open()
		h.want("a window without a record", h.spend(b, 30*time.Second), 10)
		h.spend(b, 20*time.Second)
		b.Crash()
		os.RemoveAll(block)
		b = h.open()
		if !b.Usage().Reserve {
			h.Error("the clean record from before was believed after a crash")
		}
		h.close(b)
	})
}

func TestDiskThatFillsUpInTheReservePhase(t *testing.T) {
	inHouse(t, func(h *house) {
		h.open().Crash()
		b := h.open()
		h.want("reserve", h.spend(b, 20*time.Second), 10)
		block := h.record() + ".new"
		if err := os.MkdirAll(filepath.Join(block, "x"), 0o700); err != nil {
			h.Fatal(err)
		}
		h.spend(b, 40*time.Second)
		if b.Usage().Reserve {
			h.Error("still on the reserve, although the old record could be spoiled")
		}
		b.Crash()
		os.RemoveAll(block)
		b = h.open()
		if !b.Usage().Reserve {
			h.Error("full spending that the disk could not be told of was forgotten in a crash")
		}
		h.close(b)
	})
}

func TestTwoProcessesNeverSpendAtOnce(t *testing.T) {
	inHouse(t, func(h *house) {
		first, second := h.open(), h.open()
		if first.Held() || !second.Held() {
			h.Fatalf("held: %v, %v", first.Held(), second.Held())
		}
		h.spend(first, 29*time.Second)
		h.want("while the first lives", h.spend(second, 29*time.Second), 0)
		h.spend(first, 10*time.Second)
		h.close(first)
		if n := h.spend(second, time.Second); n == 0 || n > 10 || second.Held() {
			h.Errorf("after the first ended: %d reads, held %v", n, second.Held())
		}
		h.close(second)

		h.o.Identity = "another tenant"
		other := h.open()
		if other.Held() || other.Usage().Spent != 0 {
			h.Error("two deployments share a record")
		}
		h.close(other)
	})
}

func TestRecordIsPrivate(t *testing.T) {
	inHouse(t, func(h *house) {
		h.close(h.open())
		for path, want := range map[string]os.FileMode{h.o.Dir: 0o700 | os.ModeDir, h.record(): 0o600} {
			if info, err := os.Stat(path); err != nil || info.Mode() != want {
				h.Errorf("%s: %v, %v, want %v", path, info.Mode(), err, want)
			}
		}
	})
}

func TestReserveEnds(t *testing.T) {
	inHouse(t, func(h *house) {
		b := h.open()
		h.spend(b, 20*time.Second)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if _, err := b.Reserve(ctx); !errors.Is(err, context.Canceled) {
			h.Errorf("cancelled: %v", err)
		}
		b.Pause(time.Now().Add(time.Hour))
		go func() {
			time.Sleep(time.Second)
			b.Close()
		}()
		if _, err := b.Reserve(context.Background()); !errors.Is(err, budget.ErrClosed) {
			h.Errorf("closed: %v", err)
		}
	})
}

func TestOpenRefusesTheImpossible(t *testing.T) {
	for _, o := range []budget.Options{{Requests: 1}, {Requests: -5}, {Window: -time.Second}, {Grace: -1}} {
		if _, err := budget.Open(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

func TestSystemClock(t *testing.T) {
	o := budget.Options{Dir: t.TempDir(), Identity: "x"}
	b, err := budget.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Reserve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s.Answered(time.Now())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if b, err = budget.Open(o); err != nil {
		t.Fatal(err)
	}
	if got := b.Usage().Spent; got != 1 {
		t.Errorf("%d spent after a restart, want 1", got)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
}

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"version":1,"state":"clean","wallMs":1,"placesMs":[-1,5]}`))
	f.Add([]byte(`{"version":1,"state":"reserve","wallMs":1,"spentMs":[null,5],"beganMs":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		o := budget.Options{Dir: dir, Identity: "x"}
		b, err := budget.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		b.Close()
		found, _ := filepath.Glob(filepath.Join(dir, "*.json"))
		if err := os.WriteFile(found[0], text, 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err = budget.Open(o); err != nil {
			t.Fatal(err)
		}
		if budget.ParseRecord(text) != nil && !b.Usage().Reserve {
			t.Error("a broken record gave the full budget")
		}
		b.Close()
	})
}
