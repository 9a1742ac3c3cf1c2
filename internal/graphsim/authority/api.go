package authority

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// API is a registration that other programs ask tokens for, such as the gateway's own.
type API struct {
	ClientID string   // its application id: the audience of version 2.0 tokens
	URI      string   // its identifier; default api://ClientID. The audience of version 1.0 tokens
	Version  int      // of its tokens (requestedAccessTokenVersion); 1, or 2 which is the default
	Scopes   []string // delegated permissions that it exposes
}

func (api *API) audience() string {
	if api.Version == 1 {
		return api.URI
	}
	return api.ClientID
}

// RegisterAPI adds an API, or puts it in the place of the one with the same id.
func (a *Authority) RegisterAPI(api API) {
	api.URI = cmp.Or(api.URI, "api://"+api.ClientID)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.apis = slices.DeleteFunc(a.apis, func(other *API) bool { return other.ClientID == api.ClientID })
	a.apis = append(a.apis, &api)
}

// Assignment is what an administrator gave to a person, or to an application.
type Assignment struct {
	Roles  []string `json:"roles"`  // application roles
	Groups []string `json:"groups"` // object ids of groups, told in tokens
}

// Assign gives roles and groups to whoever has this object id, or application id; what they had before is taken away. Tokens
// that were issued keep what they say.
func (a *Authority) Assign(id string, to Assignment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.assigned[strings.ToLower(id)] = to
}

func (a *Authority) assignment(id string) Assignment {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.assigned[strings.ToLower(id)]
}

// target is what a token is asked for: a Graph, or permissions of an API.
type target struct {
	resource string // root of a Graph; empty: an API
	api      *API
	scopes   []string
}

// target reads a scope parameter.
func (a *Authority) target(scope string, application bool) (target, *refusal) {
	var found target
	foreign := false
	mixed := &refusal{http.StatusBadRequest, "invalid_request", 28000, "Provided value for the input parameter scope is not valid because it contains more than one resource. Scope " + scope + " is not valid."}
	for _, s := range strings.Fields(scope) {
		api, name := a.exposed(s)
		switch {
		case api == nil:
			foreign = foreign || !slices.Contains([]string{"openid", "profile", "email", "offline_access"}, s)
			continue
		case found.api != nil && found.api != api:
			return target{}, mixed
		case name == ".default":
			found.scopes = api.Scopes
		case application:
			return target{}, &refusal{http.StatusBadRequest, "invalid_scope", 1002012, "The provided value for scope " + scope + " is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."}
		case !slices.Contains(api.Scopes, name):
			return target{}, &refusal{http.StatusBadRequest, "invalid_scope", 70011, "The provided value for the input parameter 'scope' is not valid. The scope " + s + " does not exist."}
		default:
			found.scopes = append(slices.Clone(found.scopes), name)
		}
		found.api = api
	}
	switch {
	case found.api != nil && foreign:
		return target{}, mixed
	case found.api != nil:
		return found, nil
	}
	root, no := a.resource(scope, application)
	return target{resource: root}, no
}

// exposed finds the API that a scope is of, and its name there.
func (a *Authority) exposed(scope string) (*API, string) {
	at := strings.LastIndexByte(scope, '/')
	if at < 0 {
		return nil, ""
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, api := range a.apis {
		if scope[:at] == api.URI || strings.EqualFold(scope[:at], api.ClientID) {
			return api, scope[at+1:]
		}
	}
	return nil, ""
}

// access is the token that a grant for an API deserves.
func (a *Authority) access(g *grant) Access {
	holder := g.app.ClientID
	if g.user != nil {
		holder = g.user.ID
	}
	given := a.assignment(holder)
	return Access{Root: g.root, Audience: g.api.audience(), Version: g.api.Version, User: g.user, ClientID: g.app.ClientID,
		Scopes: g.scopes, Roles: given.Roles, Groups: given.Groups}
}
