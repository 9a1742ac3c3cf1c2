package graphsim_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// overNetwork serves a tenant on loopback, for faults of the connection.
func overNetwork(t *testing.T, o graphsim.Options) (*graphsim.Tenant, client, func(path string) (*http.Response, error)) {
	tenant, c := newClient(t, o)
	server := httptest.NewServer(tenant.Handler())
	t.Cleanup(server.Close)
	return tenant, c, func(path string) (*http.Response, error) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer token")
		return server.Client().Do(r)
	}
}

func readAll(t *testing.T, resp *http.Response, err error) ([]byte, error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func TestConnectionFaults(t *testing.T) {
	tenant, c, get := overNetwork(t, graphsim.Options{Users: 5})
	path := "/v1.0/users/" + ids(tenant)[0] + "/presence"

	c.faults(`{"cut":true}`)
	resp, err := get(path)
	if body, err := readAll(t, resp, err); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) == 0 || resp.StatusCode != 200 {
		t.Errorf("cut: %d, %d bytes, %v", resp.StatusCode, len(body), err)
	}
	c.faults(`{"cut":{"after":7}}`)
	resp, err = get(path)
	if body, err := readAll(t, resp, err); !errors.Is(err, io.ErrUnexpectedEOF) || len(body) != 7 {
		t.Errorf("cut after 7: %d bytes, %v", len(body), err)
	}

	c.faults(`{"reset":true}`)
	var op *net.OpError
	if _, err := get(path); !errors.As(err, &op) || !errors.Is(err, syscall.ECONNRESET) && !errors.Is(err, io.EOF) {
		t.Errorf("reset: %v", err)
	}

	c.faults(`{"oversize":3000000}`)
	resp, err = get(path)
	body, err := readAll(t, resp, err)
	if err != nil || len(body) < 3000000 || !json.Valid(body) {
		t.Errorf("oversize: %d bytes, %v, valid %v", len(body), err, json.Valid(body))
	}

	c.faults(`{"gzip":true}`)
	resp, err = get(path) // net/http asks for gzip and undoes it
	if body, err := readAll(t, resp, err); err != nil || !json.Valid(body) || !resp.Uncompressed {
		t.Errorf("gzip: %v, uncompressed %v, %s", err, resp.Uncompressed, body)
	}

	c.faults(`{"status":{"status":503,"count":2}}`)
	for i, want := range []int{503, 503, 200} {
		resp, err := get(path)
		if _, err := readAll(t, resp, err); err != nil || resp.StatusCode != want {
			t.Errorf("read %d: %d, %v, want %d", i, resp.StatusCode, err, want)
		}
	}
	if f := tenant.Faults(); f.Status != nil {
		t.Errorf("a spent switch is still on: %+v", f.Status)
	}
}

func TestMalformedBodies(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 5})
	for _, form := range []string{"truncated", "garbage", "empty"} {
		c.faults(`{"malformed":"` + form + `"}`)
		if r := c.get("/v1.0/me/presence"); r.status != 200 || json.Valid(r.body) {
			t.Errorf("%s: %d %s", form, r.status, r.body)
		}
	}
	c.faults(`{"malformed":"null"}`)
	if r := c.get("/v1.0/me/presence"); string(r.body) != "null" {
		t.Errorf("null: %s", r.body)
	}
	c.faults(`{"malformed":"utf8"}`)
	if r := c.get("/v1.0/me/presence"); utf8.Valid(r.body) {
		t.Errorf("utf8: %s", r.body)
	}
	c.faults(`{"malformed":"types"}`)
	if r := c.get("/v1.0/me/presence"); !json.Valid(r.body) || !strings.Contains(string(r.body), `"id":17`) {
		t.Errorf("types: %s", r.body)
	}
	c.faults(`{"html":502}`)
	if r := c.get("/v1.0/me/presence"); r.status != 502 || !strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
		t.Errorf("html: %d %v", r.status, r.header)
	}
	c.faults(`{"wrongEntity":true}`)
	if o := c.ok("GET", "/v1.0/me/presence", ""); o["availability"] != nil || o["displayName"] == nil {
		t.Errorf("wrong entity: %v", o)
	}
	_ = tenant
}

