package graphsim_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

func TestFaultsAreReadStrictly(t *testing.T) {
	_, c := newClient(t, graphsim.Options{Users: 3})
	c.faults(`{"latency":60}`)
	for body, want := range map[string]string{
		`{"latencyy":60}`:              `unknown key "latencyy"`,
		`{"latency":{"millis":60}}`:    `latency: unknown field "millis"`,
		`{"latency":"slow"}`:           "latency:",
		`{"latency":-1}`:               "latency: ms and jitterMs are not negative",
		`{"reset":1.5}`:                "reset: share is 0 to 1",
		`{"reset":{"kinds":["post"]}}`: `kinds has "post"`,
		`{"status":200}`:               "status: status is 400 to 599",
		`{"lag":61000}`:                "lag: ms is 1 to 60000",
		`{"malformed":"odd"}`:          `malformed: form is "odd"`,
		`{"count":"users"}`:            `count: by is "users"`,
		`{"poison":["moon"]}`:          `"moon", which is not a GUID`,
		`{"omit":["mood"]}`:            `no property is called "mood"`,
		`{"ids":{"unknown":"maybe"}}`:  `ids: unknown is "maybe"`,
		`{"sequenceReset":7}`:          "sequenceReset: want true, false or an object",
		`[]`:                           "not one JSON object",
		`null`:                         "not one JSON object",
		``:                             "not one JSON object",
		`{} {}`:                        "something stands after",
	} {
		r := c.do("PUT", "/sim/faults", body)
		if r.status != 400 || !strings.Contains(strings.ReplaceAll(string(r.body), `\"`, `"`), want) {
			t.Errorf("%s: %d %s, want %s", body, r.status, r.body, want)
		}
	}
	if o := c.ok("GET", "/sim/faults", ""); len(o) != 1 || o["latency"].(map[string]any)["ms"] != 60.0 {
		t.Errorf("a refused change was made in part: %v", o)
	}
	c.ok("PATCH", "/sim/faults", `{"wrapped":true,"latency":null}`)
	if o := c.ok("GET", "/sim/faults", ""); len(o) != 1 || o["wrapped"] == nil {
		t.Errorf("after a patch: %v", o)
	}
	c.ok("PATCH", "/sim/faults", `{"lag":{"ms":500,"share":0}}`)
	if o := c.ok("GET", "/sim/faults", ""); o["lag"] != nil {
		t.Errorf("a share of nothing is on: %v", o)
	}
	c.ok("DELETE", "/sim/faults", "")
	if o := c.ok("GET", "/sim/faults", ""); len(o) != 0 {
		t.Errorf("after deletion: %v", o)
	}
	c.faults(`{"status":{"status":503,"count":3}}`)
	c.get("/v1.0/me/presence")
	if o := c.ok("GET", "/sim/faults", ""); o["status"].(map[string]any)["count"] != 2.0 {
		t.Errorf("what is left of a count: %v", o)
	}
}

// Every switch is known to the parser and can be put by its own printed form.
func TestEverySwitchGoesRound(t *testing.T) {
	all := `{"latency":5,"reset":0.5,"status":503,"html":502,"retryAfter":"date","limit":9,"count":"ids","unauthorized":true,"forbidden":0.1,"cut":true,
		"malformed":"null","oversize":9,"gzip":true,"wrongEntity":true,"wrapped":true,"innerError":"innererror","lag":9,"split":0.1,
		"missing":0.1,"unknown":true,"poison":["00000000-0000-4000-8000-000000000000"],"shuffle":true,"foreign":2,"extra":true,
		"lowerCamel":true,"sparse":true,"noContext":true,"omit":["activity"],"noSequence":true,"government":true,"ids":{"unknown":"404"},
		"sequenceReset":true,"frozenNumber":0.5,"restamp":3,"emptyPages":true,"bareMembers":true}`
	f, err := graphsim.ParseFaults([]byte(all))
	if err != nil {
		t.Fatal(err)
	}
	printed, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var given, shown map[string]any
	if err := json.Unmarshal([]byte(all), &given); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(printed, &shown); err != nil {
		t.Fatal(err)
	}
	for name := range given {
		if shown[name] == nil {
			t.Errorf("%s is lost: %s", name, printed)
		}
	}
	again, err := graphsim.ParseFaults(printed)
	if err != nil {
		t.Fatal(err)
	}
	if twice, err := json.Marshal(again); err != nil || !bytes.Equal(printed, twice) {
		t.Errorf("printed %s, then %s (%v)", printed, twice, err)
	}
	if known := graphsim.SwitchNames(); len(known) != len(given) {
		t.Errorf("%d switches are known, %d tried: %v", len(known), len(given), known)
	}
}

