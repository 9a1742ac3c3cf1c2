package auth

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
)

// claims are what a token says, as far as it matters here. What has the wrong type was refused.
type claims struct {
	issuer, subject, tenant, object, version string
	audience                                 []string
	expires, notBefore                       time.Time // zero: not given
	scopes, roles, groups                    []string
	client                                   string // the program the token was given to
	kind                                     string // Entra's idtyp: app or user
	forAnother                               bool   // marks of an ID token
	bound                                    bool   // good only together with a proof that its holder has a key
}

// maxSubject bounds a name that other providers choose.
const maxSubject = 255

// readClaims takes the claims out of a token's payload. Entra separates scopes by spaces in scp; others do so in scope (RFC
// 9068), or list them in scp.
func readClaims(given map[string]json.RawMessage, entra bool) (c claims, err error) {
	note := func(e error) {
		if e != nil {
			err = e
		}
	}
	text := func(name string) string {
		s, e := stringOf(given[name])
		note(e)
		return s
	}
	list := func(name string) []string {
		s, e := stringsOf(given[name])
		note(e)
		return s
	}
	date := func(name string) time.Time {
		at, e := dateOf(given[name])
		note(e)
		return at
	}
	c = claims{
		issuer: text("iss"), subject: text("sub"), tenant: text("tid"), object: text("oid"), version: text("ver"),
		expires: date("exp"), notBefore: date("nbf"),
		roles: list("roles"), groups: list("groups"), client: cmp.Or(text("azp"), text("appid")), kind: text("idtyp"),
	}
	if len(c.subject) > maxSubject || !printable(c.subject) {
		note(errBroken)
	}
	var e error
	if c.audience, e = oneOrMore(given["aud"]); e != nil {
		note(e)
	}
	scopes := []string{}
	if entra {
		scopes = append(scopes, text("scp"))
	} else {
		for _, name := range [...]string{"scp", "scope"} {
			more, e := oneOrMore(given[name])
			note(e)
			scopes = append(scopes, more...)
		}
	}
	for _, s := range scopes {
		c.scopes = append(c.scopes, strings.Fields(s)...)
	}
	c.forAnother = isIDToken(given)
	_, c.bound = given["cnf"]
	return c, err
}

// isIDToken looks for what stands in ID tokens alone: proofs for the program that asked for it (OpenID Connect Core, 3.1.3.6
// and 2), and the words of some providers.
func isIDToken(given map[string]json.RawMessage) bool {
	for _, name := range [...]string{"nonce", "at_hash", "c_hash", "s_hash"} {
		if _, has := given[name]; has {
			return true
		}
	}
	use, _ := stringOf(given["token_use"]) // Cognito
	kind, _ := stringOf(given["typ"])      // Keycloak
	return strings.EqualFold(use, "id") || strings.EqualFold(kind, "ID") || strings.EqualFold(kind, "Refresh")
}

// oneOrMore reads a JSON string or an array of them.
func oneOrMore(value json.RawMessage) ([]string, error) {
	if one, err := stringOf(value); err == nil {
		if value == nil {
			return nil, nil
		}
		return []string{one}, nil
	}
	return stringsOf(value)
}

// dateOf reads seconds since 1970. A time that no calendar has is an error, and not the far future.
func dateOf(value json.RawMessage) (time.Time, error) {
	if value == nil {
		return time.Time{}, nil
	}
	seconds, err := strconv.ParseFloat(string(value), 64)
	const year9999 = 253402300799
	if err != nil || math.IsNaN(seconds) || seconds <= 0 || seconds > year9999 {
		return time.Time{}, errBroken
	}
	return time.UnixMilli(int64(seconds * 1000)), nil
}