func TestLatency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := newClient(t, graphsim.Options{Users: 5})
		c.faults(`{"latency":60}`)
		began := time.Now()
		c.get("/v1.0/me/presence")
		if took := time.Since(began); took != 60*time.Millisecond {
			t.Errorf("took %v", took)
		}
		c.faults(`{"latency":{"ms":60,"jitterMs":40,"kinds":["batch"]}}`)
		began = time.Now()
		c.get("/v1.0/me/presence")
		if took := time.Since(began); took != 0 {
			t.Errorf("another kind took %v", took)
		}
		c.batch(strings.Repeat("0", 8) + "-0000-0000-0000-000000000000")
		if took := time.Since(began); took < 60*time.Millisecond || took > 100*time.Millisecond {
			t.Errorf("with jitter took %v", took)
		}
		c.faults(`{"latency":{"ms":60,"seconds":10}}`)
		time.Sleep(10 * time.Second)
		began = time.Now()
		c.get("/v1.0/me/presence")
		if took := time.Since(began); took != 0 {
			t.Errorf("a switch whose time is over delayed by %v", took)
		}
	})
}

func TestRefusals(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 5})
	for _, row := range []struct {
		faults, code string
		status       int
		header, want string
	}{
		{`{"status":500}`, "InternalServerError", 500, "Retry-After", ""},
		{`{"status":503}`, "ServiceUnavailable", 503, "Retry-After", ""},
		{`{"status":{"status":503,"retryAfter":4}}`, "ServiceUnavailable", 503, "Retry-After", "4"},
		{`{"status":504}`, "GatewayTimeout", 504, "Retry-After", ""},
		{`{"status":429}`, "TooManyRequests", 429, "Retry-After", "10"},
		{`{"status":429,"retryAfter":"absent"}`, "TooManyRequests", 429, "Retry-After", ""},
		{`{"unauthorized":true}`, "InvalidAuthenticationToken", 401, "WWW-Authenticate", "authorization_uri"},
		{`{"unauthorized":{"claims":true}}`, "InvalidAuthenticationToken", 401, "WWW-Authenticate", `error="insufficient_claims", claims="eyJ`},
		{`{"forbidden":true}`, "Forbidden", 403, "WWW-Authenticate", ""},
	} {
		c.faults(row.faults)
		r := c.get("/v1.0/me/presence")
		got := r.header.Get(row.header)
		if r.status != row.status || r.code(t) != row.code || !strings.Contains(got, row.want) || row.want == "" && got != "" {
			t.Errorf("%s: %d %s, %s %q", row.faults, r.status, r.body, row.header, got)
		}
		if r := c.get("/v1.0/users"); r.status != 200 {
			t.Errorf("%s: directory calls are struck too: %d", row.faults, r.status)
		}
	}
	c.faults(`{"status":{"status":503,"kinds":["directory"]}}`)
	if a, b := c.get("/v1.0/users").status, c.get("/v1.0/me/presence").status; a != 503 || b != 200 {
		t.Errorf("aimed at directory: %d there, %d on presence", a, b)
	}
	c.faults(`{"status":500,"innerError":true}`)
	if r := c.get("/v1.0/me/presence"); !strings.Contains(string(r.body), `"innererror":{`) {
		t.Errorf("innererror: %s", r.body)
	}
	c.faults(`{"status":{"status":503,"share":0.3}}`)
	refused := 0
	for range 500 {
		if c.get("/v1.0/me/presence").status == 503 {
			refused++
		}
	}
	if refused < 100 || refused > 200 {
		t.Errorf("%d of 500 refused at a share of 0.3", refused)
	}
	if s := tenant.Stats(); s.Refused != 0 {
		t.Errorf("ordered refusals count as over the limit: %d", s.Refused)
	}
}

