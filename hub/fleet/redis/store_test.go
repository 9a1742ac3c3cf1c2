package redis_test

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What is written is loaded and heard as it was, wherever Redis is.
func TestWhatIsWrittenIsLoadedAndHeard(t *testing.T) {
	topologies(t, func(t *testing.T, o redis.Options) {
		s := open(t, o)
		hears := listen(t, open(t, o))
		hears.awaitAll(t)
		for _, shard := range []int{0, 7, 63} {
			p := newPen(t, s, shard)
			if got := p.load(); !got.IsZero() || got.Fence != 0 || len(got.States) != 0 {
				t.Fatalf("an empty shard is %+v", got)
			}
			rich := stateOf(someone(shard, 0), "A1", "Busy")
			rich.Content = presence.Intern(presence.Facts{Availability: "Buşy<", Activity: "InACall", OutOfOffice: presence.True,
				StatusMessage: "a \"note\"\n& more"}, presence.OutOfOffice|presence.StatusMessage)
			rich.Since = presence.Since{At: time.UnixMilli(1_780_000_000_000), Within: 5 * time.Second}
			gone := stateOf(someone(shard, 1), "A2", "")
			gone.Content = nil
			unnumbered := stateOf(someone(shard, 2), "A3", "Away")
			unnumbered.Unnumbered, unnumbered.Version.Order = true, 3
			first := p.write(nil, rich, unnumbered, gone)
			p.write([]presence.ID{unnumbered.ID})
			beat := p.message(nil)
			beat.Status = presence.Status{Reason: presence.Throttled, Since: time.UnixMilli(1_790_000_002_000)}
			beat.Directory = 0xd1
			beat.Confirmed = []fleet.Confirmed{{Asked: time.UnixMilli(1_790_000_003_000), Users: []presence.ID{rich.ID, unnumbered.ID}}}
			if got := p.try(beat); got.Err != nil || got.Outcome != fleet.Done || got.Fence != 1 {
				t.Fatalf("beat: %+v", got)
			}

			snapshot := p.load()
			if snapshot.Position != p.at || snapshot.Fence != 1 || snapshot.Directory != 0xd1 || snapshot.Status != normal(beat.Status) {
				t.Errorf("snapshot %+v, want %v", snapshot, p.at)
			}
			rich.ObservedAt = time.UnixMilli(1_790_000_003_000)
			wantStates(t, "loaded", snapshot.States, rich, gone)
			if again, err := s.Load(t.Context(), shard, p.at); err != nil || !again.Unchanged || again.States != nil {
				t.Errorf("loaded where it stands: %+v, %v", again, err)
			}

			hears.await(t, "three messages", func() bool { return len(hears.heard[shard]) == 3 })
			heard := hears.heard[shard]
			first.States[0].ObservedAt = time.UnixMilli(1_790_000_000_123)
			wantStates(t, "heard", heard[0].States, first.States...)
			for i, m := range heard[0].States {
				if !m.AnsweredAt.Equal(first.States[i].AnsweredAt) {
					t.Errorf("answered at %v", m.AnsweredAt)
				}
			}
			heard[0].States, first.States = nil, nil
			if heard[0].At = heard[0].At.UTC(); !reflect.DeepEqual(*heard[0], first.Message) {
				t.Errorf("heard %+v\nwant  %+v", *heard[0], first.Message)
			}
			if !reflect.DeepEqual(heard[1].Lapsed, []presence.ID{unnumbered.ID}) || heard[1].To != p.at {
				t.Errorf("heard %+v", heard[1])
			}
			c := heard[2].Confirmed
			if len(c) != 1 || !c[0].Asked.Equal(beat.Confirmed[0].Asked) || !reflect.DeepEqual(c[0].Users, beat.Confirmed[0].Users) || normal(heard[2].Status) != normal(beat.Status) {
				t.Errorf("heard %+v", heard[2])
			}
		}
	})
}

func normal(s presence.Status) presence.Status {
	s.Since = s.Since.UTC()
	return s
}

// wantStates compares what is told of users, in any order.
func wantStates(t *testing.T, what string, got []hub.Item, want ...hub.Item) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d states, want %d", what, len(got), len(want))
	}
	for _, w := range want {
		found := false
		for _, g := range got {
			if g.ID != w.ID {
				continue
			}
			found = true
			if g.Version != w.Version || g.Content != w.Content || g.Unnumbered != w.Unnumbered || !g.Since.At.Equal(w.Since.At) ||
				g.Since.Within != w.Since.Within || !g.ObservedAt.Equal(w.ObservedAt) || g.Digest() != w.Digest() {
				t.Errorf("%s: %+v, want %+v", what, g, w)
			}
		}
		if !found {
			t.Errorf("%s: %v is missing", what, w.ID)
		}
	}
}

