package fleet_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// Every process can say how the reading goes in the one that polls, and how old that is: after a take-over of another,
// and while the store is away of what was heard last, until that is too old to mean anything.
func TestFigures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 3)
		wants := func(why, from string, most time.Duration) {
			t.Helper()
			for _, p := range w.processes {
				said, age, err := p.fleet.Figures(t.Context())
				if err != nil || string(said) != from || age < 0 || age > most {
					t.Errorf("%s: %s knows %q, %v old, %v; want those of %s", why, p.name, said, age, err, from)
				}
			}
		}
		leader, i := w.leader()
		wants("settled", leader.name, 3*time.Second)

		w.remove(i)
		leader.stop()
		leader.ended.Wait()
		time.Sleep(8 * time.Second)
		leader, _ = w.leader()
		wants("handed over", leader.name, 3*time.Second)

		var replica *process
		for _, p := range w.processes {
			if p != leader {
				replica = p
			}
		}
		w.mu.Lock()
		replica.link.cut = true
		w.mu.Unlock()
		_, before, _ := replica.fleet.Figures(t.Context())
		time.Sleep(20 * time.Second)
		if said, age, err := replica.fleet.Figures(t.Context()); err != nil || string(said) != leader.name || age < before+20*time.Second || age > before+25*time.Second {
			t.Errorf("cut off for 20 s: %q, %v old, %v", said, age, err)
		}
		time.Sleep(time.Minute)
		if said, age, err := replica.fleet.Figures(t.Context()); !errors.Is(err, fleet.ErrNone) {
			t.Errorf("cut off for 80 s: %q, %v old, %v", said, age, err)
		}
		w.mu.Lock()
		w.mend(replica.link)
		w.mu.Unlock()
		time.Sleep(10 * time.Second)
		wants("mended", leader.name, 3*time.Second)
	})
}

// However many operators look, the store is asked once a second.
func TestFiguresAreAskedForSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := quiet(t, 2)
		_, i := w.leader()
		replica := w.processes[1-i]
		time.Sleep(2 * time.Second)
		if _, _, err := replica.fleet.Figures(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 1000 {
			if _, _, err := replica.fleet.Figures(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took > 0 { // a call takes time
			t.Errorf("a thousand answers took %v", took)
		}
	})
}
