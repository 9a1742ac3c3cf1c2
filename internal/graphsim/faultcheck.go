package graphsim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// maxLag is how far back a replica may be: older states are forgotten.
const maxLag = time.Minute

// settle fills in what a switch leaves open and refuses impossible values.
func (f *Faults) settle() error {
	c := &checks{}
	for name, w := range f.whens() {
		c.share(name, w.Share)
		c.kinds(name, w.Kinds)
		c.must(w.Count >= 0 && w.Seconds >= 0, name, "count and seconds are not negative")
	}
	for name, r := range map[string]*Rows{"split": f.Split, "missing": f.Missing, "unknown": f.Unknown} {
		if r == nil {
			continue
		}
		c.share(name, r.Share)
		c.kinds(name, r.Kinds)
		r.listed = c.ids(name, r.IDs)
		if len(r.IDs) == 0 && r.Share == 0 {
			r.Share = 1
		}
	}
	if p := f.Poison; p != nil {
		p.listed = c.ids("poison", p.IDs)
		fill(&p.Status, 400)
		c.must(p.Status == 400 || p.Status == 404, "poison", "status is 400 or 404")
	}
	f.settleAnswers(c)
	f.settleNumbers(c)
	return c.err
}

func (f *Faults) settleAnswers(c *checks) {
	if l := f.Latency; l != nil {
		c.must(l.MS >= 0 && l.JitterMS >= 0, "latency", "ms and jitterMs are not negative")
	}
	if s := f.Status; s != nil {
		fill(&s.Status, 503)
		c.must(s.Status >= 400 && s.Status < 600 && s.RetryAfter >= 0, "status", "status is 400 to 599, retryAfter not negative")
	}
	if h := f.HTML; h != nil {
		fill(&h.Status, 503)
		c.must(h.Status >= 200 && h.Status < 600, "html", "status is 200 to 599")
	}
	if r := f.RetryAfter; r != nil {
		fill(&r.Form, "seconds")
		c.oneOf("retryAfter", "form", r.Form, "seconds", "date", "absent")
		c.must(r.Seconds >= 0, "retryAfter", "seconds is not negative")
	}
	if l := f.Limit; l != nil {
		c.must(l.Requests > 0, "limit", "requests is above 0")
	}
	if n := f.Count; n != nil {
		fill(&n.By, countIDs)
		c.oneOf("count", "by", n.By, countRequests, countIDs)
	}
	if m := f.Malformed; m != nil {
		fill(&m.Form, "truncated")
		c.oneOf("malformed", "form", m.Form, "truncated", "garbage", "empty", "null", "types", "utf8")
	}
	if o := f.Oversize; o != nil {
		fill(&o.Bytes, 64<<20)
		c.must(o.Bytes > 0, "oversize", "bytes is above 0")
	}
	if cut := f.Cut; cut != nil {
		c.must(cut.After >= 0, "cut", "after is not negative")
	}
	if e := f.InnerError; e != nil {
		fill(&e.Spelling, "innererror")
		c.oneOf("innerError", "spelling", e.Spelling, "innerError", "innererror")
	}
}

func (f *Faults) settleNumbers(c *checks) {
	if l := f.Lag; l != nil {
		fill(&l.MS, 3000)
		c.must(l.MS > 0 && time.Duration(l.MS)*time.Millisecond <= maxLag, "lag", "ms is 1 to 60000")
	}
	if r := f.Foreign; r != nil {
		fill(&r.Rows, 1)
		c.must(r.Rows > 0 && r.Rows <= 10000, "foreign", "rows is 1 to 10000")
	}
	if o := f.Omit; o != nil {
		for _, name := range o.Properties {
			_, known := propertyNames[name]
			c.must(known, "omit", fmt.Sprintf("no property is called %q", name))
		}
	}
	if i := f.IDs; i != nil {
		c.oneOf("ids", "malformed", i.Malformed, "", "400", "omit", "unknown")
		c.oneOf("ids", "duplicate", i.Duplicate, "", "once", "repeat", "400")
		c.oneOf("ids", "unknown", i.Unknown, "", "omit", "unknown", "404")
		c.oneOf("ids", "empty", i.Empty, "", "400", "ok")
	}
	if z := f.FrozenNumber; z != nil {
		c.share("frozenNumber", z.Share)
	}
	if r := f.Restamp; r != nil {
		fill(&r.PerSecond, 1)
		c.must(r.PerSecond > 0 && r.PerSecond <= 1e6, "restamp", "perSecond is above 0")
	}
}

func fill[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// checks keeps the first thing found wrong.
type checks struct{ err error }

func (c *checks) must(ok bool, name, rule string) {
	if !ok && c.err == nil {
		c.err = fmt.Errorf("faults: %s: %s", name, rule)
	}
}

func (c *checks) share(name string, s float64) {
	c.must(s >= 0 && s <= 1, name, "share is 0 to 1")
}

func (c *checks) oneOf(name, member, got string, want ...string) {
	c.must(slices.Contains(want, got), name, fmt.Sprintf("%s is %q, want one of %q", member, got, want))
}

func (c *checks) kinds(name string, kinds []string) {
	for _, k := range kinds {
		_, known := kindNamed(k)
		c.must(known, name, fmt.Sprintf("kinds has %q, want any of %s", k, strings.Join(kindNames[:], ", ")))
	}
}

func (c *checks) ids(name string, ids []string) map[guid]bool {
	listed := make(map[guid]bool, len(ids))
	for _, s := range ids {
		id, err := parseGUID(s)
		c.must(err == nil, name, fmt.Sprintf("ids has %q, which is not a GUID", s))
		listed[id] = true
	}
	return listed
}
