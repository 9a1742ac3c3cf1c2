package hub_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// wanting returns what Wants has to tell before within has passed, by user: the last word on each.
func wanting(t *testing.T, h *hub.Hub, within time.Duration) map[presence.ID]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	told := map[presence.ID]int{}
	for {
		wants, err := h.Wants(ctx)
		if errors.Is(err, context.DeadlineExceeded) {
			return told
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range wants {
			told[w.ID] = w.Watchers
		}
	}
}

func expectWants(t *testing.T, got map[presence.ID]int, want ...presence.Want) {
	t.Helper()
	for _, w := range want {
		if watchers, told := got[w.ID]; !told || watchers != w.Watchers {
			t.Fatalf("told %v; want %v", got, want)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("told %v; want %v", got, want)
	}
}

func TestWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		reader := h.NewReader()
		first := reader.Subscribe(nil)
		first.Add([]presence.ID{person(1)}, nil, &hub.News{})
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1), Watchers: 1})
		first.Add([]presence.ID{person(1), person(2)}, nil, &hub.News{})
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(2), Watchers: 1})

		var others []*hub.Subscription
		come := func() {
			others = append(others, reader.Subscribe(nil))
			others[len(others)-1].Add([]presence.ID{person(1)}, nil, &hub.News{})
		}
		come() // 2
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1), Watchers: 2})
		come() // 3, which is not worth a word
		expectWants(t, wanting(t, h, 1))
		come() // 4
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1), Watchers: 4})
		others[0].Close()
		expectWants(t, wanting(t, h, 1))
		others[1].Close()
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1), Watchers: 2})
		others[2].Close()
		first.Close()
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1)}, presence.Want{ID: person(2)})
		come() // who comes and goes unnoticed leaves nothing behind
		others[3].Close()
		expectWants(t, wanting(t, h, 1))
		if n := h.Entries(); n != 0 {
			t.Errorf("%d entries left", n)
		}

		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := h.Wants(ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
	})
}

func TestWantsOfSets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		reader := h.NewReader()
		set := h.Share([]presence.ID{person(1), person(2)})
		subscribe := func() *hub.Subscription {
			sub := reader.Subscribe(nil)
			sub.Add(nil, []*hub.Set{set}, &hub.News{})
			return sub
		}
		early := subscribe()
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1), Watchers: 1}, presence.Want{ID: person(2), Watchers: 1})
		early.Close()
		time.Sleep(6 * time.Second)
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1)}, presence.Want{ID: person(2)})

		one := subscribe() // told at once, though a weighing was just now
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1), Watchers: 1}, presence.Want{ID: person(2), Watchers: 1})
		for range 99 {
			defer subscribe().Close()
		}
		expectWants(t, wanting(t, h, time.Second)) // many come: a little later, and once
		expectWants(t, wanting(t, h, 5*time.Second), presence.Want{ID: person(1), Watchers: 100}, presence.Want{ID: person(2), Watchers: 100})

		set.Replace([]presence.ID{person(2), person(3)})
		expectWants(t, wanting(t, h, 1), presence.Want{ID: person(1)}, presence.Want{ID: person(3), Watchers: 100})
		one.Close()
		expectWants(t, wanting(t, h, time.Minute))
	})
}

// One who comes and goes has a large set looked through now and then, not each time.
func TestWantsOfASetSomebodyFlapsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		expectWants(t, wanting(t, h, 1))
		reader := h.NewReader()
		set := h.Share([]presence.ID{person(1)})
		words := make(chan int)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		go func() {
			n := 0
			for {
				wants, err := h.Wants(ctx)
				if err != nil {
					words <- n
					return
				}
				n += len(wants)
			}
		}()
		for range 200 {
			sub := reader.Subscribe(nil)
			sub.Add(nil, []*hub.Set{set}, &hub.News{})
			time.Sleep(100 * time.Millisecond)
			sub.Close()
			time.Sleep(100 * time.Millisecond)
		}
		if n := <-words; n == 0 || n > 2*(60/5+1) {
			t.Errorf("told %d times", n)
		}
	})
}

// Whatever happens, in the end nobody is taken for unwatched who is watched, or the reverse, and no number is far off.
func TestWantsConverge(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			h := hub.New(hub.Options{})
			some := func(most int) (ids []presence.ID) {
				for range r.IntN(most + 1) {
					ids = append(ids, person(r.IntN(people)))
				}
				return ids
			}
			reader := h.NewReader()
			sets := []*hub.Set{h.Share(some(people)), h.Share(some(people)), h.Share(nil)}
			var subs []*hub.Subscription
			told := map[presence.ID]int{}
			for range 400 {
				pick := func() *hub.Subscription { return subs[r.IntN(len(subs))] }
				switch n := r.IntN(11); {
				case n < 3 || len(subs) == 0:
					subs = append(subs, reader.Subscribe(nil))
				case n < 5:
					pick().Add(some(5), nil, &hub.News{})
				case n < 6:
					pick().Add(nil, sets[r.IntN(3):], &hub.News{})
				case n < 7:
					pick().Remove(some(5), sets[r.IntN(3):], &hub.News{})
				case n < 8 && r.IntN(2) == 0:
					sets[r.IntN(3)].Replace(some(people))
				case n < 8:
					h.Forget(some(1))
				case n < 9:
					i := r.IntN(len(subs))
					subs[i].Close()
					subs[i] = subs[len(subs)-1]
					subs = subs[:len(subs)-1]
				default:
					for id, watchers := range wanting(t, h, time.Duration(r.Int64N(int64(time.Second)))) {
						told[id] = watchers
					}
				}
			}
			for id, watchers := range wanting(t, h, 6*time.Second) {
				told[id] = watchers
			}
			for i := range people {
				told, really := told[person(i)], h.Watchers(person(i))
				if (told == 0) != (really == 0) || told > 4*really || really > 4*told {
					t.Fatalf("seed %d: user %d: told %d, watched by %d", seed, i, told, really)
				}
			}
			for _, sub := range subs {
				sub.Close()
			}
			wanting(t, h, 6*time.Second)
			for _, set := range sets {
				set.Close()
			}
			wanting(t, h, 1)
			if n := h.Entries(); n != 0 {
				t.Fatalf("seed %d: %d entries left", seed, n)
			}
		})
	}
}