func TestRowFaults(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 650})
	all := ids(tenant)
	known := map[string]bool{}
	for _, id := range all {
		known[id] = true
	}

	c.faults(`{"missing":{"ids":["` + strings.ToUpper(all[3]) + `"]}}`)
	rows := c.batch(all...)
	for _, row := range rows {
		if row["id"] == all[3] {
			t.Error("a missing row is there")
		}
	}
	if len(rows) != 649 {
		t.Errorf("missing: %d rows", len(rows))
	}
	if r := c.get("/v1.0/users/" + all[3] + "/presence"); r.status != 404 {
		t.Errorf("missing alone: %d", r.status)
	}
	c.faults(`{"missing":0.2}`)
	if n := len(c.batch(all...)); n < 450 || n > 590 {
		t.Errorf("missing share: %d rows", n)
	}
	c.faults(`{"unknown":{"ids":["` + all[4] + `"]}}`)
	for _, row := range c.batch(all...) {
		if row["id"] == all[4] && (row["availability"] != "PresenceUnknown" || row["activity"] != "PresenceUnknown" || row["statusMessage"] != nil) {
			t.Errorf("unknown: %v", row)
		}
	}
	c.faults(`{"shuffle":true}`)
	same := 0
	for i, row := range c.batch(all...) {
		if row["id"] == all[i] {
			same++
		}
	}
	if same > 50 {
		t.Errorf("shuffled: %d rows in place", same)
	}
	c.faults(`{"foreign":4}`)
	strangers := 0
	rows = c.batch(all[:10]...)
	for _, row := range rows {
		if !known[row["id"].(string)] {
			strangers++
		}
	}
	if len(rows) != 14 || strangers != 2 {
		t.Errorf("foreign: %d rows, %d strangers", len(rows), strangers)
	}
	c.faults(`{"extra":true}`)
	if row := c.batch(all[0])[0]; row["mood"] == nil || row["deviceSessions"] == nil || row["@odata.type"] == nil {
		t.Errorf("extra: %v", row)
	}
	c.faults(`{"lowerCamel":true}`)
	for _, row := range c.batch(all...) {
		if a := row["availability"].(string); a[0] < 'a' {
			t.Fatalf("lowerCamel: %v", row)
		}
	}
	for faults, absent := range map[string][]string{
		`{"noSequence":true}`:                      {"sequenceNumber"},
		`{"government":true}`:                      {"sequenceNumber", "outOfOfficeSettings", "workLocation"},
		`{"omit":["statusMessage","activity"]}`:    {"statusMessage", "activity"},
		`{"noContext":true}`:                       {"@odata.context"},
		`{"omit":{"properties":["availability"]}}`: {"availability"},
	} {
		c.faults(faults)
		row := c.ok("GET", "/v1.0/users/"+all[0]+"/presence", "")
		for _, name := range []string{"sequenceNumber", "outOfOfficeSettings", "workLocation", "statusMessage", "activity", "availability", "@odata.context"} {
			_, there := row[name]
			if want := !strings.Contains(strings.Join(absent, " "), name); there != want {
				t.Errorf("%s: %s there is %v", faults, name, there)
			}
		}
	}
}

func TestPoison(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 5})
	all := ids(tenant)
	for faults, want := range map[string]int{
		`{"poison":["` + all[2] + `"]}`:                      400,
		`{"poison":{"ids":["` + all[2] + `"],"status":404}}`: 404,
	} {
		c.faults(faults)
		if got := c.do("POST", batchPath, idsBody(all...)).status; got != want {
			t.Errorf("%s: batch %d", faults, got)
		}
		if got := c.get("/v1.0/users/" + all[2] + "/presence").status; got != want {
			t.Errorf("%s: alone %d", faults, got)
		}
		if rows := c.batch(all[0], all[1], all[3], all[4]); len(rows) != 4 {
			t.Errorf("%s: the others are %d", faults, len(rows))
		}
	}
}

func TestReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 5})
		id := ids(tenant)[0]
		set := func(availability string) graphsim.Presence {
			time.Sleep(2 * time.Second)
			if err := tenant.SetPresence(id, graphsim.State{Availability: availability, Activity: availability}); err != nil {
				t.Fatal(err)
			}
			p, _ := tenant.Presence(id)
			return p
		}
		first, second, third := set("Available"), set("Busy"), set("Away")
		for ms, want := range map[string]graphsim.Presence{"1000": second, "3000": first, "100": second} {
			c.faults(`{"lag":` + ms + `}`)
			row := c.batch(id)[0]
			if row["availability"] != want.Availability || row["sequenceNumber"] != want.SequenceNumber {
				t.Errorf("lag %s ms: %v %v, want %s %s", ms, row["availability"], row["sequenceNumber"], want.Availability, want.SequenceNumber)
			}
		}
		if !(first.SequenceNumber < second.SequenceNumber && second.SequenceNumber < third.SequenceNumber) {
			t.Errorf("numbers do not rise: %s %s %s", first.SequenceNumber, second.SequenceNumber, third.SequenceNumber)
		}
		c.faults(`{"split":true}`)
		if row := c.batch(id)[0]; row["availability"] != "Busy" || row["sequenceNumber"] != third.SequenceNumber {
			t.Errorf("split: %v", row)
		}
		c.faults(`{}`)
		if row := c.batch(id)[0]; row["availability"] != "Away" {
			t.Errorf("healthy: %v", row)
		}
		// What no replica can be behind enough to answer is forgotten.
		time.Sleep(2 * time.Minute)
		set("Offline")
		set("Available")
		c.faults(`{"lag":60000}`)
		if row := c.batch(id)[0]; row["availability"] != "Away" {
			t.Errorf("a minute ago: %v", row)
		}
	})
}

func TestSequenceFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 50, ChangesPerSecond: 20})
		before := tenant.Presences()
		c.faults(`{"sequenceReset":true}`)
		after := tenant.Presences()
		for i := range after {
			if after[i].SequenceNumber >= before[i].SequenceNumber || after[i].State != before[i].State || len(after[i].SequenceNumber) != len(before[i].SequenceNumber) {
				t.Errorf("reset from %s to %s", before[i].SequenceNumber, after[i].SequenceNumber)
			}
		}
		c.faults(`{"sequenceReset":true,"latency":1}`)
		if again := tenant.Presences(); again[0].SequenceNumber != after[0].SequenceNumber {
			t.Error("a reset that stays switched on happens again")
		}
		resets := 0
		for ; tenant.ResetSequences() == nil; resets++ {
		}
		if resets < 20 || resets > 30 {
			t.Errorf("%d resets", resets)
		}
		if r := c.do("POST", "/sim/reset", `{"sequences":true}`); r.status != 409 {
			t.Errorf("a reset too many: %d", r.status)
		}

		c.faults(`{"frozenNumber":true}`)
		before = tenant.Presences()
		live(t, tenant, 20*time.Second)
		changed := 0
		for i, p := range tenant.Presences() {
			if p.State != before[i].State {
				changed++
			}
			if p.SequenceNumber != before[i].SequenceNumber {
				t.Errorf("a frozen number went from %s to %s", before[i].SequenceNumber, p.SequenceNumber)
			}
		}
		if changed == 0 {
			t.Error("nothing changed")
		}
	})
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 5, Speed: 1e-9})
		before := tenant.Presences()
		c.faults(`{"restamp":10}`)
		live(t, tenant, 30*time.Second)
		for i, p := range tenant.Presences() {
			if p.SequenceNumber <= before[i].SequenceNumber || p.State != before[i].State {
				t.Errorf("from %+v to %+v", before[i], p)
			}
		}
		if n := tenant.Stats().Changes; n < 290 || n > 310 {
			t.Errorf("%d numbers rose in 30 s at 10/s", n)
		}
	})
}

