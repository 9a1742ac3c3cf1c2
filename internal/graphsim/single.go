package graphsim

import (
	"net/http"
)

// maxIDs is the documented most that one getPresencesByUserId takes.
const maxIDs = 650

// reading looks at people the way one request's fate lets it.
type reading struct {
	c     *call
	shape shape
}

func (c *call) reading() *reading {
	s := c.fate.shape
	s.born = c.t.born
	return &reading{c: c, shape: s}
}

// row appends the user's row without its opening brace. ok is false if the
// replica leaves the user out. The tenant's lock is held for reading.
func (g *reading) row(dst []byte, r *resident) (_ []byte, ok bool) {
	f := &g.c.fate
	if f.missing.strikes(r.id, &f.dice) {
		return dst, false
	}
	rec := r.now
	if f.lag > 0 {
		rec = r.asOf(g.c.t.age() - f.lag)
	}
	if f.split.strikes(r.id, &f.dice) && rec.prev != nil {
		rec = &record{content: rec.prev.content, number: rec.number, since: rec.since}
	}
	s := g.shape
	s.replaceWords = f.unknown.strikes(r.id, &f.dice)
	if s.replaceWords {
		rec = &record{content: g.c.t.blank, number: rec.number, since: rec.since}
	}
	return appendMembers(dst, r.id, rec, s), true
}

// stranger is the PresenceUnknown row of an id that is no user.
func (g *reading) stranger(dst []byte, id string) []byte {
	s := g.shape
	s.replaceWords, s.without = true, s.without|withoutSequence
	if u, err := parseGUID(id); err == nil {
		return appendMembers(dst, u, &record{content: g.c.t.blank}, s)
	}
	dst = append(append(dst, `"id":`...), quote(id)...)
	return append(dst, `,"availability":"PresenceUnknown","activity":"PresenceUnknown"}`...)
}

func (c *call) userPresence() *answer {
	return c.onePresence(c.path[1], "users('"+c.path[1]+"')/presence")
}

func (c *call) communicationsPresence() *answer {
	return c.onePresence(c.path[2], "communications/presences")
}

// myPresence is the signed-in user's own. An application has none.
func (c *call) myPresence() *answer {
	if c.who.app {
		return c.badRequest("/me request is only valid with delegated authentication flow.")
	}
	id := c.t.o.Me
	if id == "" {
		c.t.mu.RLock()
		id = c.t.p.people[0].id.String()
		c.t.mu.RUnlock()
	}
	c.fate.shape.own = true
	return c.onePresence(id, "users('"+id+"')/presence")
}

func (c *call) onePresence(id, place string) *answer {
	if refused := c.poisoned(id); refused != nil {
		return refused
	}
	if c.fate.wrongEntity {
		return c.wrongEntity(id)
	}
	if _, err := parseGUID(id); err != nil {
		if c.fate.ids.Malformed == "unknown" {
			return found(append([]byte{'{'}, c.reading().stranger(nil, id)...))
		}
		return c.badRequest("The user id '" + id + "' is not a GUID.")
	}
	g := c.reading()
	var body []byte
	if c.fate.wrapped {
		if !c.fate.noContext {
			body = append(append(body, `{"@odata.context":`...), quote(c.base+"/v1.0/$metadata#communications/presences")...)
			body = append(body, `,"value":[{`...)
		} else {
			body = append(body, `{"value":[{`...)
		}
	} else {
		body = append(body, '{')
		if !c.fate.noContext {
			body = append(append(body, `"@odata.context":`...), quote(c.base+"/v1.0/$metadata#"+place+"/$entity")...)
			body = append(body, ',')
		}
	}
	c.t.mu.RLock()
	r := c.t.resident(id)
	ok := false
	if r != nil {
		body, ok = g.row(body, r)
	}
	c.t.mu.RUnlock()
	if !ok {
		if c.fate.ids.Unknown != "unknown" {
			return c.fail(http.StatusNotFound, "NotFound", "The presence of user '"+id+"' was not found.")
		}
		body = g.stranger(body, id)
	}
	if c.fate.wrapped {
		body = append(body, "]}"...)
	}
	c.t.meter.answered(1)
	return found(body)
}

// poisoned refuses a read of an id that the service cannot stand.
func (c *call) poisoned(ids ...string) *answer {
	p := c.fate.poison
	if p == nil {
		return nil
	}
	for _, id := range ids {
		g, err := parseGUID(id)
		if err != nil || !p.listed[g] {
			continue
		}
		if p.Status == http.StatusNotFound {
			return c.fail(http.StatusNotFound, "NotFound", "Not Found")
		}
		return c.badRequest("Bad Request")
	}
	return nil
}

// wrongEntity answers a user where a presence should be, as was once seen.
func (c *call) wrongEntity(id string) *answer {
	return found([]byte(`{"@odata.context":` + quote(c.base+"/v1.0/$metadata#users/$entity") + `,"id":` + quote(id) +
		`,"displayName":"Not A Presence","mail":null,"businessPhones":[]}`))
}
