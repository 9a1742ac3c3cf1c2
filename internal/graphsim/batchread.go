package graphsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// idsOf reads the body of getPresencesByUserId, once. A null among the ids
// becomes an empty, malformed one.
func (c *call) idsOf() (ids []string, ok bool) {
	if !c.parsed {
		var body struct {
			IDs []string `json:"ids"`
		}
		c.parsed = true
		if json.Unmarshal(c.body, &body) == nil {
			c.ids = body.IDs
		}
	}
	return c.ids, c.ids != nil
}

// asksFor is how many ids a presence read names.
func (c *call) asksFor() int {
	if c.kind != kindBatch {
		return 1
	}
	ids, _ := c.idsOf()
	return len(ids)
}

// fingerprint tells which ids a read asks for, whatever their order.
func (c *call) fingerprint() (sum uint64) {
	var ids []string
	switch c.kind {
	case kindBatch:
		ids, _ = c.idsOf()
	case kindUsers:
		ids = c.path[1:2]
	case kindCommunications:
		ids = c.path[2:3]
	}
	for _, id := range ids {
		if g, err := parseGUID(id); err == nil {
			sum += g.sum()
		}
	}
	return sum + uint64(len(ids))
}

// presences is POST /communications/getPresencesByUserId.
func (c *call) presences() *answer {
	if media, _, _ := strings.Cut(c.header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		return c.fail(http.StatusUnsupportedMediaType, "RequestBodyRead", "A media type must be given: application/json.")
	}
	ids, ok := c.idsOf()
	switch {
	case !ok:
		return c.badRequest("Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format.")
	case len(ids) > maxIDs:
		return c.badRequest("") // as reported: no detail at all
	case len(ids) == 0 && c.fate.ids.Empty != "ok":
		return c.badRequest("ids must not be empty.")
	}
	if refused := c.poisoned(ids...); refused != nil {
		return refused
	}
	if c.fate.wrongEntity {
		return c.wrongEntity("")
	}
	rows, refused := c.rows(ids)
	if refused != nil {
		return refused
	}
	return found(c.collection(rows))
}

// rows makes the row of each id, in the order asked or shuffled.
func (c *call) rows(ids []string) (rows [][]byte, refused *answer) {
	g := c.reading()
	g.shape.odataType = !c.fate.noContext && c.fate.shape.extra
	policy := c.fate.ids
	seen := make(map[guid]bool, len(ids))
	room := make([]byte, 0, len(ids)*420)
	rows = make([][]byte, 0, len(ids)+c.fate.foreign)
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	add := func(write func([]byte) ([]byte, bool)) {
		from := len(room)
		grown, ok := write(room)
		if ok {
			room = grown
			rows = append(rows, room[from:len(room):len(room)])
		}
	}
	stranger := func(id string) { add(func(b []byte) ([]byte, bool) { return g.stranger(b, id), true }) }
	for _, id := range ids {
		u, err := parseGUID(id)
		switch {
		case err != nil && policy.Malformed == "omit":
			continue
		case err != nil && policy.Malformed == "unknown":
			stranger(id)
			continue
		case err != nil:
			return nil, c.badRequest("Invalid id.")
		case seen[u] && policy.Duplicate == "400":
			return nil, c.badRequest("Duplicate id.")
		case seen[u] && policy.Duplicate != "repeat":
			continue
		}
		seen[u] = true
		who, known := c.t.p.byID[u]
		switch {
		case known:
			add(func(b []byte) ([]byte, bool) { return g.row(b, &c.t.p.people[who]) })
		case policy.Unknown == "404":
			return nil, c.fail(http.StatusNotFound, "NotFound", "Not Found")
		case policy.Unknown == "unknown":
			stranger(id)
		}
	}
	for i := range c.fate.foreign {
		if i%2 == 1 {
			r := &c.t.p.people[c.fate.dice.below(len(c.t.p.people))]
			add(func(b []byte) ([]byte, bool) { return appendMembers(b, r.id, r.now, g.shape), true })
			continue
		}
		r := &c.t.p.people[0]
		id := c.fate.dice.guid()
		add(func(b []byte) ([]byte, bool) { return appendMembers(b, id, r.now, g.shape), true })
	}
	if c.fate.shuffle {
		for i := len(rows) - 1; i > 0; i-- {
			j := c.fate.dice.below(i + 1)
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	c.t.meter.answered(len(rows))
	return rows, nil
}

func (c *call) collection(rows [][]byte) []byte {
	size := 200
	for _, r := range rows {
		size += len(r) + 2
	}
	body := slices.Grow([]byte(nil), size)
	body = append(body, '{')
	if !c.fate.noContext {
		body = append(append(body, `"@odata.context":`...), quote(c.base+"/v1.0/$metadata#Collection(microsoft.graph.presence)")...)
		body = append(body, ',')
	}
	body = append(body, `"value":[`...)
	for i, r := range rows {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(append(body, '{'), r...)
	}
	return append(body, "]}"...)
}
