package poller_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
)

func (s *stage) write(path string, lines ...string) string {
	s.Helper()
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		s.Fatal(err)
	}
	return path
}

// read returns who has a state at the term.
func (s *stage) read() (ids []presence.ID) {
	s.term.mu.Lock()
	defer s.term.mu.Unlock()
	for id := range s.term.asked {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, presence.ID.Compare)
	return ids
}

func (s *stage) wantRead(when string, want ...presence.ID) {
	s.Helper()
	if got := s.read(); !slices.Equal(got, want) {
		s.Errorf("%s: %v are read, want %v", when, got, want)
	}
}

func TestUsersFileIsReadAgain(t *testing.T) {
	perform(t, func(s *stage) {
		dir := folder(t)
		logs, log := observer.New(zap.ErrorLevel)
		_ = logs
		s.o.Log = zap.New(logs)
		first := s.write(filepath.Join(dir, "a"), "# people", user(0).String(), strings.ToUpper(user(1).String())+" # Bea", "nonsense", "")
		link := filepath.Join(dir, "users")
		if err := os.Symlink(first, link); err != nil {
			t.Fatal(err)
		}
		s.o.Watch.UsersFile = link
		s.start()
		s.wait(time.Second)
		s.wantRead("at first", user(0), user(1))
		if n := log.FilterMessage("a line is left out").Len(); n != 1 || !strings.Contains(log.All()[0].ContextMap()["error"].(string), link+":4: ") {
			t.Errorf("the broken line was logged %d times: %v", n, log.All())
		}

		second := s.write(filepath.Join(dir, "b"), user(1).String(), user(2).String())
		if err := errors.Join(os.Symlink(second, link+".new"), os.Rename(link+".new", link)); err != nil {
			t.Fatal(err)
		}
		s.wait(2 * time.Second)
		s.wantRead("after the swap", user(1), user(2))
		if !slices.Equal(s.term.dropped(), []presence.ID{user(0)}) || !slices.Equal(s.term.described().All(), []presence.ID{user(1), user(2)}) {
			t.Errorf("forgotten %v, directory %v", s.term.dropped(), s.term.described().All())
		}

		s.write(second, "<html>502</html>", user(1).String()) // a broken one keeps the old
		s.wait(5 * time.Second)
		s.wantRead("after the file broke", user(1), user(2))
		if n := log.FilterMessageSnippet("cannot be read").Len(); n != 1 {
			t.Errorf("the broken file was logged %d times", n)
		}
		log.TakeAll()

		os.Remove(second)
		s.wait(5 * time.Second)
		s.wantRead("after the file vanished", user(1), user(2))
		if n := log.FilterMessageSnippet("cannot be read").Len(); n != 1 {
			t.Errorf("the vanished file was logged %d times", n)
		}
		s.write(second, user(2).String())
		s.wait(2 * time.Second)
		s.wantRead("after it came back", user(2))
	})
}

func TestOptedOutWinsOverAll(t *testing.T) {
	perform(t, func(s *stage) {
		path := s.write(filepath.Join(folder(t), "out"), user(1).String(), user(7).String())
		s.o.Watch = poller.Watch{Users: users(0, 3), OnDemand: true, OptedOutFile: path}
		s.start()
		s.term.wants <- []presence.Want{{ID: user(7), Watchers: 1}}
		s.wait(20 * time.Second)
		s.wantRead("from the start", user(0), user(2))
		if s.source.times(user(1)) != 0 || s.source.times(user(7)) != 0 {
			t.Error("an opted-out user was read")
		}
		if s.term.goneTimes(user(1)) != 1 || s.term.goneTimes(user(7)) != 1 {
			t.Errorf("told as gone: %d, %d times", s.term.goneTimes(user(1)), s.term.goneTimes(user(7)))
		}
		if d := s.term.described(); slices.Contains(d.All(), user(1)) || !d.Watched(user(1)) {
			t.Errorf("who opted out is shown, or looks unlike anyone whom Graph does not know: %v", d.All())
		}
		if e := s.poller.Explain(user(1)); !e.OptedOut || e.Watched || e.Rule != "users" {
			t.Errorf("%+v", e)
		}

		// Someone opts out while a request with them is under way.
		s.source.play(func([]presence.ID) (time.Duration, error) { return 4 * time.Second, nil })
		s.wait(6 * time.Second)
		s.write(path, user(1).String(), user(2).String(), "broken line")
		s.wait(time.Second)
		s.term.mu.Lock()
		delete(s.term.asked, user(2))
		s.term.mu.Unlock()
		asked := s.source.times(user(2))
		s.wait(20 * time.Second)
		s.wantRead("after another opted out", user(0))
		if s.source.times(user(2)) != asked || s.term.goneTimes(user(2)) != 1 {
			t.Errorf("asked %d times more, told as gone %d times", s.source.times(user(2))-asked, s.term.goneTimes(user(2)))
		}

		s.write(path, user(1).String())
		s.source.play(nil)
		s.wait(10 * time.Second)
		s.wantRead("after two came back", user(0), user(2), user(7))
	})
}

