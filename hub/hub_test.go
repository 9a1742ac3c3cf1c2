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
		oldest, any := sub.Oldest()
		if any != (want >= 0) || any && !oldest.Equal(at(want)) {
			t.Fatalf("oldest %v, %v; want %d", oldest, any, want)
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

func TestWants(t *testing.T) {
	h := hub.New(hub.Options{})
	sub := h.NewReader().Subscribe(nil)
	sub.Add([]presence.ID{person(1)}, nil, &hub.News{})
	expect := func(want ...presence.Want) {
		t.Helper()
		got, err := h.Wants(t.Context())
		if err != nil || len(got) != len(want) {
			t.Fatalf("wants %v, %v; want %v", got, err, want)
		}
		for _, g := range got {
			found := false
			for _, w := range want {
				found = found || g == w
			}
			if !found {
				t.Fatalf("wants %v; want %v", got, want)
			}
		}
	}
	expect(presence.Want{ID: person(1), Watchers: 1})
	sub.Add([]presence.ID{person(1), person(2)}, nil, &hub.News{})
	expect(presence.Want{ID: person(2), Watchers: 1})
	sub.Close()
	expect(presence.Want{ID: person(1)}, presence.Want{ID: person(2)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Wants(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

// A process that knows nothing of its predecessor must not issue a version again that stood for something else.
func TestGenerationsSurviveRestarts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "generation")
	begin := func() *hub.Hub {
		t.Helper()
		g, err := hub.OpenGenerations(path)
		if err != nil {
			t.Fatal(err)
		}
		return hub.New(hub.Options{Generations: g})
	}
	version := func(h *hub.Hub) presence.Version { return h.Get(nil, person(1))[0].Version }
	at := time.Unix(1e9, 0)

	h := begin()
	observe(t, h, person(1), contents[1], "A5", at)
	first := version(h)
	h = begin()
	observe(t, h, person(1), contents[1], "A5", at)
	if version(h) != first {
		t.Fatalf("the same number, another version after a restart: %v, then %v", first, version(h))
	}
	observe(t, h, person(1), contents[2], "A5", at) // other content under an equal number, twice
	observe(t, h, person(1), contents[2], "A5", at)
	made := version(h)
	h = begin()
	observe(t, h, person(1), contents[3], "A5", at)
	if v := version(h); v.Compare(made) <= 0 {
		t.Fatalf("version %v after %v, which stood for something else", v, made)
	}
	for i := range 3 { // a reset
		observe(t, h, person(1), contents[1], "A1", at.Add(time.Duration(i)*time.Minute))
	}
	reset := version(h)
	h = begin()
	observe(t, h, person(1), contents[2], "A2", at)
	if v := version(h); v.Compare(reset) <= 0 {
		t.Fatalf("version %v after the reset's %v", v, reset)
	}
	observe(t, h, person(2), contents[1], "", at) // no numbers
	unnumbered := h.Get(nil, person(2))[0].Version
	h = begin()
	observe(t, h, person(2), contents[2], "", at)
	if v := h.Get(nil, person(2))[0].Version; v.Compare(unnumbered) <= 0 {
		t.Fatalf("version %v after %v", v, unnumbered)
	}

	// The same holds within a process, for users who were forgotten.
	observe(t, h, person(1), contents[1], "A5", at)
	observe(t, h, person(1), contents[2], "A5", at)
	observe(t, h, person(1), contents[2], "A5", at)
	made = version(h)
	h.Forget([]presence.ID{person(1)})
	observe(t, h, person(1), contents[3], "A5", at)
	if v := version(h); v.Compare(made) <= 0 {
		t.Fatalf("forgotten, and read again under %v after %v", v, made)
	}
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
	if err := g.Spend(g.First()); err != nil {
		t.Fatalf("works without a record: %v", err)
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
				sub.Oldest()
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
