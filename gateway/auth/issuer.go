package auth

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// JWT says which access tokens are accepted. Without an Issuer none are.
type JWT struct {
	// Issuer is compared with a token's iss, exactly. {tenantid} in it stands for the token's tenant.
	Issuer   string
	Audience string // of the token's aud: for Entra's v2.0 tokens the application id of the API
	JWKSURL  string // where the issuer's keys are; empty: where its metadata say

	// TenantIDs are the tenants that are let in. Empty: the one in the Issuer. An issuer that has a tenant, here or in its
	// path, is judged as Microsoft Entra: tid, oid, ver and nbf are required, and ver must fit the issuer.
	TenantIDs []string

	// RequiredScope is what a program must hold to act for a person, RequiredRole what others must: an application itself,
	// and people too if there is no RequiredScope. With a scope alone, no application is let in. With neither, whoever the
	// issuer gives a token for the Audience.
	RequiredScope, RequiredRole string
}

// issuer judges what tokens say.
type issuer struct {
	JWT
	entra   bool
	version string // of Entra's tokens; empty: either
	inPath  string // the tenant in the issuer's path, if there is one
}

const (
	anyTenant = "{tenantid}"
	guid      = `[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}`
)

var tenantInPath = regexp.MustCompile(`^https?://[^/]+/(` + guid + `)(?:/|$)`)

// newIssuer judges the options. Its error names the option.
func newIssuer(o JWT) (*issuer, error) {
	i := &issuer{JWT: o}
	if i.Audience == "" {
		return nil, fmt.Errorf("auth: audience is missing: any token of the issuer, for whatever API, would be accepted")
	}
	if forGraph(i.Audience) {
		return nil, fmt.Errorf("auth: audience is Microsoft Graph: its tokens cannot be verified by anyone else; register an API")
	}
	if found := tenantInPath.FindStringSubmatch(o.Issuer); found != nil {
		i.inPath = strings.ToLower(found[1])
	}
	several := strings.Contains(o.Issuer, anyTenant)
	i.entra = i.inPath != "" || several || len(o.TenantIDs) > 0
	i.TenantIDs = nil
	for _, id := range o.TenantIDs {
		parsed, err := presence.ParseID(id)
		if err != nil {
			return nil, fmt.Errorf("auth: tenant_ids: %q is no tenant id: want a GUID", id)
		}
		i.TenantIDs = append(i.TenantIDs, parsed.String())
	}
	switch {
	case several && len(i.TenantIDs) == 0:
		return nil, fmt.Errorf("auth: tenant_ids is missing: the issuer stands for every tenant in the world")
	case i.inPath != "" && len(i.TenantIDs) == 0:
		i.TenantIDs = []string{i.inPath}
	case i.inPath != "" && !slices.Contains(i.TenantIDs, i.inPath):
		return nil, fmt.Errorf("auth: tenant_ids does not have the issuer's own tenant, so nobody could sign in")
	}
	switch {
	case strings.HasSuffix(o.Issuer, "/v2.0"):
		i.version = "2.0"
	case strings.HasPrefix(o.Issuer, "https://sts.windows.net/"):
		i.version = "1.0"
	}
	where := o.JWKSURL
	if where == "" {
		where = i.metadata()
	}
	if _, err := fetchable(where); err != nil {
		return nil, fmt.Errorf("auth: keys of the issuer: %w", err)
	}
	return i, nil
}

// metadata is where the issuer describes itself (OpenID Connect Discovery, 4).
func (i *issuer) metadata() string {
	return strings.TrimSuffix(i.named(), "/") + "/.well-known/openid-configuration"
}

// named is the issuer's name as its metadata say it. All tenants' are alike, so that the first stands for them.
func (i *issuer) named() string {
	if len(i.TenantIDs) == 0 {
		return i.Issuer
	}
	return strings.ReplaceAll(i.Issuer, anyTenant, i.TenantIDs[0])
}

// fetchable parses a URL that something may be fetched from: https, or http on this machine.
func fetchable(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return nil, fmt.Errorf("want a URL such as https://login.example.com/keys")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !onThisMachine(u.Hostname())) {
		return nil, fmt.Errorf("want https: what comes over plain http could be anybody's keys")
	}
	return u, nil
}

func onThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// judge decides what a token's claims are worth, should its signature be good. It is asked first, because most tokens that
// are refused are honest mistakes, and the signature is what costs.
func (i *issuer) judge(c *claims, now time.Time) (Principal, *Refusal) {
	if slices.ContainsFunc(c.audience, forGraph) {
		return Principal{}, refuse(Audience, "this token was made for Microsoft Graph, and nobody else can verify it: ask the sign-in service for one for this gateway, with the scope "+i.scope())
	}
	if c.bound {
		return Principal{}, refuse(Header, "the token is bound to a key of its holder's (cnf), which a bearer token is not: ask for a bearer token")
	}
	for _, check := range [...]func(*claims) *Refusal{i.origin, i.purpose} {
		if no := check(c); no != nil {
			return Principal{}, no
		}
	}
	if no := i.span(c, now); no != nil {
		return Principal{}, no
	}
	p, delegated, no := i.subject(c)
	if no != nil {
		return Principal{}, no
	}
	if no := i.entitled(c, delegated); no != nil {
		return Principal{}, no
	}
	return p, nil
}

