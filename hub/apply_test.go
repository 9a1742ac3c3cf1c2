package hub_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// One hub judges and publishes, the others apply: after any readings, in any order and however often applied, all hold
// the same, their sums agree, and what was only judged is held nowhere.
func TestJudgedThenApplied(t *testing.T) {
	for seed := range 200 {
		random := rand.New(rand.NewPCG(uint64(seed), 2))
		whole, leader, replica := hub.New(hub.Options{}), hub.New(hub.Options{}), hub.New(hub.Options{})
		generation := max(whole.Highest(), uint32(time.Now().Unix())) + 10
		whole.Begin(generation, 7)
		leader.Begin(generation, 7)
		var published [][]hub.Item
		now, number := time.Unix(1e9, 0), 0
		for range 60 {
			var readings []presence.Reading
			for range 1 + random.IntN(6) {
				number += random.IntN(2)
				r := presence.Reading{ID: person(random.IntN(people)), Content: contents[random.IntN(len(contents))], Asked: now, Answered: now.Add(time.Second)}
				if r.Content != nil && random.IntN(3) > 0 {
					r.Sequence = fmt.Sprintf("A%05d", max(0, number-random.IntN(3)))
				}
				readings = append(readings, r)
			}
			now = now.Add(4 * time.Second)
			want, _ := whole.Observe(context.Background(), readings)
			before := sums(leader)
			judged := leader.Judge(readings)
			if !slices.Equal(judged.Verdicts, want) {
				t.Fatalf("seed %d: %v, want %v", seed, judged.Verdicts, want)
			}
			if sums(leader) != before {
				t.Fatalf("seed %d: held before it was applied", seed)
			}
			leader.Apply(judged.States)
			for i, r := range readings {
				if judged.Verdicts[i] == presence.Confirmed {
					leader.Confirm([]presence.ID{r.ID}, r.Asked)
				}
			}
			published = append(published, judged.States)
		}
		for _, i := range random.Perm(len(published)) {
			replica.Apply(published[i])
			replica.Apply(published[random.IntN(len(published))])
		}
		if sums(whole) != sums(leader) || sums(whole) != sums(replica) {
			t.Fatalf("seed %d: the tables differ", seed)
		}
		for i := range people {
			a, b := whole.Get(nil, person(i))[0], leader.Get(nil, person(i))[0]
			b.Since = a.Since // is less exact where one batch says twice what was so before
			if a != b {
				t.Fatalf("seed %d: %+v, want %+v", seed, b, a)
			}
		}
		var sum hub.Sum
		held := whole.Held(nil, person(3).Shard())
		for i := range held {
			sum.Add(&held[i].State)
		}
		if sum != whole.Sum(person(3).Shard()) {
			t.Fatalf("seed %d: the sum is not that of what is held", seed)
		}
	}
}

func sums(h *hub.Hub) (all [presence.Shards]hub.Sum) {
	for shard := range all {
		all[shard] = h.Sum(shard)
	}
	return all
}

func TestRaised(t *testing.T) {
	h := hub.New(hub.Options{})
	h.Begin(2_000_000_000, 5)
	id := person(1)
	if _, ok := h.Raise(id, presence.Version{Generation: 1}); ok {
		t.Fatal("raised what is not held")
	}
	h.Apply(h.Judge([]presence.Reading{{ID: id, Content: contents[1], Sequence: "A5", Asked: time.Unix(1e9, 0)}}).States)
	held := h.Get(nil, id)[0]
	for _, above := range []presence.Version{
		{Generation: 2_000_000_000, Sequence: "A7"},
		{Generation: 2_000_000_003, Sequence: "A5", Order: 1 << 40},
		{Generation: 2_000_000_009},
	} {
		raised, ok := h.Raise(id, above)
		if !ok || raised.Version.Compare(above) <= 0 || raised.Version.Compare(held.Version) <= 0 || raised.Content != held.Content {
			t.Fatalf("above %v: %v %v", above, raised.Version, ok)
		}
		if ahead := h.Apply([]hub.Item{raised}); ahead != nil {
			t.Fatalf("not applied: %v", ahead)
		}
		held = raised
		if _, ok := h.Raise(id, above); ok {
			t.Fatal("raised twice")
		}
	}
	if ahead := h.Apply([]hub.Item{{State: presence.State{ID: id, Content: contents[2], Version: presence.Version{Generation: 5}}}}); len(ahead) != 1 || ahead[0].Version != held.Version {
		t.Fatalf("ahead: %v", ahead)
	}
	if h.Highest() < 2_000_000_010 {
		t.Fatal(h.Highest())
	}
}
