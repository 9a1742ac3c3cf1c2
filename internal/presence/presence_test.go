package presence_test

import (
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const guid = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"

func TestParseID(t *testing.T) {
	for _, text := range []string{guid, strings.ToUpper(guid)} {
		id, err := presence.ParseID(text)
		if err != nil || id.String() != guid {
			t.Errorf("%q: got %v, %v", text, id, err)
		}
	}
	for _, text := range []string{"", "anna@example.com", guid[:35], guid + "0", "{" + guid + "}", strings.ReplaceAll(guid, "-", ""),
		"ga8bf3dc-eca7-46b7-bad1-db199b62afc3", "fa8bf3dceca7--46b7-bad1-db199b62afc3", "fa8bf3dc-eca7-46b7-bad1-db199b62af-3", "fa8bf3dc-eca7-46b7-bad1-db199b62af\u00e9"} {
		if id, err := presence.ParseID(text); err == nil {
			t.Errorf("%q was read as %v", text, id)
		}
	}
}

func TestShardsFillEvenly(t *testing.T) {
	var filled [presence.Shards]int
	for i := range 64_000 {
		id, _ := presence.ParseID(fmt.Sprintf("00000000-0000-4000-8000-%012x", i))
		filled[id.Shard()]++
	}
	for shard, n := range filled {
		if n < 700 || n > 1300 {
			t.Errorf("shard %d holds %d of 64,000 sequential ids", shard, n)
		}
	}
}

func TestInternIsIdentity(t *testing.T) {
	facts := presence.Facts{Availability: "Busy", Activity: "InACall", OutOfOffice: presence.False, StatusMessage: "in Rome"}
	if presence.Intern(facts, presence.OutOfOffice) != presence.Intern(facts, presence.OutOfOffice) {
		t.Error("equal facts, two contents")
	}
	if presence.Intern(facts, presence.OutOfOffice) == presence.Intern(facts, presence.OutOfOffice|presence.StatusMessage) {
		t.Error("a status message makes no difference where it is allowed")
	}
	if kept := presence.Intern(facts, 0).Facts(); kept != (presence.Facts{Availability: "Busy", Activity: "InACall"}) {
		t.Errorf("what is not allowed is kept: %+v", kept)
	}
}

func TestInternForgets(t *testing.T) {
	before := presence.HeldContents()
	for i := range 1000 {
		presence.Intern(presence.Facts{StatusMessage: fmt.Sprint("note ", i)}, presence.StatusMessage)
	}
	for range 100 { // cleanups run some time after the collection
		runtime.GC()
		if presence.HeldContents() <= before {
			return
		}
		runtime.Gosched()
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d contents before, %d after nobody holds them", before, presence.HeldContents())
}

func TestStateJSON(t *testing.T) {
	id, _ := presence.ParseID(guid)
	all := presence.OutOfOffice | presence.OutOfOfficeMessage | presence.StatusMessage | presence.WorkLocation | presence.SinceChange
	state := presence.State{
		ID: id,
		Content: presence.Intern(presence.Facts{
			Availability: "Busy", Activity: "InACall", OutOfOffice: presence.True, OutOfOfficeMessage: "back \"soon\"",
			StatusMessage: "a <b>\u2028\xff", WorkLocation: presence.Place{Type: "office", Source: "manual", ID: "p1"},
		}, all),
		Version: presence.Version{Generation: 7, Sequence: "A0129311063"},
		Since:   presence.Since{At: start.Add(-time.Minute), Within: 5 * time.Second},
	}
	for view, want := range map[presence.Fields]string{
		0: `{"id":"` + guid + `","availability":"Busy","activity":"InACall","sequenceNumber":"A0129311063","version":"00000007.A0129311063","observedAt":"2026-01-31T09:30:00.123Z"}`,
		presence.OutOfOffice: `{"id":"` + guid + `","availability":"Busy","activity":"InACall","outOfOfficeSettings":{"isOutOfOffice":true},` +
			`"sequenceNumber":"A0129311063","version":"00000007.A0129311063","observedAt":"2026-01-31T09:30:00.123Z"}`,
		all: `{"id":"` + guid + `","availability":"Busy","activity":"InACall","outOfOfficeSettings":{"isOutOfOffice":true,"message":"back \"soon\""},` +
			`"statusMessage":{"message":{"content":"a \u003cb\u003e\u2028\ufffd","contentType":"text"}},` +
			`"workLocation":{"workLocationType":"office","source":"manual","placeId":"p1"},` +
			`"sequenceNumber":"A0129311063","version":"00000007.A0129311063","observedAt":"2026-01-31T09:30:00.123Z",` +
			`"since":{"at":"2026-01-31T09:29:00.000Z","withinMs":5000}}`,
	} {
		got := string(state.AppendJSON(nil, view, start.Add(123*time.Millisecond)))
		if got != want {
			t.Errorf("view %v:\n got %s\nwant %s", view.Names(), got, want)
		}
	}
	state.Unnumbered = true
	if got := string(state.AppendJSON(nil, 0, start)); strings.Contains(got, "sequenceNumber") {
		t.Errorf("an unnumbered state shows a number: %s", got)
	}
}

func TestStringsAreJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var got string
		if err := json.Unmarshal(presence.AppendString(nil, want), &got); err != nil || got != want {
			t.Fatalf("%q came back as %q, %v", want, got, err)
		}
	})
}

func TestParseFields(t *testing.T) {
	set, err := presence.ParseFields([]string{"since", "outOfOffice"})
	if err != nil || set != presence.OutOfOffice|presence.SinceChange {
		t.Errorf("got %v, %v", set.Names(), err)
	}
	if _, err := presence.ParseFields([]string{"calendar"}); err == nil || !strings.Contains(err.Error(), `"calendar"`) {
		t.Errorf("got %v", err)
	}
}

func TestDirectory(t *testing.T) {
	a, b := presence.ID{1}, presence.ID{2}
	d := presence.NewDirectory([]presence.ID{b, a, b}, []presence.Person{{ID: a, DisplayName: "Anna"}},
		[]presence.Group{{ID: presence.ID{9}, DisplayName: "Sales", Members: []presence.ID{a}}, {ID: presence.ID{8}, DisplayName: "Care"}})
	if len(d.All()) != 2 || d.All()[0] != a || !d.Watched(b) || d.Watched(presence.ID{3}) {
		t.Errorf("watched: %v", d.All())
	}
	hiding := d.Hide([]presence.ID{{4}})
	if len(hiding.All()) != 2 || !hiding.Watched(presence.ID{4}) || hiding.Watched(presence.ID{3}) {
		t.Errorf("hiding: %v", hiding.All())
	}
	if p, found := d.Person(a); !found || p.DisplayName != "Anna" {
		t.Errorf("person: %v", p)
	}
	if g := d.Groups(); g[0].DisplayName != "Care" || g[1].DisplayName != "Sales" {
		t.Errorf("groups: %v", g)
	}
}
