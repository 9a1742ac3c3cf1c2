package graphsim

import (
	"encoding/json"
	"net/http"
	"strings"
)

// attributes are the properties of users and groups that exist here; the rest
// of Graph's are unknown to $select.
var userAttributes = map[string]func(*resident) any{
	"id":                func(r *resident) any { return r.id.String() },
	"displayName":       func(r *resident) any { return r.person().DisplayName },
	"givenName":         func(r *resident) any { return givenNames[r.given] },
	"surname":           func(r *resident) any { return surnames[r.sur] },
	"department":        func(r *resident) any { return departments[r.department].name },
	"jobTitle":          func(r *resident) any { return departments[r.department].titles[r.title] },
	"mail":              func(r *resident) any { return r.mail() },
	"userPrincipalName": func(r *resident) any { return r.mail() },
	"officeLocation":    func(r *resident) any { return cities[r.city] },
	"accountEnabled":    func(*resident) any { return true },
	"userType":          func(*resident) any { return "Member" },
	"companyName":       func(*resident) any { return "Contoso" },
	"mobilePhone":       func(*resident) any { return nil },
	"preferredLanguage": func(*resident) any { return nil },
	"businessPhones":    func(*resident) any { return []string{} },
}

// What Graph sends of a user without $select.
var usualUser = []string{"businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation", "preferredLanguage",
	"surname", "userPrincipalName", "id"}

var groupAttributes = map[string]func(*circle) any{
	"id":              func(c *circle) any { return c.id.String() },
	"displayName":     func(c *circle) any { return c.name },
	"description":     func(c *circle) any { return c.about },
	"mail":            func(*circle) any { return nil },
	"mailEnabled":     func(*circle) any { return false },
	"securityEnabled": func(*circle) any { return true },
	"visibility":      func(*circle) any { return nil },
	"groupTypes":      func(*circle) any { return []string{} },
}

var usualGroup = []string{"id", "description", "displayName", "groupTypes", "mail", "mailEnabled", "securityEnabled", "visibility"}

// selection is what $select asks for, or the usual; bad names the first
// property that does not exist.
func selection[T any](c *call, usual []string, attributes map[string]func(*T) any) (names []string, bad string) {
	asked := c.query.Get("$select")
	if asked == "" {
		return usual, ""
	}
	for name := range strings.SplitSeq(asked, ",") {
		name = strings.TrimSpace(name)
		if _, known := attributes[name]; !known {
			return nil, name
		}
		names = append(names, name)
	}
	return names, ""
}

func (c *call) noProperty(name, entity string) *answer {
	return c.badRequest("Parsing OData Select and Expand failed: Could not find a property named '" + name + "' on type 'microsoft.graph." + entity + "'.")
}

func appendObject[T any](dst []byte, lead string, it *T, names []string, attributes map[string]func(*T) any) []byte {
	dst = append(append(dst, '{'), lead...)
	for i, name := range names {
		if i > 0 || lead != "" {
			dst = append(dst, ',')
		}
		value, err := json.Marshal(attributes[name](it))
		if err != nil {
			value = []byte("null") // unreachable: strings, lists of strings and truths
		}
		dst = append(append(append(dst, '"'), name...), `":`...)
		dst = append(dst, value...)
	}
	return append(dst, '}')
}

func (c *call) context(place string) string {
	return `"@odata.context":` + quote(c.base+"/v1.0/$metadata#"+place)
}

func (c *call) notFound(id string) *answer {
	return c.fail(http.StatusNotFound, "Request_ResourceNotFound", "Resource '"+id+"' does not exist or one of its queried reference-property objects are not present.")
}

// getUser takes an id or a user principal name.
func (c *call) getUser() *answer {
	names, bad := selection(c, usualUser, userAttributes)
	if bad != "" {
		return c.noProperty(bad, "user")
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	r := c.t.resident(c.path[1])
	if r == nil && strings.Contains(c.path[1], "@") {
		for i := range c.t.p.people {
			if strings.EqualFold(c.t.p.people[i].mail(), c.path[1]) {
				r = &c.t.p.people[i]
				break
			}
		}
	}
	if r == nil {
		return c.notFound(c.path[1])
	}
	return c.priced(found(appendObject(nil, c.context("users/$entity"), r, names, userAttributes)), 1)
}

func (c *call) getGroup() *answer {
	names, bad := selection(c, usualGroup, groupAttributes)
	if bad != "" {
		return c.noProperty(bad, "group")
	}
	c.t.mu.RLock()
	defer c.t.mu.RUnlock()
	i, ok := c.circle(c.path[1])
	if !ok {
		return c.notFound(c.path[1])
	}
	return c.priced(found(appendObject(nil, c.context("groups/$entity"), &c.t.p.circles[i], names, groupAttributes)), 1)
}

// circle finds a group by id. The lock is held.
func (c *call) circle(id string) (int, bool) {
	g, err := parseGUID(id)
	if err != nil {
		return 0, false
	}
	i, ok := c.t.p.circleAt[g]
	return i, ok
}
