package poller_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
)

// lookup asks for addresses and returns what came within the time.
func (s *stage) lookup(within time.Duration, addresses ...string) map[string]presence.ID {
	ctx, cancel := context.WithTimeout(s.Context(), within)
	defer cancel()
	return s.poller.Lookup(ctx, addresses)
}

func address(n int) string { return fmt.Sprintf("%d@example.com", n) }

func TestAddresses(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 1), Directory: true,
			OptedOutFile: s.write(filepath.Join(folder(t), "out"), user(8).String())}
		s.start()
		s.wait(time.Second)
		got := s.lookup(time.Second, "7@Example.com", "nobody@example.com", address(8))
		if len(got) != 3 || got["7@Example.com"] != user(7) || !got["nobody@example.com"].IsZero() {
			t.Errorf("found %v", got)
		}
		if !got[address(8)].IsZero() {
			t.Error("the address of somebody who opted out is told")
		}
		// What is known is not asked for again, whether or not it is somebody's.
		s.lookup(time.Second, "7@example.com", "NOBODY@example.com")
		if _, requests := s.source.addresses(); requests != 1 {
			t.Errorf("%d requests", requests)
		}
		s.wait(6 * time.Minute)
		s.lookup(time.Second, address(7), "nobody@example.com")
		if all, requests := s.source.addresses(); requests != 2 || all[len(all)-1] != "nobody@example.com" {
			t.Errorf("after 6 minutes: asked for %v", all)
		}
		s.wait(time.Hour)
		s.lookup(time.Second, address(7))
		if _, requests := s.source.addresses(); requests != 3 {
			t.Errorf("after an hour: %d requests", requests)
		}
		// Who has no time is told what is known, and has nothing asked.
		if got := s.lookup(0, address(7), address(9)); len(got) != 1 || got[address(7)] != user(7) {
			t.Errorf("without time: %v", got)
		}
		s.wait(time.Second)
		if _, requests := s.source.addresses(); requests != 3 {
			t.Error("asked for without time")
		}
	})
}

// However many are asked for, few requests leave a second; who does not wait for the end finds them known later.
func TestAddressesAreLookedUpSlowly(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 1), Directory: true}
		s.start()
		all := make([]string, 3000)
		for i := range all {
			all[i] = address(i)
		}
		if got := s.lookup(2*time.Second, all...); len(got) < 200 || len(got) > 260 {
			t.Errorf("%d found in 2 s", len(got))
		}
		s.wait(time.Minute)
		if got := s.lookup(0, all...); len(got) != 2048 {
			t.Errorf("%d known after a minute", len(got))
		}
	})
}

func TestAnAddressThatGraphDoesNotTakeIsNobodys(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 1), Directory: true}
		s.start()
		got := s.lookup(10*time.Second, address(1), address(2), "odd@example.com", address(3), address(4))
		if len(got) != 5 || got[address(1)] != user(1) || got[address(4)] != user(4) || !got["odd@example.com"].IsZero() {
			t.Errorf("found %v", got)
		}
	})
}

func TestAddressesThatCannotBeLookedUp(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 1), Directory: true}
		s.source.people(status(403), "")
		s.start()
		for range 300 {
			if got := s.lookup(time.Second, address(1)); len(got) > 0 {
				t.Fatalf("found %v", got)
			}
			s.wait(time.Second)
		}
		if _, requests := s.source.addresses(); requests < 3 || requests > 20 {
			t.Errorf("%d requests in 10 minutes in vain", requests)
		}
		s.source.people(nil, "")
		s.credential.change()
		s.wait(time.Second)
		if got := s.lookup(time.Second, address(1)); got[address(1)] != user(1) {
			t.Errorf("after the credential changed: %v", got)
		}
	})
}

func TestAddressesAreNotLookedUpUnasked(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 1)}
		s.start()
		if got := s.lookup(time.Second, address(1)); len(got) > 0 {
			t.Errorf("found %v without watch.directory", got)
		}
	})
}