// Every way in which an append is not as it should be is refused, and changes and publishes nothing.
func TestAppendIsRefused(t *testing.T) {
	topologies(t, func(t *testing.T, o redis.Options) {
		s := open(t, o)
		hears := listen(t, open(t, o))
		hears.awaitAll(t)
		p := newPen(t, s, 5)
		p.fence.Number = 10
		user, other := someone(5, 0), someone(5, 1)
		done := p.write(nil, stateOf(user, "B", "Busy"))

		refused := func(what string, want fleet.Outcome, change func(a *fleet.Append, f *fleet.Fence)) {
			t.Helper()
			a, fence := p.message(nil, stateOf(user, "C", "Away"), stateOf(other, "C", "Away")), p.fence
			change(&a, &fence)
			got := s.Append(context.Background(), fence, []fleet.Append{a})[0]
			if got.Err != nil || got.Outcome != want || got.Stands != p.at || got.Fence != 10 {
				t.Errorf("%s: %+v, want %v at %v", what, got, want, p.at)
			}
		}
		refused("a lower fence", fleet.Fenced, func(_ *fleet.Append, f *fleet.Fence) { f.Number = 9 })
		refused("a lower fence of fewer digits", fleet.Fenced, func(_ *fleet.Append, f *fleet.Fence) { f.Number = 2 })
		refused("another holder", fleet.Fenced, func(_ *fleet.Append, f *fleet.Fence) { f.Holder = "second" })
		refused("another epoch", fleet.Foreign, func(a *fleet.Append, _ *fleet.Fence) { a.From.Epoch++ })
		refused("another offset", fleet.Foreign, func(a *fleet.Append, _ *fleet.Fence) { a.From.Offset-- })
		refused("another count", fleet.Foreign, func(a *fleet.Append, _ *fleet.Fence) { a.From.Count++ })
		refused("another digest", fleet.Foreign, func(a *fleet.Append, _ *fleet.Fence) { a.From.Digest++ })
		refused("an empty shard", fleet.Foreign, func(a *fleet.Append, _ *fleet.Fence) { a.From = fleet.Position{} })

		// The same call again, as after a lost answer, is answered as before.
		if got := p.try(done); got.Err != nil || got.Outcome != fleet.Done || got.Stands != done.To {
			t.Errorf("the same call again: %+v", got)
		}
		last := p.write(nil, stateOf(other, "A", "Away"))
		hears.await(t, "the second message", func() bool {
			n := len(hears.heard[5])
			return n > 0 && hears.heard[5][n-1].To == last.To
		})
		if n := len(hears.heard[5]); n != 2 {
			t.Errorf("%d messages, want 2: what is refused or repeated is not published", n)
		}
		wantStates(t, "loaded", p.load().States, stateOf(user, "B", "Busy"), stateOf(other, "A", "Away"))

		// A higher fence takes over, after which the former is refused, in every shard it writes to.
		p.fence = fleet.Fence{Number: 11, Holder: "second"}
		p.write(nil)
		p.fence = fleet.Fence{Number: 10, Holder: "first"}
		if got := p.try(p.message(nil)); got.Outcome != fleet.Fenced || got.Fence != 11 {
			t.Errorf("the former holder: %+v", got)
		}
	})
}

func TestReloadWritesWithoutPublishing(t *testing.T) {
	topologies(t, func(t *testing.T, o redis.Options) {
		s := open(t, o)
		hears := listen(t, s)
		hears.awaitAll(t)
		p := newPen(t, s, 9)
		var many []hub.Item
		for n := range 5000 { // more than Lua takes at once
			many = append(many, stateOf(someone2(9, n), "A", "Busy"))
		}
		a := p.message(nil, many...)
		a.Reload = true
		if got := p.try(a); got.Err != nil || got.Outcome != fleet.Done || got.Stands != a.To {
			t.Fatalf("append: %+v", got)
		}
		p.took(a)
		hears.await(t, "the message", func() bool { return len(hears.heard[9]) == 1 })
		if m := hears.heard[9][0]; !m.Reload || len(m.States) != 0 || m.To != a.To {
			t.Errorf("heard %d states, reload %v", len(m.States), m.Reload)
		}
		if got := p.load(); len(got.States) != 5000 || got.Position != a.To {
			t.Errorf("%d states at %v", len(got.States), got.Position)
		}
		var ids []presence.ID
		for _, item := range many {
			ids = append(ids, item.ID)
		}
		beat := p.message(nil)
		beat.Confirmed = []fleet.Confirmed{{Asked: time.UnixMilli(1_790_000_009_000), Users: ids}}
		if got := p.try(beat); got.Err != nil || got.Outcome != fleet.Done {
			t.Fatalf("%+v", got)
		}
		for _, item := range p.load().States {
			if item.ObservedAt.UnixMilli() != 1_790_000_009_000 {
				t.Fatalf("observed at %v", item.ObservedAt)
			}
		}
		p.write(ids)
		if got := p.load(); len(got.States) != 0 || got.Position != p.at {
			t.Errorf("%d states at %v after all were dropped", len(got.States), got.Position)
		}
	})
}

