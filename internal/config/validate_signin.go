package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const (
	authKey   = "gateway.auth"
	jwtKey    = authKey + ".jwt"
	anyTenant = "{tenantid}"
)

// doors judges who may come in, and refuses a gateway that nobody can enter.
func (v *validation) doors(c *Config) {
	a := c.Gateway.Auth
	if a.APIKeysFile != "" {
		v.readable(authKey+".api_keys_file", a.APIKeysFile)
	}
	v.tokens(a.JWT)
	v.login(a)
	if !a.Anonymous && !a.signsIn() && !v.failedBelow(jwtKey) {
		v.fail(authKey+".anonymous", "nobody gets in: set it to true, or set gateway.auth.api_keys_file or gateway.auth.jwt, and say in gateway.policy who sees whom")
	}
	if a.OperatorRole != "" && !a.signsIn() && !v.failedBelow(jwtKey) {
		v.notice("gateway.auth.operator_role has no effect: nobody can sign in; set gateway.auth.api_keys_file or gateway.auth.jwt")
	}
}

// signsIn reports whether a caller can be more than anonymous.
func (a Auth) signsIn() bool { return a.APIKeysFile != "" || a.JWT.Issuer != "" }

// tokens judges which access tokens are accepted. What one side has is all that keeps others out, so that nothing of it is guessed.
func (v *validation) tokens(j JWT) {
	switch {
	case j.Issuer != "":
		v.issuer(j)
	case j.Audience != "" || j.JWKSURL != "" || len(j.TenantIDs) > 0 || j.RequiredRole != "" || j.RequiredScope != "":
		v.fail(jwtKey+".issuer", "is missing: want the iss of the tokens, such as https://login.microsoftonline.com/TENANT-ID/v2.0")
		return
	default:
		return
	}
	switch audience := strings.ToLower(j.Audience); {
	case audience == "":
		v.fail(jwtKey+".audience", "is missing, so that any token of the issuer would do, for whatever API: want the application id of the API's registration")
	case strings.HasPrefix(audience, "https://graph.microsoft.") || strings.HasPrefix(audience, "00000003-0000-0000-c000-"):
		v.fail(jwtKey+".audience", "is Microsoft Graph, whose tokens nobody else can verify: register an API of your own")
	}
	if j.JWKSURL != "" {
		v.published(jwtKey+".jwks_url", j.JWKSURL)
	}
	switch {
	case strings.ContainsAny(j.RequiredScope, " \t,"):
		v.fail(jwtKey+".required_scope", "%s is more than one scope: want one", quote(j.RequiredScope))
	case strings.HasPrefix(j.RequiredScope, "api://") || j.Audience != "" && strings.HasPrefix(j.RequiredScope, j.Audience+"/"):
		last := j.RequiredScope[strings.LastIndexByte(j.RequiredScope, '/')+1:]
		v.fail(jwtKey+".required_scope", "is written as a program asks for it, and tokens hold only its end: write %s", last)
	case j.RequiredScope == "" && j.RequiredRole == "":
		v.notice("gateway.auth.jwt has neither required_scope nor required_role: whoever the issuer gives a token for this audience gets in; gateway.policy alone says who sees whom")
	}
}

var tenantInPath = regexp.MustCompile(`^https?://[^/]+/([0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})(?:/|$)`)

// issuer judges the issuer and the tenants, which must fit each other.
func (v *validation) issuer(j JWT) {
	tenants := v.tenants(j.TenantIDs)
	if strings.ContainsFunc(j.Issuer, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		v.fail(jwtKey+".issuer", "holds a space: tokens are compared with it exactly")
		return
	}
	if odd := strings.ReplaceAll(j.Issuer, anyTenant, ""); strings.ContainsAny(odd, "{}") {
		v.fail(jwtKey+".issuer", "knows %s alone, which stands for the token's tenant", anyTenant)
		return
	}
	for _, shared := range []string{"common", "organizations", "consumers"} {
		if u, err := url.Parse(j.Issuer); err == nil && (u.Path == "/"+shared || strings.HasPrefix(u.Path, "/"+shared+"/")) {
			v.fail(jwtKey+".issuer", "%s is where programs sign in, and no token says so: write the tenant's id, or %s and list the tenants in tenant_ids", shared, anyTenant)
			return
		}
	}
	if j.JWKSURL == "" {
		v.published(jwtKey+".issuer", strings.ReplaceAll(j.Issuer, anyTenant, "tenant"))
	}
	if strings.Contains(j.Issuer, anyTenant) && len(j.TenantIDs) == 0 {
		v.fail(jwtKey+".tenant_ids", "is missing: with %s the issuer stands for every tenant in the world", anyTenant)
	}
	if own := tenantInPath.FindStringSubmatch(j.Issuer); own != nil && len(tenants) > 0 && !slices.Contains(tenants, strings.ToLower(own[1])) {
		v.fail(jwtKey+".tenant_ids", "does not have the issuer's own tenant %s, so that nobody could sign in: add it, or write %s in the issuer", own[1], anyTenant)
	}
}

// tenants returns those that are ids.
func (v *validation) tenants(list []string) (good []string) {
	for i, text := range list {
		id, err := presence.ParseID(text)
		if err == nil && !id.IsZero() {
			good = append(good, id.String())
			continue
		}
		item := fmt.Sprintf("%s.tenant_ids[%d]", jwtKey, i)
		if _, inFile := v.lines[item]; !inFile || v.variables[jwtKey+".tenant_ids"] != "" {
			item = jwtKey + ".tenant_ids"
		}
		v.fail(item, "%s is no tenant: want its id, a GUID", quote(text))
	}
	return good
}

// published judges a place from which keys, or where they are, will be fetched.
func (v *validation) published(key, text string) {
	u, ok := v.url(key, text, "http", "https")
	if ok && u.Scheme == "http" && !isLoopback(u.Hostname()) {
		v.fail(key, "what comes over http could be anybody's keys: use https, or http to this machine only")
	}
}

// login judges how the gateway's own pages sign people in. They get tokens of the same issuer as everybody.
func (v *validation) login(a Auth) {
	const key = authKey + ".login"
	l := a.Login
	switch {
	case l == Login{}:
	case l.ClientID == "":
		v.fail(key+".client_id", "is missing: want the application (client) id with which pages sign people in")
	case a.JWT.Issuer == "":
		v.fail(key+".client_id", "leads nowhere: no token is accepted; set gateway.auth.jwt to the issuer that signs people in")
	case l.Scope == "":
		v.fail(key+".scope", "is missing: want what pages ask for, such as api://APPLICATION-ID/Presence.Subscribe")
	case a.JWT.RequiredScope != "" && !slices.ContainsFunc(strings.Fields(l.Scope), func(s string) bool {
		last := s[strings.LastIndexByte(s, '/')+1:]
		return last == a.JWT.RequiredScope || last == ".default"
	}):
		v.fail(key+".scope", "asks for %s, and gateway.auth.jwt.required_scope wants %s: no page could sign anyone in", l.Scope, a.JWT.RequiredScope)
	}
}
