package presence_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

type vectors struct {
	Order     []string
	Malformed []string
	Judge     []struct {
		Name     string
		Readings []struct {
			Ms                         int
			Sequence, Verdict, Version string
			Content, Holds             *string
		}
	}
}

func readVectors(t *testing.T) (v vectors) {
	t.Helper()
	text, err := os.ReadFile("testdata/versions.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// said returns the content of a user with this availability, or nil.
func said(availability *string) *presence.Content {
	if availability == nil {
		return nil
	}
	return presence.Intern(presence.Facts{Availability: *availability, Activity: *availability}, 0)
}

var start = time.Date(2026, 1, 31, 9, 30, 0, 0, time.UTC)

func TestJudgeVectors(t *testing.T) {
	names := map[presence.Verdict]string{presence.Newer: "newer", presence.Confirmed: "confirmed", presence.Lagging: "lagging", presence.Doubted: "doubted"}
	for _, vector := range readVectors(t).Judge {
		t.Run(vector.Name, func(t *testing.T) {
			rule := presence.Rule{ResetAfter: 30 * time.Second, Generation: 7}
			var held presence.State
			var doubt presence.Doubt
			for i, r := range vector.Readings {
				asked := start.Add(time.Duration(r.Ms) * time.Millisecond)
				reading := presence.Reading{Content: said(r.Content), Sequence: r.Sequence, Asked: asked, Answered: asked.Add(100 * time.Millisecond)}
				verdict, state := rule.Judge(held, asked, reading, &doubt)
				if names[verdict] != r.Verdict || state.Version.String() != r.Version || state.Content != said(r.Holds) {
					t.Fatalf("reading %d: got %s, version %s, content %v; want %s, %s, %v", i, names[verdict], state.Version, state.Content, r.Verdict, r.Version, r.Holds)
				}
				if (verdict == presence.Newer) != (state.Version.Compare(held.Version) > 0) {
					t.Fatalf("reading %d: %s, but version %s follows %s", i, names[verdict], state.Version, held.Version)
				}
				rule.Order = max(rule.Order, state.Version.Order)
				held = state
			}
		})
	}
}

// Whatever Graph answers, versions rise with each change and with nothing else, none stands for two states, and a
// user who stops changing is soon held as they are.
func TestJudgeAnyHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rule := presence.Rule{ResetAfter: 20 * time.Second, Generation: rapid.Uint32Range(0, 3).Draw(t, "generation")}
		var held presence.State
		var confirmed time.Time
		var doubt presence.Doubt
		meant := map[string]*presence.Content{}
		now := start
		read := func(content *presence.Content, sequence string) {
			now = now.Add(5 * time.Second)
			verdict, state := rule.Judge(held, confirmed, presence.Reading{Content: content, Sequence: sequence, Asked: now, Answered: now.Add(time.Second)}, &doubt)
			if rises := state.Version.Compare(held.Version) > 0; rises != (verdict == presence.Newer) {
				t.Fatalf("verdict %d, but %s after %s", verdict, state.Version, held.Version)
			}
			if verdict != presence.Newer && state != held {
				t.Fatalf("verdict %d changed the state", verdict)
			}
			if verdict == presence.Confirmed && state.Content != content {
				t.Fatal("confirmed other content than was read")
			}
			text := state.Version.String()
			if other, used := meant[text]; used && other != state.Content {
				t.Fatalf("version %s stands for two states", text)
			}
			meant[text] = state.Content
			if verdict <= presence.Confirmed {
				confirmed = now
			}
			rule.Order = max(rule.Order, state.Version.Order)
			held = state
		}
		content := rapid.SampledFrom([]*presence.Content{nil, said(new("Available")), said(new("Busy")), said(new("Away"))})
		sequence := rapid.SampledFrom([]string{"", "A1", "A2", "A3", "A10", "B"})
		for range rapid.IntRange(0, 40).Draw(t, "readings") {
			read(content.Draw(t, "content"), sequence.Draw(t, "sequence"))
		}
		last, number := content.Draw(t, "last content"), sequence.Draw(t, "last sequence")
		for range 7 { // 20 s for a reset, and a reading more for each that must be seen twice
			read(last, number)
		}
		if held.Content != last {
			t.Fatalf("the user has said %v for 35 s, but %v is held", last, held.Content)
		}
	})
}

