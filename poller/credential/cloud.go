package credential

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// cloud is one of Microsoft's national clouds ("Microsoft Graph national cloud deployments").
type cloud struct {
	name   string
	graph  string   // host of its Graph
	logins []string // hosts of its login, the usual one first; a name below one is a region of it
}

var clouds = []cloud{
	{"global", "graph.microsoft.com", []string{"login.microsoftonline.com", "login.microsoft.com", "login.windows.net", "sts.windows.net"}},
	{"us-gov-l4", "graph.microsoft.us", []string{"login.microsoftonline.us", "login.usgovcloudapi.net"}},
	{"us-gov-l5", "dod-graph.microsoft.us", []string{"login.microsoftonline.us", "login.usgovcloudapi.net"}},
	{"china", "microsoftgraph.chinacloudapi.cn", []string{"login.partner.microsoftonline.cn", "login.chinacloudapi.cn"}},
}

// audience is whom a token is asked from, and whom it is for.
type audience struct {
	cloud     cloud
	scope     string
	authority string // https://host
	host      string // of the authority
	own       bool   // authority is none of the cloud's own
	elsewhere string // host of a Graph endpoint that is none of Microsoft's; empty: the cloud's own
}

// pair decides which scope is asked from which login for which Graph, and refuses what does not belong together: a
// token of one cloud never goes to another's Graph, nor a secret to another's login. A host that is none of Microsoft's
// (a proxy, a simulated tenant) is the operator's own choice.
func pair(o *Options) (audience, error) {
	name := cmp.Or(o.Cloud, "global")
	at := slices.IndexFunc(clouds, func(c cloud) bool { return c.name == name })
	switch {
	case name == "china":
		return audience{}, invalid(WrongCloud, keyCloud, "Microsoft Graph operated by 21Vianet offers no presence", "there is nothing to read in this cloud")
	case at < 0:
		return audience{}, invalid(Misconfigured, keyCloud, fmt.Sprintf("%.40q is unknown", name), "want global, us-gov-l4 or us-gov-l5")
	}
	a := audience{cloud: clouds[at]}
	a.scope = cmp.Or(o.Scope, "https://"+a.cloud.graph+"/.default")
	root, isDefault := strings.CutSuffix(a.scope, "/.default")
	if strings.ContainsAny(a.scope, " \t\r\n") || !isDefault {
		return audience{}, invalid(Misconfigured, keyScope, fmt.Sprintf("%.80q is no scope of an application", a.scope), "want https://host/.default, as https://"+a.cloud.graph+"/.default")
	}
	if scope, err := url.Parse(root); err == nil {
		if other := graphCloud(scope); other != "" && other != name {
			return audience{}, foreign(keyScope, "scope", other, name)
		}
	}
	if o.BaseURL != "" {
		endpoint, err := url.Parse(o.BaseURL)
		if err != nil || endpoint.Host == "" {
			return audience{}, invalid(Misconfigured, keyBaseURL, "it is no URL", "want https://host") // its text may hold a password
		}
		switch other := graphCloud(endpoint); other {
		case name:
		case "":
			a.elsewhere = endpoint.Host
		default:
			return audience{}, foreign(keyBaseURL, "Graph", other, name)
		}
	}
	login, err := url.Parse(cmp.Or(o.Authority, "https://"+a.cloud.logins[0]))
	switch {
	case err != nil || login.Host == "" || login.User != nil:
		return audience{}, invalid(Misconfigured, keyAuthority, "it is no URL", "want https://host")
	case login.Scheme != "https":
		return audience{}, invalid(Misconfigured, keyAuthority, fmt.Sprintf("a secret is not sent over %.16q", login.Scheme), "want https://host")
	case strings.Trim(login.Path, "/") != "" || login.RawQuery != "" || login.Fragment != "":
		return audience{}, invalid(Misconfigured, keyAuthority, "it holds more than a host", "leave out the tenant, it is added from "+keyTenant)
	}
	a.authority, a.host, a.own = "https://"+login.Host, login.Host, !a.cloud.signsIn(login)
	if other := loginCloud(login); a.own && other != "" {
		return audience{}, foreign(keyAuthority, "login", other, name)
	}
	return a, nil
}

func foreign(key, what, other, name string) *Error {
	return invalid(WrongCloud, key, fmt.Sprintf("it is the %s of cloud %s, but %s is %s", what, other, keyCloud, name), "let both name one cloud")
}

// host returns a URL's host in the one form in which hosts are compared.
func host(u *url.URL) string { return strings.TrimSuffix(strings.ToLower(u.Hostname()), ".") }

// graphCloud returns the cloud whose Graph a URL points at, or nothing.
func graphCloud(u *url.URL) string {
	for _, c := range clouds {
		if below(host(u), c.graph) {
			return c.name
		}
	}
	return ""
}

func loginCloud(u *url.URL) string {
	for _, c := range clouds {
		if c.signsIn(u) {
			return c.name
		}
	}
	return ""
}

// signsIn reports whether a URL's host is a login of the cloud.
func (c cloud) signsIn(u *url.URL) bool {
	return slices.ContainsFunc(c.logins, func(login string) bool { return below(host(u), login) })
}

func below(name, parent string) bool { return name == parent || strings.HasSuffix(name, "."+parent) }

// allows reports whether a secret may be sent to a URL: to the authority alone, or to another login of its cloud where
// the authority is the cloud's own.
func (a *audience) allows(u *url.URL) bool {
	return u.Scheme == "https" && (strings.EqualFold(u.Host, a.host) || !a.own && a.cloud.signsIn(u))
}

// audiences is whom a token is for: one text, or a list (RFC 7519, 4.1.3).
type audiences []string

// UnmarshalJSON is [json.Unmarshaler]'s.
func (a *audiences) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*a = audiences{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(a))
}

// madeFor returns whom a token is for, where it is a JWT that says so.
func madeFor(token string) audiences {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims struct {
		Audience audiences `json:"aud"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return nil
	}
	return claims.Audience
}

// accepts refuses a token that was made for another cloud's Graph, and not for this one's: the command line tools of
// azure_default have a cloud of their own. Tokens that cannot be read are Graph's to judge.
func (a *audience) accepts(token string) error {
	other := ""
	for _, name := range madeFor(token) {
		u, err := url.Parse(name)
		if err != nil {
			continue
		}
		switch cloud := graphCloud(u); cloud {
		case "":
		case a.cloud.name:
			return nil
		default:
			other = cloud
		}
	}
	if other == "" {
		return nil
	}
	return invalid(WrongCloud, keyCloud, fmt.Sprintf("the token is for the Graph of cloud %s, but %s is %s", other, keyCloud, a.cloud.name), "sign in to one cloud")
}