var (
	memoMu sync.Mutex
	memo   = map[int][]presence.ID{}
	next   = map[int]int{}
)

// someone2 is someone for many of them.
func someone2(shard, n int) presence.ID {
	memoMu.Lock()
	defer memoMu.Unlock()
	for len(memo[shard]) <= n {
		at := next[shard]
		next[shard]++
		id := presence.ID{0: 0xcd, 1: byte(at), 2: byte(at >> 8), 3: byte(at >> 16)}
		if id.Shard() == shard {
			memo[shard] = append(memo[shard], id)
		}
	}
	return memo[shard][n]
}

func TestLease(t *testing.T) {
	topologies(t, func(t *testing.T, o redis.Options) {
		s := open(t, o)
		ctx := context.Background()
		const ttl = 300 * time.Millisecond
		first, err := s.Acquire(ctx, "first", 0, time.Minute)
		if err != nil || first != (fleet.Fence{Number: 1, Holder: "first"}) {
			t.Fatalf("%v, %v", first, err)
		}
		if again, err := s.Acquire(ctx, "first", 0, time.Minute); err != nil || again != first {
			t.Errorf("the same call again: %v, %v", again, err)
		}
		if _, err := s.Acquire(ctx, "second", 0, ttl); !errors.Is(err, fleet.ErrHeld) {
			t.Errorf("a second holder: %v", err)
		}
		stranger := fleet.Fence{Number: 1, Holder: "second"}
		for what, do := range map[string]func(f fleet.Fence) error{
			"renew":      func(f fleet.Fence) error { return s.Renew(ctx, f, time.Minute) },
			"generation": func(f fleet.Fence) error { _, err := s.Generation(ctx, f, 0); return err },
			"save":       func(f fleet.Fence) error { return s.SaveBudget(ctx, f, []byte("x")) },
			"directory":  func(f fleet.Fence) error { return s.PostDirectory(ctx, f, fleet.Post{Whole: true}) },
			"load": func(f fleet.Fence) error {
				if _, _, err := s.LoadBudget(ctx, f); !errors.Is(err, fleet.ErrNone) {
					return err
				}
				return nil
			},
		} {
			if what == "save" {
				continue
			}
			if err := do(first); err != nil {
				t.Errorf("%s by the holder: %v", what, err)
			}
			if err := do(stranger); !errors.Is(err, fleet.ErrLost) {
				t.Errorf("%s by another: %v", what, err)
			}
		}
		if g, err := s.Generation(ctx, first, 1000); err != nil || g != 1001 {
			t.Errorf("generation %d, %v", g, err)
		}
		if g, err := s.Generation(ctx, first, 5); err != nil || g != 1002 {
			t.Errorf("generation %d, %v", g, err)
		}
		if err := s.SaveBudget(ctx, stranger, []byte("no")); !errors.Is(err, fleet.ErrLost) {
			t.Errorf("save by another: %v", err)
		}
		if err := s.SaveBudget(ctx, first, []byte(`{"x":1}`)); err != nil {
			t.Error(err)
		}
		if record, age, err := s.LoadBudget(ctx, first); string(record) != `{"x":1}` || age < 0 || age > 5*time.Second || err != nil {
			t.Errorf("record %s of age %v, %v", record, age, err)
		}
		if err := s.Release(ctx, stranger); err != nil {
			t.Error(err)
		}
		if err := s.Renew(ctx, first, time.Minute); err != nil {
			t.Errorf("released by another: %v", err)
		}
		if err := s.Release(ctx, fleet.Fence{Number: 7, Holder: "first"}); err != nil {
			t.Error(err)
		}
		if err := s.Renew(ctx, first, ttl); !errors.Is(err, fleet.ErrLost) {
			t.Errorf("renewed after a release that did not know the number: %v", err)
		}
		if again, err := s.Acquire(ctx, "first", 0, ttl); err != nil || again.Number != 2 {
			t.Errorf("%v, %v", again, err)
		} else {
			first = again
		}
		if err := s.Renew(ctx, first, ttl); err != nil {
			t.Errorf("released by another: %v", err)
		}
		// It lapses by itself.
		deadline := time.Now().Add(patience)
		var second fleet.Fence
		for second, err = s.Acquire(ctx, "second", 40, ttl); errors.Is(err, fleet.ErrHeld) && time.Now().Before(deadline); {
			second, err = s.Acquire(ctx, "second", 40, ttl)
		}
		if err != nil || second.Number != 41 {
			t.Errorf("after it lapsed: %v, %v", second, err)
		}
		if err := s.Renew(ctx, first, ttl); !errors.Is(err, fleet.ErrLost) {
			t.Errorf("renewed after it lapsed: %v", err)
		}
		if err := s.Release(ctx, second); err != nil {
			t.Error(err)
		}
		if third, err := s.Acquire(ctx, "third", 0, ttl); err != nil || third.Number != 42 {
			t.Errorf("after a release: %v, %v", third, err)
		}
	})
}