// Whoever may ask for anyone cannot tell by the time it takes who opted out and who does not exist.
func TestOptedOutLooksUnknown(t *testing.T) {
	for _, size := range []int{1, 10} {
		for _, others := range []int{0, 3} {
			perform(t, func(s *stage) {
				out, nobody := user(7), user(8)
				s.o.Watch = poller.Watch{Users: users(0, others), OnDemand: true, OptedOutFile: s.write(filepath.Join(folder(t), "out"), out.String())}
				s.source.size = size
				s.source.missing = map[presence.ID]bool{nobody: true}
				s.source.play(func(ids []presence.ID) (time.Duration, error) {
					if size == 1 && ids[0] == nobody {
						return 60 * time.Millisecond, status(404)
					}
					return 60 * time.Millisecond, nil
				})
				s.start()
				s.wait(3 * time.Second)
				s.term.wants <- []presence.Want{{ID: out, Watchers: 1}, {ID: nobody, Watchers: 1}}
				for range 60 {
					s.wait(500 * time.Millisecond)
					if a, b := s.term.goneTimes(out), s.term.goneTimes(nobody); a != b {
						t.Errorf("batches of %d, %d others: who opted out was told %d times, who does not exist %d times", size, others, a, b)
					}
				}
				if s.source.times(out) != 0 || s.term.goneTimes(out) != 1 {
					t.Errorf("batches of %d, %d others: read %d times, gone %d times", size, others, s.source.times(out), s.term.goneTimes(out))
				}
			})
		}
	}
}

func TestOptedOutFileMustBeWholeAtTheStart(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch.OptedOutFile = s.write(filepath.Join(folder(t), "out"), user(1).String(), "nobody")
		p, err := poller.New(s.source, s.term, s.o)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "out:2: ") {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestOnDemandUsersAreReadAtOnceAndLinger(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{Users: users(0, 1), OnDemand: true, Linger: 10 * time.Second}
		s.start()
		s.wait(7 * time.Second)
		s.term.wants <- []presence.Want{{ID: user(5), Watchers: 2}, {ID: user(0), Watchers: 1}}
		s.wait(100 * time.Millisecond)
		s.wantRead("at once", user(0), user(5))
		if e := s.poller.Explain(user(5)); e.Rule != "on demand" {
			t.Errorf("%+v", e)
		}
		if s.term.described().Watched(user(5)) {
			t.Error("someone read on demand is said to be configured")
		}
		s.term.wants <- []presence.Want{{ID: user(5)}, {ID: user(0)}}
		s.wait(5 * time.Second)
		s.term.wants <- []presence.Want{{ID: user(5), Watchers: 1}}
		s.term.wants <- []presence.Want{{ID: user(5)}}
		s.wait(9 * time.Second)
		s.wantRead("lingering", user(0), user(5))
		s.wait(1500 * time.Millisecond)
		s.wantRead("after it", user(0))
		if !slices.Equal(s.term.dropped(), []presence.ID{user(5)}) {
			t.Errorf("forgotten: %v", s.term.dropped())
		}
		s.term.mu.Lock()
		defer s.term.mu.Unlock()
		if s.term.lapsed != 1 {
			t.Error("the term is not told that interest may have begun again: whoever just asked would lose the user")
		}
	})
}

