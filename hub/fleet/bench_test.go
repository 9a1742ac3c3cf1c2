package fleet_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// agreeable is a Store that takes everything and tells nobody.
type agreeable struct{ fleet.Store }

func (agreeable) Append(_ context.Context, _ fleet.Fence, appends []fleet.Append) []fleet.Answer {
	answers := make([]fleet.Answer, len(appends))
	for i := range appends {
		answers[i].Stands = appends[i].To
	}
	return answers
}

func (agreeable) Load(context.Context, int, fleet.Position) (*fleet.Snapshot, error) {
	return &fleet.Snapshot{}, nil
}
func (agreeable) Listen(ctx context.Context, _ fleet.Listener) error { <-ctx.Done(); return nil }
func (agreeable) Rejoin(int)                                         {}
func (agreeable) Ping(context.Context) error                         { return nil }
func (agreeable) Acquire(_ context.Context, holder string, _ uint64, _ time.Duration) (fleet.Fence, error) {
	return fleet.Fence{Number: 1, Holder: holder}, nil
}
func (agreeable) Renew(context.Context, fleet.Fence, time.Duration) error { return nil }
func (agreeable) Release(context.Context, fleet.Fence) error              { return nil }
func (agreeable) Generation(_ context.Context, _ fleet.Fence, above uint32) (uint32, error) {
	return above + 1, nil
}
func (agreeable) Directory(context.Context) (fleet.Manifest, error) { return fleet.Manifest{}, nil }
func (agreeable) Wants(context.Context) (map[string]fleet.Manifest, error) {
	return map[string]fleet.Manifest{}, nil
}
func (agreeable) PostWants(context.Context, string, fleet.Post, time.Duration) error { return nil }
func (agreeable) Withdraw(context.Context, string) error                             { return nil }

func crowd(n int) []presence.ID {
	ids := make([]presence.ID, n)
	for i := range ids {
		ids[i] = presence.ID{byte(i), byte(i >> 8), byte(i >> 16), 15: 1}
	}
	return ids
}

// What it costs a replica to hear of changes, by the size of a message, and by whether somebody watches those users
// there. Decoding is the store's, and not in it.
func BenchmarkHear(b *testing.B) {
	for _, size := range []int{1, 10} {
		for _, lists := range []int{0, 1, 25} {
			b.Run(fmt.Sprintf("states=%d/lists=%d", size, lists), func(b *testing.B) {
				h := hub.New(hub.Options{})
				f, err := fleet.New(h, agreeable{}, fleet.Options{})
				if err != nil {
					b.Fatal(err)
				}
				var ids []presence.ID
				for _, id := range crowd(100_000) {
					if id.Shard() == merged {
						ids = append(ids, id)
					}
				}
				for range lists {
					h.NewReader().Subscribe(nil).Add(ids, nil, &hub.News{})
				}
				f.Joined(merged)
				s := &stream{states: map[presence.ID]hub.Item{}, at: fleet.Position{Epoch: 1}}
				f.Reload(merged)
				f.Stand(merged, s.at)
				at, sum, held := s.at, hub.Sum{}, make([]presence.State, len(ids))
				n := 0
				next := func() *fleet.Message {
					m := &fleet.Message{Shard: merged, Fence: 1, From: at, States: make([]hub.Item, size)}
					for i := range m.States {
						n++
						who := n % len(ids)
						item := hub.Item{ObservedAt: time.Unix(int64(n), 0), State: presence.State{ID: ids[who],
							Content: contents[n%3], Version: presence.Version{Generation: 7, Sequence: fmt.Sprintf("A%012d", n)}}}
						sum.Sub(&held[who])
						sum.Add(&item.State)
						held[who], m.States[i] = item.State, item
					}
					at.Offset++
					at.Count, at.Digest = sum.Count, sum.Digest
					m.To = at
					return m
				}
				messages := make([]*fleet.Message, 0, 1000)
				b.ResetTimer()
				for b.Loop() {
					if len(messages) == 0 {
						b.StopTimer()
						for range cap(messages) {
							messages = append(messages, next())
						}
						b.StartTimer()
					}
					f.Heard(messages[0])
					messages = messages[1:]
					if len(messages) == 0 {
						messages = make([]*fleet.Message, 0, 1000)
					}
				}
				if f.Reload(merged) != true {
					b.Fatal("not current")
				}
				b.ReportMetric(float64(b.N*size)/b.Elapsed().Seconds(), "states/s")
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size)*1000, "us/1000states")
			})
		}
	}
}

// What it costs the leader to judge a batch of 650, write what changed and hold it; the store costs nothing here.
func BenchmarkObserve(b *testing.B) {
	for _, changed := range []int{0, 10, 650} {
		b.Run(fmt.Sprintf("changed=%d", changed), func(b *testing.B) {
			h := hub.New(hub.Options{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			led := make(chan struct{})
			f, err := fleet.New(h, agreeable{}, fleet.Options{Lead: func(ctx context.Context, term *fleet.Term) error {
				defer close(led)
				readings := make([]presence.Reading, 650)
				for i, id := range crowd(len(readings)) {
					readings[i] = presence.Reading{ID: id, Content: contents[0], Sequence: "A", Asked: time.Now(), Answered: time.Now()}
				}
				n := 0
				for b.Loop() {
					n++
					for i := range changed {
						readings[i].Sequence = fmt.Sprintf("A%012d", n)
					}
					if _, err := term.Observe(ctx, readings); err != nil {
						b.Error(err)
						break
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(readings)), "ns/row")
				return nil
			}})
			if err != nil {
				b.Fatal(err)
			}
			done := make(chan error, 1)
			go func() { done <- f.Run(ctx) }()
			<-led
			cancel()
			if err := <-done; err != nil {
				b.Fatal(err)
			}
		})
	}
}
