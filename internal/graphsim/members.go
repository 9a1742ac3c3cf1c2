package graphsim

import (
	"net/http"
	"strings"
)

// advanced answers a query that the index of the directory alone can answer,
// but that does not ask for it.
func (c *call) advanced(what string) *answer {
	if strings.EqualFold(c.header.Get("ConsistencyLevel"), "eventual") && c.query.Get("$count") == "true" {
		return nil
	}
	return c.fail(http.StatusBadRequest, "Request_UnsupportedQuery", what+" is supported only with $count=true and the header ConsistencyLevel: eventual.")
}

// listMembers is members and transitiveMembers of a group, of every type or
// cast to users.
func (c *call) listMembers() *answer {
	cast := len(c.path) == 4
	if cast {
		if refused := c.advanced("A cast"); refused != nil {
			return refused
		}
	}
	names, bad := selection(c, usualUser, userAttributes)
	if bad != "" {
		return c.noProperty(bad, "user")
	}
	if c.fate.bareMembers {
		names = []string{"id"}
	}
	p, refused := c.page()
	if refused != nil {
		return refused
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	root, ok := c.circle(c.path[1])
	if !ok {
		return c.notFound(c.path[1])
	}
	all, cost := c.t.p.circles, 3
	circles, things, users := all[root].circles, all[root].things, all[root].users
	if c.path[2] == "transitiveMembers" {
		circles, things, users = c.t.p.within(root)
		cost = 5
	}
	if cast {
		return c.list(p, "users", len(users), cost, func(dst []byte, i int) []byte {
			return appendObject(dst, "", &c.t.p.people[users[i]], names, userAttributes)
		})
	}
	return c.list(p, "directoryObjects", len(circles)+len(things)+len(users), cost, func(dst []byte, i int) []byte {
		if i < len(circles) {
			return appendObject(dst, `"@odata.type":"#microsoft.graph.group"`, &all[circles[i]], []string{"id", "displayName"}, groupAttributes)
		}
		if i -= len(circles); i < len(things) {
			th := things[i]
			dst = append(dst, `{"@odata.type":`+quote(th.odata)+`,"id":"`+th.id.String()+`","displayName":`+quote(th.tag)+`}`...)
			return dst
		}
		i -= len(things)
		return appendObject(dst, `"@odata.type":"#microsoft.graph.user"`, &c.t.p.people[users[i]], names, userAttributes)
	})
}

func (c *call) listGroups() *answer {
	names, bad := selection(c, usualGroup, groupAttributes)
	if bad != "" {
		return c.noProperty(bad, "group")
	}
	p, refused := c.page()
	if refused != nil {
		return refused
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	all := c.t.p.circles
	if f := c.query.Get("$filter"); f != "" {
		match, ok := groupFilter(f)
		if !ok {
			return c.badFilter()
		}
		all = kept(all, match)
	}
	return c.list(p, "groups", len(all), 1, func(dst []byte, i int) []byte {
		return appendObject(dst, "", &all[i], names, groupAttributes)
	})
}

func (c *call) listUsers() *answer {
	names, bad := selection(c, usualUser, userAttributes)
	if bad != "" {
		return c.noProperty(bad, "user")
	}
	p, refused := c.page()
	if refused != nil {
		return refused
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	all := c.t.p.people
	if f := c.query.Get("$filter"); f != "" {
		match, ok := userFilter(f)
		if !ok {
			return c.badFilter()
		}
		all = kept(all, match)
	}
	return c.list(p, "users", len(all), 2, func(dst []byte, i int) []byte {
		return appendObject(dst, "", &all[i], names, userAttributes)
	})
}

func (c *call) badFilter() *answer {
	return c.fail(http.StatusBadRequest, "Request_UnsupportedQuery", "Unsupported or invalid query filter clause specified for property of resource.")
}
