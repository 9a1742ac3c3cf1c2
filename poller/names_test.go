package poller_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
)

// wantNames checks which of users 0 to 9 the directory names.
func (s *stage) wantNames(when string, want ...int) {
	s.Helper()
	named := map[int]bool{}
	for _, n := range want {
		named[n] = true
	}
	for n := range 10 {
		if p, found := s.term.described().Person(user(n)); found != named[n] || found && p.DisplayName == "" {
			s.Errorf("%s: user %d is named: %v, %+v", when, n, found, p)
		}
	}
}

func TestNamesOfListedUsers(t *testing.T) {
	perform(t, func(s *stage) {
		dir := folder(t)
		file := s.write(filepath.Join(dir, "users"), user(2).String(), user(3).String())
		s.o.Watch = poller.Watch{
			Users: users(0, 2), UsersFile: file, Groups: users(100, 1), OnDemand: true, Directory: true,
			OptedOutFile:          s.write(filepath.Join(dir, "out"), user(1).String()),
			GroupsRefreshInterval: time.Minute,
			Members: func(_ context.Context, id presence.ID, _ bool) (presence.Group, []presence.Person, error) {
				return presence.Group{ID: id, Members: users(3, 2)}, []presence.Person{
					{ID: user(3), DisplayName: "Anna"}, {ID: user(4), DisplayName: "Bea"},
				}, nil
			},
		}
		s.start()
		s.term.wants <- []presence.Want{{ID: user(9), Watchers: 1}}
		s.wait(3 * time.Second)
		s.wantNames("at first", 0, 2, 3, 4)
		if p, _ := s.term.described().Person(user(3)); p.DisplayName != "Anna" {
			t.Errorf("the group's word does not count: %+v", p)
		}
		for _, n := range []int{1, 4, 9} {
			if asked, _ := s.source.asks(user(n)); asked > 0 {
				t.Errorf("user %d was looked up", n)
			}
		}

		s.write(file, user(2).String(), user(3).String(), user(6).String())
		s.write(s.o.Watch.OptedOutFile, user(0).String())
		s.wait(3 * time.Second)
		s.wantNames("after the files changed", 1, 2, 3, 4, 6)
		if asked, _ := s.source.asks(user(2)); asked != 1 {
			t.Errorf("asked %d times for a name known for seconds", asked)
		}

		s.source.people(nil, "Driver")
		s.wait(time.Minute)
		if p, _ := s.term.described().Person(user(6)); p.JobTitle != "Driver" {
			t.Errorf("after a refresh: %+v", p)
		}
		if asked, _ := s.source.asks(user(3)); asked > 1 { // once, if the group was not known yet
			t.Errorf("who is named by a group was looked up %d times", asked)
		}
		s.source.people(nil, nobody)
		s.wait(2 * time.Minute)
		s.wantNames("after nobody was found", 1, 2, 3, 4, 6)
	})
}

func TestNamesThatCannotBeReadStopNothing(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 3), Directory: true}
		s.source.people(status(403), "")
		s.start()
		s.wait(9 * time.Minute)
		if n := s.source.requests(); n < 5 || n > 20 {
			t.Errorf("asked %d times in 9 minutes in vain", n)
		}
		if age, read := s.oldest(); read != 3 || age > 6*time.Second || !s.last().Live() {
			t.Errorf("%d users read, the oldest %v ago, %v", read, age, s.last())
		}
		s.source.people(nil, "")
		s.credential.change()
		s.wait(2 * time.Second)
		s.wantNames("after the credential changed", 0, 1, 2)
	})
}

// Names come fifteen at a time, and neither in a burst nor only at the end.
func TestNamesAreReadSlowly(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 5000), Directory: true}
		s.start()
		s.wait(20 * time.Second)
		if n := s.source.requests(); n < 70 || n > 81 {
			t.Errorf("%d requests for names in 20 s", n)
		}
		if _, found := s.term.described().Person(user(500)); !found {
			t.Error("names are told only at the end")
		}
		s.wait(80 * time.Second)
		if _, found := s.term.described().Person(user(4999)); !found {
			t.Error("the last is not named after 100 s")
		}
		if _, all := s.source.asks(user(0)); all != 5000 || s.source.requests() != 334 {
			t.Errorf("%d names asked for of 5000, in %d requests", all, s.source.requests())
		}
	})
}

func TestNamesAreNotReadUnasked(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.Users = users(0, 3)
		s.start()
		s.wait(time.Minute)
		if _, all := s.source.asks(user(0)); all > 0 {
			t.Errorf("%d names asked for without watch.directory", all)
		}
	})
}