func TestBoards(t *testing.T) {
	topologies(t, func(t *testing.T, o redis.Options) {
		s := open(t, o)
		ctx := context.Background()
		fence, err := s.Acquire(ctx, "first", 0, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := s.Directory(ctx); err != nil || m != (fleet.Manifest{}) {
			t.Errorf("no directory: %v, %v", m, err)
		}
		for what, post := range map[string]func(p fleet.Post) error{
			"directory": func(p fleet.Post) error { return s.PostDirectory(ctx, fence, p) },
			"wants":     func(p fleet.Post) error { return s.PostWants(ctx, "one", p, time.Minute) },
		} {
			first, second, third := fleet.Manifest{3: 1, 64: 2}, fleet.Manifest{3: 1, 5: 9}, fleet.Manifest{0: 4}
			look := func() fleet.Manifest {
				if what == "directory" {
					m, err := s.Directory(ctx)
					if err != nil {
						t.Error(err)
					}
					return m
				}
				all, err := s.Wants(ctx)
				if err != nil {
					t.Error(err)
				}
				return all["one"]
			}
			parts := func(which ...int) [][]byte {
				read := func(which []int) ([][]byte, error) { return s.DirectoryParts(ctx, which) }
				if what == "wants" {
					read = func(which []int) ([][]byte, error) { return s.WantsParts(ctx, "one", which) }
				}
				texts, err := read(which)
				if err != nil {
					t.Error(err)
				}
				return texts
			}
			if err := post(fleet.Post{Now: first, Parts: map[int][]byte{3: []byte("three"), 64: {0, 255}}}); err != nil {
				t.Errorf("%s: first post: %v", what, err)
			}
			if err := post(fleet.Post{Now: third}); !errors.Is(err, fleet.ErrForeign) {
				t.Errorf("%s: a post on what does not stand: %v", what, err)
			}
			if err := post(fleet.Post{Was: first, Now: second, Parts: map[int][]byte{5: []byte("five"), 64: nil}}); err != nil {
				t.Errorf("%s: second post: %v", what, err)
			}
			if got := look(); got != second {
				t.Errorf("%s: %v stands", what, got)
			}
			if got := parts(3, 64, 5); string(got[0]) != "three" || got[1] != nil || string(got[2]) != "five" {
				t.Errorf("%s: parts %q", what, got)
			}
			if err := post(fleet.Post{Was: first, Now: third, Parts: map[int][]byte{0: []byte("zero")}, Whole: true}); err != nil {
				t.Errorf("%s: a whole post: %v", what, err)
			}
			if got := parts(0, 3, 5); string(got[0]) != "zero" || got[1] != nil || got[2] != nil || look() != third {
				t.Errorf("%s: parts %q after a whole post", what, got)
			}
		}
		if err := s.PostWants(ctx, "two", fleet.Post{Now: fleet.Manifest{1: 1}}, 30*time.Millisecond); err != nil {
			t.Error(err)
		}
		for deadline := time.Now().Add(patience); ; {
			all, err := s.Wants(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if _, there := all["two"]; !there && len(all) == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("wants that expired stand: %v", all)
			}
		}
		if err := s.Withdraw(ctx, "one"); err != nil {
			t.Error(err)
		}
		if all, err := s.Wants(ctx); err != nil || len(all) != 0 {
			t.Errorf("withdrawn wants stand: %v, %v", all, err)
		}
	})
}