func TestTooManyUsersAreRefused(t *testing.T) {
	perform(t, func(s *stage) {
		logs, log := observer.New(zap.ErrorLevel)
		s.o.Log = zap.New(logs)
		s.o.Watch = poller.Watch{Users: users(0, 5), OnDemand: true, MaxUsers: 4, Linger: time.Second}
		s.start()
		s.term.wants <- []presence.Want{{ID: user(9), Watchers: 1}}
		s.wait(time.Second)
		s.wantRead("configured", users(0, 4)...)
		if log.FilterMessageSnippet("configured than watch.max_users").Len() != 1 {
			t.Errorf("log: %v", log.All())
		}
		if e := s.poller.Explain(user(4)); !e.Surplus || e.Rule != "users" || e.Watched {
			t.Errorf("%+v", e)
		}
		if e := s.poller.Explain(user(9)); !e.Surplus || e.Rule != "on demand" || e.Watched {
			t.Errorf("%+v", e)
		}
	})
	perform(t, func(s *stage) {
		logs, log := observer.New(zap.ErrorLevel)
		s.o.Log = zap.New(logs)
		said := func(want int) {
			t.Helper()
			if n := log.FilterMessageSnippet("asked for than watch.max_users").Len(); n != want {
				t.Errorf("said %d times, want %d", n, want)
			}
		}
		s.o.Watch = poller.Watch{OnDemand: true, MaxUsers: 1, Linger: time.Second}
		s.start()
		s.term.wants <- []presence.Want{{ID: user(1), Watchers: 1}}
		s.wait(time.Second)
		said(0)
		s.term.wants <- []presence.Want{{ID: user(2), Watchers: 1}}
		s.term.wants <- []presence.Want{{ID: user(3), Watchers: 1}}
		s.wait(time.Second)
		s.wantRead("the first", user(1))
		said(1)
		s.term.wants <- []presence.Want{{ID: user(1)}, {ID: user(3)}}
		s.wait(3 * time.Second)
		s.wantRead("when there is room", user(2))
		if dropped := s.term.dropped(); !slices.Equal(dropped, []presence.ID{user(1)}) {
			t.Errorf("dropped %v: who waits for room stays pending", dropped)
		}
		said(1)
		s.term.wants <- []presence.Want{{ID: user(2)}}
		s.wait(3 * time.Second)
		s.term.wants <- []presence.Want{{ID: user(4), Watchers: 1}}
		s.term.wants <- []presence.Want{{ID: user(5), Watchers: 1}}
		s.wait(time.Second)
		said(2)
	})
}

func TestGroups(t *testing.T) {
	perform(t, func(s *stage) {
		staff, broken := user(1000), user(1001)
		members := users(0, 3)
		calls, fail := 0, true
		var mu sync.Mutex // guards what the directory says
		s.o.Watch = poller.Watch{
			Users: users(2, 1), Groups: []presence.ID{staff, broken}, Directory: true, GroupsRefreshInterval: time.Minute,
			Members: func(_ context.Context, id presence.ID, names bool) (presence.Group, []presence.Person, error) {
				mu.Lock()
				defer mu.Unlock()
				if calls++; id == broken && fail || !names {
					return presence.Group{}, nil, status(403)
				}
				if id == broken {
					return presence.Group{ID: id, DisplayName: "Late", Members: users(8, 1)}, nil, nil
				}
				return presence.Group{ID: id, DisplayName: "Staff", Members: slices.Clone(members)},
					[]presence.Person{{ID: user(0), DisplayName: "Anna"}}, nil
			},
		}
		s.start()
		s.wait(2 * time.Second)
		s.wantRead("expanded", users(0, 3)...)
		if g, found := s.term.described().Group(staff); !found || g.DisplayName != "Staff" || len(g.Members) != 3 {
			t.Errorf("directory: %+v", g)
		}
		if p, _ := s.term.described().Person(user(0)); p.DisplayName != "Anna" {
			t.Errorf("directory: %+v", p)
		}
		if e := s.poller.Explain(user(1)); e.Rule != "group "+staff.String() {
			t.Errorf("%+v", e)
		}
		if e := s.poller.Explain(user(2)); e.Rule != "users" {
			t.Errorf("%+v", e)
		}
		mu.Lock()
		members = []presence.ID{user(1), user(3)}
		mu.Unlock()
		s.wait(61 * time.Second)
		s.wantRead("after a refresh", user(1), user(2), user(3))
		mu.Lock()
		fail = false
		mu.Unlock()
		s.credential.change()
		s.wait(time.Second)
		s.wantRead("after the credential changed", user(1), user(2), user(3), user(8))
		if calls > 20 {
			t.Errorf("%d calls", calls)
		}
	})
}