// origin checks who issued the token, for which tenant, in which form.
func (i *issuer) origin(c *claims) *Refusal {
	if i.entra && i.version != "" && c.version != i.version {
		return refuse(Version, fmt.Sprintf("the token is not of version %s: set requestedAccessTokenVersion in the API's app registration to fit gateway.auth.jwt.issuer (2 for an issuer that ends in /v2.0, else 1)", i.version))
	}
	if c.issuer != strings.ReplaceAll(i.Issuer, anyTenant, c.tenant) {
		return refuse(Issuer, "the token comes from another issuer: sign in with the service that is configured here, gateway.auth.jwt.issuer")
	}
	if !i.entra {
		return nil
	}
	if !slices.Contains(i.TenantIDs, c.tenant) || i.inPath != "" && c.tenant != i.inPath {
		return refuse(Tenant, "the token is of a tenant that is not let in here: sign in with an account of this organisation")
	}
	return nil
}

// fits checks that a key is for tokens of this issuer. Microsoft publishes the keys of several side by side and says whose each is.
func (i *issuer) fits(key publicKey, c *claims) *Refusal {
	if i.entra && key.issuer != "" && strings.ReplaceAll(key.issuer, anyTenant, c.tenant) != c.issuer {
		return refuse(Issuer, "the token is signed with a key of another issuer's: sign in with the service that is configured here, gateway.auth.jwt.issuer")
	}
	return nil
}

// purpose checks what the token is for.
func (i *issuer) purpose(c *claims) *Refusal {
	if !slices.Contains(c.audience, i.Audience) {
		return refuse(Audience, "the token was made for another API: ask the sign-in service for one with the scope "+i.scope())
	}
	if c.forAnother {
		return refuse(IDToken, "this is an ID token, which tells a program who signed in: present the access token for this gateway, asked for with the scope "+i.scope())
	}
	return nil
}

// span checks that the token has begun and not ended.
func (i *issuer) span(c *claims, now time.Time) *Refusal {
	switch {
	case c.expires.IsZero() || i.entra && c.notBefore.IsZero():
		return errMalformed // other providers than Entra need not say when a token begins
	case !now.Before(c.expires.Add(Skew)):
		return refuse(Expired, "the token has expired: ask the sign-in service for a new one")
	case now.Before(c.notBefore.Add(-Skew)):
		return refuse(NotYetValid, "the token is not valid yet: compare this machine's clock with the sign-in service's")
	}
	return nil
}

// subject finds out whom the token is about: a person for whom a program acts, or an application itself.
func (i *issuer) subject(c *claims) (p Principal, delegated bool, no *Refusal) {
	p = Principal{Roles: c.roles, Expires: c.expires}
	for _, text := range c.groups {
		if id, err := presence.ParseID(text); err == nil {
			p.Groups = append(p.Groups, id)
		}
	}
	if !i.entra {
		if c.subject == "" {
			return p, false, errSubject
		}
		p.Subject = "sub:" + i.Issuer + ":" + c.subject
		// Where an application and a person look alike, a scope makes the person.
		return p, len(c.scopes) > 0, nil
	}
	object, err := presence.ParseID(c.object)
	if err != nil || object.IsZero() {
		return p, false, errSubject
	}
	delegated = len(c.scopes) > 0
	switch {
	case delegated && (c.kind == "" || c.kind == "user"):
		p.User = object
		p.Subject = "user:" + c.tenant + ":" + object.String()
	case !delegated && i.isApplication(c):
		p.Subject = "app:" + c.tenant + ":" + object.String()
	case !delegated && c.kind == "":
		// Entra's access tokens for people have scopes, its ID tokens have none, nor a client.
		return p, false, refuse(IDToken, "this is no access token: present the one for this gateway, asked for with the scope "+i.scope())
	default:
		return p, false, errSubject
	}
	return p, delegated, nil
}

var errSubject = refuse(Subject, "the token does not say clearly whom it is about: present an access token for a person or an application")

// isApplication reports whether a token without scopes is an application's own. Such a token names its client, says idtyp
// app, or has a subject that is its object or is left out; an ID token has a subject of its own and none of the others.
func (i *issuer) isApplication(c *claims) bool {
	switch c.kind {
	case "app":
		return true
	case "":
		return c.client != "" || c.subject == "" || strings.EqualFold(c.subject, c.object)
	}
	return false
}

// entitled checks scope and role.
func (i *issuer) entitled(c *claims, delegated bool) *Refusal {
	switch {
	case delegated && i.RequiredScope != "":
		if !slices.Contains(c.scopes, i.RequiredScope) {
			return refuse(Scope, "the token lacks the scope "+i.RequiredScope+": ask the sign-in service for "+i.scope()+", and let an administrator consent to it")
		}
	case i.RequiredRole != "":
		if !slices.Contains(c.roles, i.RequiredRole) {
			return refuse(Role, "the token lacks the role "+i.RequiredRole+": let an administrator assign it to this person or application")
		}
	case i.RequiredScope != "":
		return refuse(Scope, "only people are let in here, by the scope "+i.RequiredScope+": an application needs gateway.auth.jwt.required_role, and that role")
	}
	return nil
}

// scope is what a program asks the sign-in service for.
func (i *issuer) scope() string {
	if i.RequiredScope == "" || strings.Contains(i.RequiredScope, "/") {
		return i.Audience + "/.default"
	}
	return i.Audience + "/" + i.RequiredScope
}

// forGraph reports whether an audience is Microsoft Graph, in any cloud.
func forGraph(audience string) bool {
	if audience == "00000003-0000-0000-c000-000000000000" {
		return true
	}
	u, err := url.Parse(audience)
	if err != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return slices.Contains([]string{"graph.microsoft.com", "graph.microsoft.us", "dod-graph.microsoft.us", "microsoftgraph.chinacloudapi.cn"}, host)
}
