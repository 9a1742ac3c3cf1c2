package graphsim_test

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

func TestEveryKindSpendsTheSameBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 3, Budget: 7})
		id := ids(tenant)[0]
		read := []func() int{
			func() int { return c.get("/v1.0/me/presence").status },
			func() int { return c.get("/v1.0/users/" + id + "/presence").status },
			func() int { return c.get("/v1.0/communications/presences/" + id).status },
			func() int { return c.do("POST", batchPath, idsBody(id)).status },
			func() int { return c.do("POST", batchPath, "no json").status }, // counts although it is of no use
			func() int { return c.get("/v1.0/me/presence", "Authorization", "").status },
			func() int { return c.do("POST", batchPath, "\x1f\x8b", "Content-Encoding", "gzip").status },
		}
		for i, want := range []int{200, 200, 200, 200, 400, 401, 400} {
			if got := read[i](); got != want {
				t.Errorf("read %d: %d, want %d", i, got, want)
			}
		}
		time.Sleep(10 * time.Second)
		for i := range 4 {
			r := c.get("/v1.0/me/presence")
			if r.status != 429 || r.header.Get("Retry-After") != "20" {
				t.Errorf("read %d over the limit: %d, Retry-After %q, want 429 and 20", i, r.status, r.header.Get("Retry-After"))
			}
		}
		c.get("/v1.0/users")
		s := tenant.Stats()
		if s.Reads != 11 || s.Refused != 4 || s.Peak != 11 || s.InWindow != 11 || s.Limit != 7 || s.WindowSeconds != 30 {
			t.Errorf("got %+v", s)
		}
		if s.ByKind["me"] != 6 || s.ByKind["batch"] != 3 || s.ByKind["users"] != 1 || s.ByKind["communications"] != 1 || s.RefusedByKind["me"] != 4 {
			t.Errorf("by kind: %v, refused %v", s.ByKind, s.RefusedByKind)
		}
		if s.DuringRetryAfter != 3 || s.DuringRetryAfterLate != 0 {
			t.Errorf("during the pause: %d, late %d, want 3 and 0", s.DuringRetryAfter, s.DuringRetryAfterLate)
		}
		time.Sleep(2 * time.Second)
		c.get("/v1.0/me/presence")
		if s := tenant.Stats(); s.DuringRetryAfterLate != 1 {
			t.Errorf("late reads: %d, want 1", s.DuringRetryAfterLate)
		}
		// The refused reads of 20 s ago still stand in the window.
		time.Sleep(18 * time.Second)
		if r := c.get("/v1.0/me/presence"); r.status != 200 {
			t.Errorf("after the pause: %d %s", r.status, r.body)
		}
		c.ok("POST", "/sim/reset", "")
		if s := tenant.Stats(); s.Reads != 0 || s.Peak != 0 || s.Refused != 0 || s.InWindow != 0 || s.DuringRetryAfter != 0 {
			t.Errorf("after reset: %+v", s)
		}
	})
}

func TestRetryAfterForms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 1, Budget: 1})
		time.Sleep(300 * time.Millisecond)
		c.get("/v1.0/me/presence")
		c.faults(`{"retryAfter":"date"}`)
		at, err := time.Parse(time.RFC1123, c.get("/v1.0/me/presence").header.Get("Retry-After"))
		if err != nil || time.Until(at) < 30*time.Second || time.Until(at) > 32*time.Second {
			t.Errorf("date is %v (%v), %v ahead", at, err, time.Until(at))
		}
		c.faults(`{"retryAfter":"absent"}`)
		if got, there := c.get("/v1.0/me/presence").header["Retry-After"]; there {
			t.Errorf("Retry-After is %q, want none", got)
		}
		c.faults(`{"retryAfter":{"seconds":3}}`)
		if got := c.get("/v1.0/me/presence").header.Get("Retry-After"); got != "3" {
			t.Errorf("Retry-After is %q, want 3", got)
		}
		c.faults(`{"limit":100}`)
		for i := range 90 {
			if r := c.get("/v1.0/me/presence"); r.status != 200 {
				t.Fatalf("read %d under a raised limit: %d", i, r.status)
			}
		}
		if got := tenant.Stats().Limit; got != 100 {
			t.Errorf("limit is %d", got)
		}
	})
}

func TestReadsRepeatedBeforeTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 9})
		all := ids(tenant)
		c.faults(`{"status":{"status":503,"retryAfter":5,"count":1}}`)
		if r := c.do("POST", batchPath, idsBody(all[0], all[1], all[2])); r.status != 503 || r.header.Get("Retry-After") != strconv.Itoa(5) {
			t.Fatalf("got %d %v", r.status, r.header)
		}
		c.batch(all[3], all[4]) // others may be read
		if n := tenant.Stats().RepeatedEarly; n != 0 {
			t.Errorf("other ids count as repeated: %d", n)
		}
		c.batch(all[2], all[0], all[1]) // the same ones, in whatever order
		if n := tenant.Stats().RepeatedEarly; n != 1 {
			t.Errorf("repeated early: %d, want 1", n)
		}
		time.Sleep(5 * time.Second)
		c.batch(all[2], all[0], all[1])
		if s := tenant.Stats(); s.RepeatedEarly != 1 || s.DuringRetryAfter != 0 {
			t.Errorf("got %+v", s)
		}
	})
}

// A batch can be counted as one request or as the ids in it, chosen at the start or while it runs; both are measured
// whichever counts.
func TestBatchCountsAsOneOrAsItsIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tenant, c := newClient(t, graphsim.Options{Users: 9, Budget: 10, CountIDs: true})
		all := ids(tenant)
		read := func(n int) reply { return c.do("POST", batchPath, idsBody(all[:n]...)) }
		if r := read(9); r.status != 200 {
			t.Fatalf("9 of 10 ids: %d", r.status)
		}
		time.Sleep(10 * time.Second)
		if r := c.get("/v1.0/users/" + all[0] + "/presence"); r.status != 200 {
			t.Fatalf("the tenth: %d", r.status)
		}
		// The 2 would fit when the 9 of 10 s ago are out of the window.
		if r := read(2); r.status != 429 || r.header.Get("Retry-After") != "20" {
			t.Errorf("12 of 10 ids: %d, Retry-After %q, want 429 and 20", r.status, r.header.Get("Retry-After"))
		}
		s := tenant.Stats()
		if s.Reads != 3 || s.Peak != 3 || s.InWindow != 3 || s.IDs != 12 || s.PeakIDs != 12 || s.IDsInWindow != 12 || s.Refused != 1 || s.Counted != "ids" {
			t.Errorf("got %+v", s)
		}
		c.faults(`{"count":"requests"}`)
		for range 7 {
			if r := read(9); r.status != 200 {
				t.Errorf("by requests: %d", r.status)
			}
		}
		if r := read(1); r.status != 429 {
			t.Errorf("the eleventh request: %d", r.status)
		}
		if s := tenant.Stats(); s.Counted != "requests" || s.Peak != 11 || s.PeakIDs != 12+7*9+1 {
			t.Errorf("got %+v", s)
		}
		c.ok("POST", "/sim/reset", "")
		if s := tenant.Stats(); s.Counted != "ids" || s.IDs != 0 || s.PeakIDs != 0 || s.IDsInWindow != 0 {
			t.Errorf("after a reset: %+v", s)
		}
		// More than a window holds never fits: the pause is for an empty one. What is no list of ids counts as one.
		c.faults(`{"count":true,"limit":4}`)
		if r := read(5); r.status != 429 || r.header.Get("Retry-After") != "30" {
			t.Errorf("5 of 4 ids: %d, Retry-After %q, want 429 and 30", r.status, r.header.Get("Retry-After"))
		}
		time.Sleep(30 * time.Second)
		for _, body := range []string{"no json", `{"ids":[]}`, `{}`, `{"ids":["x"]}`} {
			if r := c.do("POST", batchPath, body); r.status != 400 {
				t.Errorf("%s: %d", body, r.status)
			}
		}
		if s := tenant.Stats(); s.IDsInWindow != 4 {
			t.Errorf("got %+v", s)
		}
	})
}

// Each part of a $batch counts for itself, by its own ids.
func TestPartsCountTheirIDs(t *testing.T) {
	tenant, c := newClient(t, graphsim.Options{Users: 9, CountIDs: true})
	all := ids(tenant)
	c.ok("POST", "/v1.0/$batch", `{"requests":[
		{"id":"1","method":"GET","url":"/users/`+all[0]+`/presence"},
		{"id":"2","method":"POST","url":"/communications/getPresencesByUserId","headers":{"Content-Type":"application/json"},"body":`+idsBody(all[:6]...)+`}]}`)
	if s := tenant.Stats(); s.Reads != 2 || s.IDs != 7 {
		t.Errorf("got %+v", s)
	}
}
