package fleet_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// stream is one shard as its leader has it, and what of it is on its way to a replica.
type stream struct {
	fleet.Store // of which only Load is used
	t           *rapid.T
	at          fleet.Position
	states      map[presence.ID]hub.Item
	sent        []*fleet.Message // in any order, any number of times, or never
	replica     *fleet.Fleet
	generation  uint32
	inside      bool // a load is under way
}

const merged = 1 // the shard

var members = func() (ids []presence.ID) {
	for _, id := range users {
		if id.Shard() == merged {
			ids = append(ids, id)
		}
	}
	return ids
}()

func (s *stream) rise() uint32 { s.generation++; return s.generation }

// publish changes some states, or begins an epoch, or only beats.
func (s *stream) publish(t *rapid.T) {
	m := &fleet.Message{Shard: merged, Fence: 1, From: s.at, At: time.Unix(1e9, 0)}
	if s.at.Epoch == 0 || rapid.IntRange(0, 9).Draw(t, "epoch") == 0 {
		s.at.Epoch, s.at.Offset = rapid.Uint64Min(1).Draw(t, "new"), 0
	}
	var sum hub.Sum
	for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(members), 0, len(members), rapid.ID[presence.ID]).Draw(t, "changed") {
		if _, held := s.states[id]; held && rapid.IntRange(0, 4).Draw(t, "drop") == 0 {
			m.Lapsed = append(m.Lapsed, id)
			delete(s.states, id)
			continue
		}
		item := hub.Item{ObservedAt: time.Unix(1e9, 0), State: presence.State{ID: id,
			Content: rapid.SampledFrom(contents).Draw(t, "content"), Version: presence.Version{Generation: s.rise()}}}
		s.states[id] = item
		m.States = append(m.States, item)
	}
	for _, item := range s.states {
		sum.Add(&item.State)
	}
	if len(m.States)+len(m.Lapsed) > 0 || s.at.Epoch != m.From.Epoch {
		s.at.Offset++
	}
	s.at.Count, s.at.Digest = sum.Count, sum.Digest
	m.To = s.at
	s.sent = append(s.sent, m)
}

// Load lets the world go on while it reads: what is published before it, or after, is heard before it returns.
func (s *stream) Load(context.Context, int, fleet.Position) (*fleet.Snapshot, error) {
	snapshot := &fleet.Snapshot{}
	read := func(*rapid.T) {
		*snapshot = fleet.Snapshot{Position: s.at, Fence: 1, States: slices.Collect(maps.Values(s.states))}
	}
	s.inside = true
	steps := rapid.SliceOfN(rapid.SampledFrom([]func(*rapid.T){s.publish, s.deliver, read}), 0, 4).Draw(s.t, "meanwhile")
	read(s.t)
	for _, step := range steps {
		step(s.t)
	}
	s.inside = false
	return snapshot, nil
}

// deliver hands over something that is on its way; perhaps it comes again, or is lost.
func (s *stream) deliver(t *rapid.T) {
	if len(s.sent) == 0 {
		return
	}
	i := rapid.IntRange(0, len(s.sent)-1).Draw(t, "which")
	m := s.sent[i]
	if rapid.Bool().Draw(t, "once") {
		s.sent = slices.Delete(s.sent, i, i+1)
	}
	if rapid.IntRange(0, 3).Draw(t, "lost") > 0 {
		copied := *m
		s.replica.Heard(&copied)
	}
}