func TestSinceIsABound(t *testing.T) {
	rule := presence.Rule{Generation: 1}
	var doubt presence.Doubt
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	read := func(held presence.State, confirmed, asked int, availability, sequence string) presence.State {
		_, state := rule.Judge(held, at(confirmed), presence.Reading{Content: said(&availability), Sequence: sequence, Asked: at(asked), Answered: at(asked + 1)}, &doubt)
		return state
	}
	first := read(presence.State{}, 0, 0, "Busy", "A1")
	if first.Since != (presence.Since{}) {
		t.Fatalf("no change was seen, but since is %v", first.Since)
	}
	changed := read(first, 5, 10, "Away", "A2")
	if want := (presence.Since{At: at(11), Within: 6 * time.Second}); changed.Since != want {
		t.Fatalf("since %v, want %v", changed.Since, want)
	}
	if same := read(changed, 15, 20, "Away", "A3"); same.Since != changed.Since {
		t.Fatalf("a new number moved since to %v", same.Since)
	}
}

func TestDoubtSettles(t *testing.T) {
	rule := presence.Rule{}
	var doubt presence.Doubt
	_, held := rule.Judge(presence.State{}, start, presence.Reading{Content: said(new("Busy")), Asked: start, Answered: start}, &doubt)
	if !doubt.Settled(start) {
		t.Fatal("a first reading leaves a doubt")
	}
	rule.Judge(held, start, presence.Reading{Content: said(new("Away")), Asked: start, Answered: start}, &doubt)
	if doubt.Settled(start.Add(9*time.Second)) || !doubt.Settled(start.Add(10*time.Second)) {
		t.Fatal("a change must be remembered for 10 s, and no longer")
	}
}

func TestVersionOrder(t *testing.T) {
	v := readVectors(t)
	if !slices.IsSorted(v.Order) {
		t.Fatal("the vectors are not in order of their bytes")
	}
	for i, text := range v.Order {
		parsed, err := presence.ParseVersion(text)
		if err != nil || parsed.String() != text {
			t.Fatalf("%q: got %q, %v", text, parsed, err)
		}
		if i > 0 {
			if before, _ := presence.ParseVersion(v.Order[i-1]); before.Compare(parsed) != -1 {
				t.Errorf("%q must be below %q", v.Order[i-1], text)
			}
		}
	}
	for _, text := range v.Malformed {
		if parsed, err := presence.ParseVersion(text); err == nil {
			t.Errorf("%q was read as %#v", text, parsed)
		}
	}
}

func TestVersionTextSortsAsCompare(t *testing.T) {
	version := rapid.Custom(func(t *rapid.T) presence.Version {
		return presence.Version{
			Generation: rapid.Uint32Range(0, 2).Draw(t, "generation"),
			Sequence:   string(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "sequence")),
			Order:      rapid.Uint64().Draw(t, "order"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := version.Draw(t, "a"), version.Draw(t, "b")
		if got, want := compareText(a.String(), b.String()), a.Compare(b); got != want {
			t.Fatalf("texts %q, %q compare as %d, versions as %d", a, b, got, want)
		}
		back, err := presence.ParseVersion(a.String())
		if err != nil || back != a {
			t.Fatalf("%q was read as %#v, %v", a, back, err)
		}
		for _, c := range []byte(a.String()) {
			if c <= ' ' || c > '~' || c == '"' || c == '\'' || c == '\\' {
				t.Fatalf("%q holds %q", a, c)
			}
		}
	})
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
