package graphsim

import "net/http"

// endpoint answers one sort of call.
type endpoint func(*call) *answer

// route finds what a call is. ok is false for paths Graph does not have here.
func route(method string, path []string) (do endpoint, k kind, ok bool) {
	n := len(path)
	at := func(i int, name string) bool { return i < n && path[i] == name }
	switch {
	case method == http.MethodPost && n == 2 && at(0, "communications") && (at(1, "getPresencesByUserId") || at(1, "microsoft.graph.getPresencesByUserId")):
		return (*call).presences, kindBatch, true
	case method != http.MethodGet:
		return nil, kindDirectory, false
	case n == 2 && at(0, "me") && at(1, "presence"):
		return (*call).myPresence, kindMe, true
	case n == 3 && at(0, "users") && at(2, "presence"):
		return (*call).userPresence, kindUsers, true
	case n == 3 && at(0, "communications") && at(1, "presences"):
		return (*call).communicationsPresence, kindCommunications, true
	case n == 1 && at(0, "users"):
		return (*call).listUsers, kindDirectory, true
	case n == 2 && at(0, "users"):
		return (*call).getUser, kindDirectory, true
	case n == 1 && at(0, "groups"):
		return (*call).listGroups, kindDirectory, true
	case n == 2 && at(0, "groups"):
		return (*call).getGroup, kindDirectory, true
	case (n == 3 || n == 4 && at(3, "microsoft.graph.user")) && at(0, "groups") && (at(2, "members") || at(2, "transitiveMembers")):
		return (*call).listMembers, kindDirectory, true
	}
	return nil, kindDirectory, false
}

// perform counts a call, decides its fate and answers it. scope says whether
// it has a connection of its own.
func (c *call) perform(s scope) *answer {
	do, k, known := route(c.method, c.path)
	c.kind = k
	c.fate = c.t.faults.draw(k, s)
	spending := c.t.limit(c.fate.limit, c.fate.count)
	over := known && k.presence() && c.t.meter.arrive(k, c.asksFor(), spending)
	c.pauseFor(c.fate.delay)
	if refused := c.admit(); refused != nil {
		return refused
	}
	if !known {
		return c.fail(http.StatusBadRequest, "BadRequest", "Resource not found for the segment '"+c.path[len(c.path)-1]+"'.")
	}
	if over {
		return c.tooMany(c.t.meter.wait(c.asksFor(), spending))
	}
	if c.fate.status != nil {
		return c.ordered(c.fate.status, c.fingerprint())
	}
	if k.presence() && c.t.meter.spelled() {
		c.t.meter.recognise(c.fingerprint())
	}
	return do(c)
}