func TestIDPolicies(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 5})
	id := ids(tenant)[0]
	const nobody = "00000000-0000-4000-8000-000000000000"
	for _, row := range []struct {
		policy string
		ask    []string
		status int
		rows   int
	}{
		{`{}`, []string{id, nobody}, 200, 1},
		{`{"ids":{"unknown":"unknown"}}`, []string{id, nobody}, 200, 2},
		{`{"ids":{"unknown":"404"}}`, []string{id, nobody}, 404, 0},
		{`{}`, []string{id, "moon"}, 400, 0},
		{`{"ids":{"malformed":"omit"}}`, []string{id, "moon"}, 200, 1},
		{`{"ids":{"malformed":"unknown"}}`, []string{id, "moon\""}, 200, 2},
		{`{}`, []string{id, strings.ToUpper(id)}, 200, 1},
		{`{"ids":{"duplicate":"repeat"}}`, []string{id, id}, 200, 2},
		{`{"ids":{"duplicate":"400"}}`, []string{id, id}, 400, 0},
		{`{}`, []string{}, 400, 0},
		{`{"ids":{"empty":"ok"}}`, []string{}, 200, 0},
	} {
		c.faults(row.policy)
		r := c.do("POST", batchPath, idsBody(row.ask...))
		if r.status != row.status {
			t.Errorf("%s %v: %d %s", row.policy, row.ask, r.status, r.body)
		} else if r.status == 200 {
			if got := len(values(t, r.object(t))); got != row.rows {
				t.Errorf("%s %v: %d rows", row.policy, row.ask, got)
			}
		}
	}
	c.faults(`{}`)
	if r := c.get("/v1.0/users/" + nobody + "/presence"); r.status != 404 {
		t.Errorf("unknown alone: %d", r.status)
	}
	if r := c.get("/v1.0/users/anna.berg@contoso.example/presence"); r.status != 400 {
		t.Errorf("a principal name instead of an id: %d", r.status)
	}
	c.faults(`{"ids":{"unknown":"unknown","malformed":"unknown"}}`)
	for _, who := range []string{nobody, "moon"} {
		if o := c.ok("GET", "/v1.0/communications/presences/"+who, ""); o["availability"] != "PresenceUnknown" || o["id"] != who {
			t.Errorf("unknown row alone: %v", o)
		}
	}
}

func TestSixHundredFifty(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 651})
	all := ids(tenant)
	if rows := c.batch(all[:650]...); len(rows) != 650 {
		t.Errorf("%d rows of 650", len(rows))
	}
	r := c.do("POST", batchPath, idsBody(all...))
	if r.status != 400 || r.object(t)["error"].(map[string]any)["message"] != "" {
		t.Errorf("651 ids: %d %s", r.status, r.body)
	}
}

func TestGzippedRequests(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 3})
	body := idsBody(ids(tenant)...)
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	_, _ = w.Write([]byte(body))
	_ = w.Close()
	for name, sent := range map[string]string{"gzip": z.String(), "a plain body that is called gzip": body} {
		if r := c.do("POST", batchPath, sent, "Content-Encoding", "gzip"); r.status != 200 || len(values(t, r.object(t))) != 3 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := c.do("POST", batchPath, body, "Content-Encoding", "br"); r.status != 415 {
		t.Errorf("an unknown encoding: %d", r.status)
	}
	z.Reset()
	w = gzip.NewWriter(&z)
	_, _ = w.Write(make([]byte, 8<<20))
	_ = w.Close()
	if r := c.do("POST", batchPath, z.String(), "Content-Encoding", "gzip"); r.status != 413 {
		t.Errorf("a body that grows: %d", r.status)
	}
}