func FuzzParseFaults(f *testing.F) {
	f.Add(`{"latency":60,"status":{"status":503,"share":0.3}}`)
	f.Add(`{"missing":{"ids":["00000000-0000-4000-8000-000000000000"]},"sequenceReset":true}`)
	f.Add(`{"poison":[],"omit":null,"cut":false}`)
	f.Fuzz(func(t *testing.T, body string) {
		faults, err := graphsim.ParseFaults([]byte(body))
		if err != nil {
			return
		}
		printed, err := json.Marshal(faults)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := graphsim.ParseFaults(printed); err != nil {
			t.Errorf("%q prints as %s, which is refused: %v", body, printed, err)
		}
	})
}

func TestPresenceByHand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 3})
		target := "/sim/users/" + strings.ToUpper(ids(tenant)[0]) + "/presence"
		before := c.ok("GET", target, "")
		time.Sleep(time.Second)
		after := c.ok("PUT", target, `{"availability":"Busy","activity":"InAHuddle","outOfOfficeSettings":{"isOutOfOffice":true,"message":"gone"},
			"statusMessage":{"message":{"content":"hello \"you\"","contentType":"text"}},"workLocation":{"workLocationType":"remote","source":"manual"}}`)
		read := c.batch(ids(tenant)[0])[0]
		for _, o := range []map[string]any{after, read} {
			if o["availability"] != "Busy" || o["activity"] != "InAHuddle" || o["outOfOfficeSettings"].(map[string]any)["message"] != "gone" ||
				o["statusMessage"].(map[string]any)["message"].(map[string]any)["content"] != `hello "you"` ||
				o["workLocation"].(map[string]any)["workLocationType"] != "remote" {
				t.Errorf("got %v", o)
			}
		}
		if a, b := before["sequenceNumber"].(string), after["sequenceNumber"].(string); a >= b || before["changedAt"] == after["changedAt"] {
			t.Errorf("number went from %s to %s, change from %v to %v", a, b, before["changedAt"], after["changedAt"])
		}
		same := c.ok("PUT", target, `{"availability":"Busy","activity":"InAHuddle"}`)
		if same["sequenceNumber"] != after["sequenceNumber"] || same["statusMessage"] == nil {
			t.Errorf("setting the same again: %v", same)
		}
		kept := c.ok("PUT", target, `{"availability":"Away","statusMessage":null,"outOfOffice":false,"keepNumber":true}`)
		if kept["sequenceNumber"] != after["sequenceNumber"] || kept["activity"] != "Away" || kept["statusMessage"] != nil ||
			kept["outOfOfficeSettings"].(map[string]any)["message"] != nil {
			t.Errorf("keeping the number: %v", kept)
		}
		people := values(t, c.ok("GET", "/sim/users?top=2", ""))
		if len(people) != 2 || people[0]["pinnedUntil"] == nil || people[1]["pinnedUntil"] != nil {
			t.Errorf("people are %v", people)
		}
		c.ok("DELETE", target, "")
		for body, want := range map[string]string{
			`{"availabilty":"Busy"}`:              `unknown field "availabilty"`,
			`{"availability":""}`:                 "must not be empty",
			`{"sequenceNumber":"129311063"}`:      "sequenceNumber",
			`{"statusMessage":{"text":"x"}}`:      `statusMessage: unknown field "text"`,
			`{"workLocation":7}`:                  "workLocation",
			`{"outOfOfficeSettings":{"is":true}}`: `outOfOfficeSettings: unknown field "is"`,
			`{"pinSeconds":-1}`:                   "pinSeconds",
			`nonsense`:                            "body",
		} {
			if r := c.do("PUT", target, body); r.status != 400 || !strings.Contains(strings.ReplaceAll(string(r.body), `\"`, `"`), want) {
				t.Errorf("%s: %d %s", body, r.status, r.body)
			}
		}
		for _, who := range []string{"moon", "00000000-0000-4000-8000-000000000000"} {
			if r := c.do("PUT", "/sim/users/"+who+"/presence", `{"availability":"Busy"}`); r.status != 404 {
				t.Errorf("%s: %d", who, r.status)
			}
		}
	})
}

func TestTruthAndChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 300, ChangesPerSecond: 50, Budget: 10})
		live(t, tenant, 20*time.Second)
		c.faults(`{"lag":5000,"lowerCamel":true,"missing":0.5,"noSequence":true}`) // the truth knows no faults
		r := c.get("/sim/truth")
		lines := bufio.NewScanner(bytes.NewReader(r.body))
		want := tenant.Presences()
		n := 0
		for ; lines.Scan(); n++ {
			var row struct {
				ID, Availability, Activity, SequenceNumber string
				ChangedAt                                  time.Time
			}
			if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
				t.Fatal(err)
			}
			w := want[n]
			if row.ID != w.ID || row.Availability != w.Availability || row.Activity != w.Activity || row.SequenceNumber != w.SequenceNumber ||
				row.ChangedAt.Sub(w.ChangedAt).Abs() > time.Microsecond {
				t.Errorf("line %d is %+v, want %+v", n, row, w)
			}
		}
		if n != 300 {
			t.Errorf("%d lines", n)
		}
		if got := tenant.Stats().Reads; got != 0 {
			t.Errorf("looking at the truth counts as %d reads", got)
		}
		o := c.ok("GET", "/sim/changes?after=0&top=100", "")
		if len(o["changes"].([]any)) != 100 || o["last"] != 100.0 || o["lost"] != 0.0 {
			t.Errorf("changes: %d, last %v, lost %v", len(o["changes"].([]any)), o["last"], o["lost"])
		}
		o = c.ok("GET", "/sim/changes?after=100", "")
		if got := int64(len(o["changes"].([]any))); got != tenant.Stats().Changes-100 {
			t.Errorf("%d changes after the first 100 of %d", got, tenant.Stats().Changes)
		}
		if r := c.get("/sim/changes?after=x"); r.status != 400 {
			t.Errorf("after=x: %d", r.status)
		}
	})
}

func TestReset(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 20, Seed: 1})
	first := tenant.People()
	numbers := tenant.Presences()
	c.faults(`{"status":503}`)
	c.get("/v1.0/me/presence")
	c.ok("PUT", "/sim/users/"+first[0].ID+"/presence", `{"availability":"Busy"}`)
	o := c.ok("POST", "/sim/reset", `{"sequences":true}`)
	if o["reads"] != 0.0 || o["changes"] != 0.0 || tenant.Faults() != (graphsim.Faults{}) {
		t.Errorf("after reset: %v, faults %+v", o, tenant.Faults())
	}
	if now := tenant.Presences(); now[5].SequenceNumber >= numbers[5].SequenceNumber {
		t.Errorf("number went from %s to %s", numbers[5].SequenceNumber, now[5].SequenceNumber)
	}
	c.ok("POST", "/sim/reset", `{"seed":2}`)
	if tenant.People()[0].ID == first[0].ID {
		t.Error("another seed, the same people")
	}
	c.ok("POST", "/sim/reset", `{"seed":1}`)
	if got := tenant.People(); got[0] != first[0] || tenant.Presences()[5].SequenceNumber != numbers[5].SequenceNumber {
		t.Error("the first seed again, but not its people and numbers")
	}
	if r := c.do("POST", "/sim/reset", `{"sed":1}`); r.status != 400 || !strings.Contains(string(r.body), "sed") {
		t.Errorf("an unknown member: %d %s", r.status, r.body)
	}
	if r := c.get("/sim/nothing"); r.status != 404 {
		t.Errorf("unknown path: %d", r.status)
	}
	if r := c.do("POST", "/sim/reset", "", "Sec-Fetch-Site", "cross-site"); r.status != http.StatusForbidden {
		t.Errorf("from another site's page: %d", r.status)
	}
}

// Everything at once; the race detector judges.
func TestConcurrentUse(t *testing.T) {
	tenant := graphsim.New(graphsim.Options{Users: 300, ChangesPerSecond: 1000})
	c := client{t, tenant.Handler()}
	all := ids(tenant)
	var life, work sync.WaitGroup
	ctx := t.Context()
	stop := make(chan struct{})
	life.Go(func() { runUntil(ctx, stop, tenant) })
	for range 4 {
		work.Go(func() {
			for i := range 20 {
				c.do("POST", batchPath, idsBody(all...))
				c.get("/v1.0/users/" + all[i] + "/presence")
				c.get("/v1.0/groups/" + tenant.Groups()[0].ID + "/transitiveMembers?$top=5")
				c.do("PUT", "/sim/users/"+all[i]+"/presence", `{"availability":"Busy"}`)
				c.faults([]string{`{"lag":500,"split":0.5}`, `{"status":{"status":503,"share":0.1}}`, `{"restamp":1000,"shuffle":true}`, `{}`}[i%4])
				c.get("/sim/truth")
				c.get("/sim/stats")
				c.get("/sim/changes?after=5&top=200")
				if i%10 == 9 {
					c.do("POST", "/sim/reset", `{"sequences":true}`)
				}
			}
		})
	}
	work.Wait()
	c.do("POST", "/sim/reset", `{"seed":4}`)
	close(stop)
	life.Wait()
}
