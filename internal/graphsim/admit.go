package graphsim

import (
	"errors"
	"net/http"
	"slices"
	"strings"
)

const challenge = `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"`

// claims is the documented challenge of continuous access evaluation.
const claims = "eyJhY2Nlc3NfdG9rZW4iOnsiYWNycyI6eyJlc3NlbnRpYWwiOnRydWUsInZhbHVlIjoiY3AxIn19fQ=="

// identity is whom a token stands for.
type identity struct {
	app    bool // there is no signed-in user
	judged bool // it has these permissions and no others
	roles  []string
}

// needs are the application permissions, any of which opens a kind of call.
var needs = [kindCount][]string{
	kindMe:             {"Presence.Read.All", "Presence.ReadWrite.All"},
	kindUsers:          {"Presence.Read.All", "Presence.ReadWrite.All"},
	kindCommunications: {"Presence.Read.All", "Presence.ReadWrite.All"},
	kindBatch:          {"Presence.Read.All", "Presence.ReadWrite.All"},
	kindDirectory:      {"GroupMember.Read.All", "Group.Read.All", "User.ReadBasic.All", "User.Read.All", "Directory.Read.All"},
}

// admit answers a call that has no right to be answered, and is nil for others.
func (c *call) admit() *answer {
	if u := c.fate.unauthorized; u != nil {
		if u.Claims {
			a := c.unauthorized("InvalidAuthenticationToken", "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp")
			a.header.Set("WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="`+claims+`"`)
			return a
		}
		return c.unauthorized("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	}
	scheme, token, _ := strings.Cut(c.header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return c.unauthorized("InvalidAuthenticationToken", "Access token is empty.")
	}
	if a := c.identify(token); a != nil {
		return a
	}
	if c.fate.forbidden || c.who.judged && !slices.ContainsFunc(needs[c.kind], func(role string) bool { return slices.Contains(c.who.roles, role) }) {
		if c.kind.presence() {
			return c.fail(http.StatusForbidden, "Forbidden", "Insufficient privileges to read presence.")
		}
		return c.fail(http.StatusForbidden, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")
	}
	return nil
}

// identify finds out whom a token stands for. A token that no one vouches for is refused.
func (c *call) identify(token string) *answer {
	if verify := c.t.o.Verify; verify != nil {
		grant, err := verify(token)
		if err != nil {
			a := c.unauthorized("InvalidAuthenticationToken", err.Error())
			var challenged interface{ Header() string }
			if errors.As(err, &challenged) {
				a.header.Set("WWW-Authenticate", challenged.Header())
			}
			return a
		}
		c.who = identity{app: grant.App, judged: true, roles: grant.Permissions}
		return nil
	}
	issued, valid, expired := c.t.inspect(token)
	switch {
	case valid && expired:
		return c.unauthorized("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
	case valid:
		c.who = issued
	case c.t.o.Token != "" && token != c.t.o.Token:
		return c.unauthorized("InvalidAuthenticationToken", "Access token validation failure.")
	}
	return nil
}

func (c *call) unauthorized(code, message string) *answer {
	a := c.fail(http.StatusUnauthorized, code, message)
	a.header.Set("WWW-Authenticate", challenge)
	return a
}