// Who takes over from another process reads the members it knew at once, and goes on so when Graph's directory does not
// answer: nobody leaves a group because of it.
func TestWhatAnotherKnew(t *testing.T) {
	perform(t, func(s *stage) {
		staff, gone := user(1000), user(1001)
		fail := true
		var mu sync.Mutex // guards what the directory says
		s.o.Watch = poller.Watch{
			Users: users(2, 1), Groups: []presence.ID{staff}, Directory: true,
			Known: presence.NewDirectory(users(0, 5), []presence.Person{{ID: user(0), DisplayName: "Anna"}, {ID: user(2), DisplayName: "Ben"}, {ID: user(4), DisplayName: "Cleo"}},
				[]presence.Group{{ID: staff, DisplayName: "Staff", Members: users(0, 2)}, {ID: gone, Members: users(4, 1)}}),
			Members: func(_ context.Context, id presence.ID, _ bool) (presence.Group, []presence.Person, error) {
				mu.Lock()
				defer mu.Unlock()
				if fail {
					return presence.Group{}, nil, status(503)
				}
				return presence.Group{ID: id, DisplayName: "Staff", Members: users(1, 1)}, nil, nil
			},
		}
		s.start()
		s.wait(time.Second)
		s.wantRead("at once", users(0, 3)...)
		s.wait(20 * time.Second)
		d := s.term.described()
		if g, found := d.Group(staff); !found || g.DisplayName != "Staff" || !slices.Equal(g.Members, users(0, 2)) {
			t.Errorf("directory: %+v", g)
		}
		for n, named := range map[int]bool{0: true, 2: true, 4: false} { // user 2's has been read again
			if p, found := d.Person(user(n)); found != named || named && p.DisplayName == "" {
				t.Errorf("user %d is named %q", n, p.DisplayName)
			}
		}
		mu.Lock()
		fail = false
		mu.Unlock()
		s.wait(2 * time.Minute)
		s.wantRead("once the directory answers", users(1, 2)...)
	})
}

func TestGroupsThatCannotBeReadAreAnOutage(t *testing.T) {
	perform(t, func(s *stage) {
		s.o.Watch = poller.Watch{
			Groups: users(1000, 1),
			Members: func(context.Context, presence.ID, bool) (presence.Group, []presence.Person, error) {
				return presence.Group{}, nil, errCut
			},
		}
		s.start()
		s.wait(7 * time.Second)
		if s.last().Reason != presence.GraphUnavailable {
			t.Errorf("status: %v", s.last())
		}
	})
}

func FuzzIDFile(f *testing.F) {
	f.Add([]byte("\xef\xbb\xbf# x\r\n" + user(1).String() + " # y\r\n\r\nzzz"))
	f.Add([]byte(strings.Repeat("x", 10000)))
	f.Fuzz(func(t *testing.T, text []byte) {
		ids, problems := poller.ParseIDs(text, "file")
		if len(problems) > 22 {
			t.Errorf("%d problems", len(problems))
		}
		seen := map[presence.ID]bool{}
		for _, id := range ids {
			if seen[id] || id.IsZero() {
				t.Errorf("%v twice, or nobody", id)
			}
			seen[id] = true
		}
	})
}
