package hub_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// observe lets one read of a user come in.
func observe(t *testing.T, h *hub.Hub, id presence.ID, content *presence.Content, sequence string, asked time.Time) presence.Verdict {
	t.Helper()
	verdicts, err := h.Observe(context.Background(), []presence.Reading{{ID: id, Content: content, Sequence: sequence, Asked: asked, Answered: asked.Add(time.Second)}})
	if err != nil {
		t.Fatal(err)
	}
	return verdicts[0]
}

func TestStatusAndDirectoryAreAnnounced(t *testing.T) {
	h := hub.New(hub.Options{})
	changed := h.Changed()
	h.Report(presence.Status{})
	select {
	case <-changed:
		t.Fatal("the same status was announced again")
	default:
	}
	outage := presence.Status{Reason: presence.Throttled, Since: time.Unix(1e9, 0)}
	h.Report(outage)
	<-changed
	if h.Status() != outage {
		t.Fatalf("status %v", h.Status())
	}
	changed = h.Changed()
	select {
	case <-h.Loaded():
		t.Fatal("loaded before anything was described")
	default:
	}
	h.Describe(presence.NewDirectory([]presence.ID{person(1)}, nil, nil))
	<-changed
	<-h.Loaded()
	h.Describe(h.Directory()) // again: no panic
	if !h.Directory().Watched(person(1)) {
		t.Fatal("directory was not kept")
	}
}

func TestOldestSpeaksOfStatesOnly(t *testing.T) {
	h := hub.New(hub.Options{})
	at := func(s int64) time.Time { return time.Unix(1e9+s, 0) }
	sub := h.NewReader().Subscribe(nil)
	defer sub.Close()
	set := h.Share([]presence.ID{person(2), person(3)})
	sub.Add([]presence.ID{person(1), person(4)}, []*hub.Set{set}, &hub.News{})
	expect := func(want int64) {
		t.Helper()
		oldest := sub.DrainOldest(&hub.News{})
		if oldest.IsZero() != (want < 0) || want >= 0 && !oldest.Equal(at(want)) {
			t.Fatalf("oldest %v; want %d", oldest, want)
		}
	}
	expect(-1)
	observe(t, h, person(4), nil, "", at(0)) // gone: no state
	expect(-1)
	observe(t, h, person(1), contents[1], "A1", at(10))
	expect(10)
	observe(t, h, person(2), contents[1], "A1", at(5))
	expect(5)
	observe(t, h, person(2), contents[1], "A1", at(20))
	expect(10)
	observe(t, h, person(1), contents[2], "A0", at(30)) // lagging: confirms nothing
	expect(10)
	observe(t, h, person(1), contents[2], "A1", at(40)) // doubted: neither
	expect(10)
	observe(t, h, person(1), contents[2], "A1", at(50))
	expect(20)
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Options{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- h.Await(ctx, []presence.ID{person(1), person(2)}, start) }()
		synctest.Wait()
		if h.Watchers(person(1)) != 1 {
			t.Fatal("waiting is no interest")
		}
		observe(t, h, person(1), contents[1], "A1", start.Add(-time.Second)) // begun too early
		observe(t, h, person(2), contents[1], "A1", start)
		synctest.Wait()
		select {
		case err := <-done:
			t.Fatalf("returned %v before all were read", err)
		default:
		}
		observe(t, h, person(1), contents[1], "A1", start.Add(time.Second)) // confirms: as good as a change
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if h.Watchers(person(1)) != 0 {
			t.Fatal("interest outlives the wait")
		}
		if err := h.Await(ctx, []presence.ID{person(1)}, start); err != nil {
			t.Fatalf("what is there already: %v", err)
		}
		if err := h.Await(ctx, []presence.ID{person(3)}, start); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("nobody reads them: %v", err)
		}
	})
}

func TestGenerationsRiseOverRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "generation")
	begin := func() *hub.Hub {
		t.Helper()
		g, err := hub.OpenGenerations(path)
		if err != nil {
			t.Fatal(err)
		}
		return hub.New(hub.Options{Generations: g})
	}
	at := time.Unix(1e9, 0)
	version := func(h *hub.Hub) presence.Version { return h.Get(nil, person(1))[0].Version }
	var last presence.Version
	rises := func(what string, h *hub.Hub) {
		t.Helper()
		if v := version(h); v.Compare(last) <= 0 {
			t.Fatalf("%s: version %v after %v", what, v, last)
		}
		last = version(h)
	}

	h := begin()
	observe(t, h, person(1), contents[1], "A5", at)
	rises("the first", h)
	observe(t, h, person(1), contents[2], "A5", at) // other content under an equal number, twice
	observe(t, h, person(1), contents[2], "A5", at)
	rises("equal number", h)
	h = begin()
	observe(t, h, person(1), contents[3], "A5", at)
	rises("equal number, restart", h)
	h = begin()
	observe(t, h, person(1), contents[3], "A1", at)
	rises("a sequence that began anew meanwhile", h)
	observe(t, h, person(1), contents[3], "A5", at)
	for i := range 4 {
		observe(t, h, person(1), contents[1], "A2", at.Add(time.Duration(i)*time.Minute))
	}
	rises("a reset", h)
	h = begin()
	observe(t, h, person(1), contents[2], "A2", at)
	rises("the reset's number, restart", h)
	h = begin()
	observe(t, h, person(1), contents[2], "", at)
	rises("no number, restart", h)

	// The same holds within a process, for users who were forgotten.
	observe(t, h, person(1), contents[1], "A5", at)
	observe(t, h, person(1), contents[2], "A5", at)
	observe(t, h, person(1), contents[2], "A5", at)
	rises("equal number", h)
	h.Forget([]presence.ID{person(1)})
	observe(t, h, person(1), contents[3], "A5", at)
	rises("forgotten and read again", h)
	h = begin()
	observe(t, h, person(1), contents[3], "A5", at)
	rises("restart after that", h)
}

func TestGenerationsWithoutRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "generation")
	if err := os.WriteFile(path, []byte("many\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	g, err := hub.OpenGenerations(path)
	if err == nil || g.First() == 0 {
		t.Fatalf("a broken record: first %d, error %v", g.First(), err)
	}
	if err := g.Use(g.First() + 1); err != nil {
		t.Fatalf("works without a record: %v", err)
	}
}

// Interest that lapses just as somebody asks again does not take the user from them.
func TestLapseSparesWhoIsWatched(t *testing.T) {
	h := hub.New(hub.Options{})
	at := time.Unix(1e9, 0)
	observe(t, h, person(1), contents[1], "A1", at)
	observe(t, h, person(2), contents[1], "A1", at)
	sub := h.NewReader().Subscribe(nil)
	defer sub.Close()
	sub.Add([]presence.ID{person(1)}, nil, &hub.News{})
	h.Lapse([]presence.ID{person(1), person(2)})
	var news hub.News
	sub.Drain(&news)
	if len(news.Left) > 0 || !sub.Watches(person(1)) || h.Get(nil, person(1))[0].Pending() {
		t.Errorf("left %v, watched %v", news.Left, sub.Watches(person(1)))
	}
	if !h.Get(nil, person(2))[0].Pending() {
		t.Error("nobody watches the other, but the state is kept")
	}
}

// Everything at once, for the race detector; in the end everyone has been told what is held.
func TestConcurrency(t *testing.T) {
	h := hub.New(hub.Options{})
	ids := make([]presence.ID, 1500)
	for i := range ids {
		ids[i] = presence.ID{byte(i), byte(i >> 8), 15: 1}
	}
	set := h.Share(ids[:700])
	ctx, cancel := context.WithCancel(t.Context())
	var observing, reading sync.WaitGroup
	observing.Go(func() {
		for n := range 300 {
			var readings []presence.Reading
			for i := n % 7; i < len(ids); i += 7 {
				readings = append(readings, presence.Reading{ID: ids[i], Content: contents[1+n%3], Sequence: fmt.Sprintf("A%05d", n), Asked: time.Unix(int64(n), 0), Answered: time.Unix(int64(n), 1)})
			}
			if _, err := h.Observe(ctx, readings); err != nil {
				t.Error(err)
			}
			set.Replace(ids[n : n+700])
			h.Report(presence.Status{Reason: presence.Throttled, Since: time.Unix(int64(n), 0)})
		}
	})
	for range 3 {
		reading.Go(func() {
			reader := h.NewReader()
			sub := reader.Subscribe(nil)
			defer sub.Close()
			held := map[presence.ID]presence.Version{}
			take := func(news *hub.News) {
				for _, id := range news.Left {
					delete(held, id)
				}
				for _, item := range news.Items {
					if before, told := held[item.ID]; told && item.Version.Compare(before) <= 0 {
						t.Errorf("told %v after %v", item.Version, before)
					}
					held[item.ID] = item.Version
				}
			}
			var news hub.News
			for _, item := range sub.Add(ids[500:], []*hub.Set{set}, &news) {
				held[item.ID] = item.Version
			}
			take(&news)
			for ended := false; !ended; {
				select {
				case <-reader.Wake():
				case <-ctx.Done():
					ended = true
				}
				other := reader.Subscribe(nil) // a visitor
				other.Add(nil, []*hub.Set{set}, &hub.News{})
				var early hub.News
				told, fresh := map[presence.ID]bool{}, map[presence.ID]bool{}
				for _, item := range other.Add(ids[:1200], nil, &early) { // more than are linked at once
					fresh[item.ID] = true
				}
				for _, item := range early.Items {
					if fresh[item.ID] || told[item.ID] {
						t.Errorf("%v: news ahead of the snapshot: %v, or twice: %v", item.ID, fresh[item.ID], told[item.ID])
					}
					told[item.ID] = true
				}
				for _, ready := range reader.Ready(nil) {
					news.Reset()
					ready.Drain(&news)
					if ready == sub {
						take(&news)
					}
				}
				news.Reset()
				sub.DrainOldest(&news)
				take(&news)
				other.Close()
			}
			for _, item := range h.Get(nil, ids...) {
				if told, watched := held[item.ID]; sub.Watches(item.ID) != watched || watched && told != item.Version {
					t.Errorf("%v: watched %v, told %v, held %v", item.ID, watched, told, item.Version)
				}
			}
		})
	}
	observing.Wait()
	cancel()
	reading.Wait()
	set.Close()
}