// However messages are shuffled, doubled or lost, and whatever happens while a shard is loaded: whenever a replica says it
// stands where the leader does it holds the same, and one beat after the trouble it does.
func TestAnyShuffleMergesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := &stream{t: t, states: map[presence.ID]hub.Item{}, generation: 1}
		h := hub.New(hub.Options{})
		var err error
		if s.replica, err = fleet.New(h, s, fleet.Options{}); err != nil {
			t.Fatal(err)
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": s.publish,
			"deliver": s.deliver,
			"join":    func(*rapid.T) { s.replica.Joined(merged) },
			"leave":   func(*rapid.T) { s.replica.Left(merged) },
			"load":    func(*rapid.T) { s.replica.Reload(merged) },
		})
		s.publish(t)
		s.sent = nil
		s.replica.Joined(merged)
		for range 20 {
			m := &fleet.Message{Shard: merged, Fence: 1, From: s.at, To: s.at}
			s.replica.Heard(m)
			current := s.replica.Reload(merged)
			if (hub.Sum{Count: s.at.Count, Digest: s.at.Digest}) == h.Sum(merged) && current {
				for id, item := range s.states {
					if held := h.Get(nil, id)[0]; held.Version != item.Version || held.Content != item.Content {
						t.Fatalf("the sums agree, the states do not: %v, want %v", held, item)
					}
				}
				return
			}
		}
		t.Fatalf("the replica holds %v, the leader %v", h.Sum(merged), s.at)
	})
}

func TestDirectoryPasses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) (id presence.ID) {
			copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
			return id
		}), 0, 40, rapid.ID[presence.ID]).Draw(t, "ids")
		pick := func(what string) (some []presence.ID) {
			for _, id := range ids {
				if rapid.Bool().Draw(t, what) {
					some = append(some, id)
				}
			}
			slices.SortFunc(some, presence.ID.Compare)
			return some
		}
		var people []presence.Person
		for _, id := range pick("named") {
			people = append(people, presence.Person{ID: id, DisplayName: rapid.String().Draw(t, "name"), Mail: "a@b"})
		}
		var groups []presence.Group
		for _, id := range pick("group") {
			groups = append(groups, presence.Group{ID: id, DisplayName: "g", Members: pick("member"), Hidden: pick("hidden member")})
		}
		d := presence.NewDirectory(pick("watched"), people, groups).Hide(pick("hidden"))
		passed, err := fleet.Passed(d)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(passed.All(), d.All()) || !slices.Equal(passed.Hidden(), d.Hidden()) || len(passed.Groups()) != len(groups) {
			t.Fatal("other people")
		}
		for _, id := range ids {
			was, _ := d.Person(id)
			if is, _ := passed.Person(id); is != was && !utf8Lost(was.DisplayName) {
				t.Fatalf("%+v, want %+v", is, was)
			}
			g, _ := d.Group(id)
			if p, _ := passed.Group(id); !sameMembers(p.Members, g.Members) || !sameMembers(p.Hidden, g.Hidden) || p.DisplayName != g.DisplayName {
				t.Fatalf("%+v, want %+v", p, g)
			}
		}
	})
}

// utf8Lost reports whether JSON cannot carry the text.
func utf8Lost(text string) bool { return string([]rune(text)) != text }

func sameMembers(a, b []presence.ID) bool {
	slices.SortFunc(a, presence.ID.Compare)
	return slices.Equal(a, b)
}

func FuzzParts(f *testing.F) {
	f.Add([]byte(`{"watched":["fa8bf3dc-eca7-46b7-bad1-db199b62afc3"]}`))
	f.Add(fleet.AppendWants(map[presence.ID]int{users[0]: 3, users[1]: 300}))
	f.Add(fleet.AppendAhead(make([]byte, 8), users[0], presence.Version{Generation: 7, Sequence: "A5"}))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		_ = fleet.ParsePart(bytes)
		if counts, err := fleet.ParseWants(bytes); err == nil {
			again, err := fleet.ParseWants(fleet.AppendWants(counts))
			if err != nil || !maps.Equal(again, counts) {
				t.Fatalf("%v, %v: %v", counts, again, err)
			}
		}
		ahead, corrupt, err := fleet.ParseAhead(bytes)
		if err != nil || len(bytes) == 0 {
			return
		}
		text := slices.Clone(bytes[:8])
		for id, version := range ahead {
			text = fleet.AppendAhead(text, id, version)
		}
		again, bits, err := fleet.ParseAhead(text)
		if err != nil || bits != corrupt || !maps.Equal(again, ahead) {
			t.Fatalf("%v, %v: %v", ahead, again, err)
		}
	})
}