func TestLapseSparesNobodyForASetThatNobodyWatches(t *testing.T) {
	h := hub.New(hub.Options{})
	observe(t, h, person(1), contents[1], "A1", time.Unix(1e9, 0))
	set := h.Share([]presence.ID{person(1)})
	h.Lapse([]presence.ID{person(1)})
	if !h.Get(nil, person(1))[0].Pending() {
		t.Error("the state is kept")
	}
	sub := h.NewReader().Subscribe(nil)
	defer sub.Close()
	sub.Add(nil, []*hub.Set{set}, &hub.News{})
	observe(t, h, person(1), contents[2], "A2", time.Unix(1e9+1, 0))
	var news hub.News
	sub.Drain(&news)
	if len(news.Items) != 1 {
		t.Error("who watches the set later hears nothing of them")
	}
}

// A large set is told of in parts, so that whoever listens can do other things in between.
func TestWantsOfALargeSetComeInParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		expectWants(t, wanting(t, h, 1))
		sub := h.NewReader().Subscribe(nil)
		defer sub.Close()
		sub.Add(nil, []*hub.Set{h.Share(crowd(20_000))}, &hub.News{})
		some, err := h.Wants(t.Context())
		if err != nil || len(some) == 0 || len(some) > 10_000 {
			t.Fatalf("%d at once, %v", len(some), err)
		}
		if rest := wanting(t, h, 1); len(some)+len(rest) != 20_000 {
			t.Errorf("%d and %d told of", len(some), len(rest))
		}
	})
}

// A large set changes in every way while it is looked through, and in the end all is told.
func TestWantsOfALargeSetThatChangesMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		expectWants(t, wanting(t, h, 1))
		all := crowd(40_000)
		set := h.Share(all[:30_000])
		reader := h.NewReader()
		var subs []*hub.Subscription
		come := func(n int) {
			for range n {
				subs = append(subs, reader.Subscribe(nil))
				subs[len(subs)-1].Add(nil, []*hub.Set{set}, &hub.News{})
			}
		}
		told := map[presence.ID]int{}
		hear := func() {
			t.Helper()
			wants, err := h.Wants(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range wants {
				told[w.ID] = w.Watchers
			}
		}
		settle := func(when string) {
			t.Helper()
			for id, watchers := range wanting(t, h, 20*time.Second) {
				told[id] = watchers
			}
			for i, id := range all {
				if told, really := told[id], h.Watchers(id); (told == 0) != (really == 0) || told > 4*really || really > 4*told {
					t.Fatalf("%s: user %d: told %d, watched by %d", when, i, told, really)
				}
			}
		}
		come(10)
		hear()
		set.Replace(all[5_000:35_000]) // who was looked at leaves, and others come
		come(90)
		hear()
		h.Forget(all[20_000:21_000])
		subs[0].Add(all[:10_000], nil, &hub.News{})
		settle("many came")
		for _, sub := range subs[:95] {
			sub.Close()
		}
		time.Sleep(6 * time.Second)
		hear()
		set.Replace(all[10_000:])
		settle("many left")
		for _, sub := range subs[95:] {
			sub.Close()
		}
		time.Sleep(6 * time.Second)
		hear()
		set.Close()
		settle("all left")
		if n := h.Entries(); n != 0 {
			t.Errorf("%d entries left", n)
		}
	})
}

// Looking through a large set goes on where there is nothing to tell: later numbers build on it.
func TestWantsOfALargeSetThatIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		expectWants(t, wanting(t, h, 1))
		all := crowd(60_000)
		reader := h.NewReader()
		var named []*hub.Subscription
		for range 5 {
			named = append(named, reader.Subscribe(nil))
			named[len(named)-1].Add(all, nil, &hub.News{})
		}
		wanting(t, h, time.Second)
		sub := reader.Subscribe(nil)
		defer sub.Close()
		sub.Add(nil, []*hub.Set{h.Share(all)}, &hub.News{})
		expectWants(t, wanting(t, h, time.Second)) // one more than five
		last := all[len(all)-1:]
		for _, s := range named {
			s.Remove(last, nil, &hub.News{})
			defer s.Close()
		}
		expectWants(t, wanting(t, h, 1), presence.Want{ID: last[0], Watchers: 1})
	})
}
