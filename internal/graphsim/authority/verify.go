package authority

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Challenge says that a token is good but was revoked: the client must ask for another one with these claims.
type Challenge struct {
	Claims string // JSON
}

// Error says what a client is told in Graph's message.
func (c *Challenge) Error() string {
	return "Continuous access evaluation resulted in challenge with result: InteractionRequired and code: TokenIssuedBeforeRevocationTimestamp"
}

// Header returns the value of WWW-Authenticate ("Claims challenges, claims requests and client capabilities").
func (c *Challenge) Header() string {
	return `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` +
		base64.StdEncoding.EncodeToString([]byte(c.Claims)) + `"`
}

// rejection is why a token is no good, in Graph's words.
type rejection string

func (r rejection) Error() string { return string(r) }

// Verify says whether the authority issued a token, and what it says. The error of one that was revoked is a [*Challenge].
func (a *Authority) Verify(token string) (Claims, error) {
	var claims Claims
	_, err := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithExpirationRequired(), jwt.WithIssuer("https://sts.windows.net/"+a.o.TenantID+"/")).
		ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
			if key := a.everSigned(t.Header["kid"]); key != nil {
				return key, nil
			}
			return nil, errors.New("unknown key")
		})
	switch {
	case errors.Is(err, jwt.ErrTokenExpired):
		return Claims{}, rejection("Lifetime validation failed, the token is expired.")
	case err != nil:
		return Claims{}, rejection("Access token validation failure. Invalid signature.")
	case !slices.ContainsFunc(claims.Audience, func(s string) bool { return slices.Contains(a.o.Resources, s) }):
		return Claims{}, rejection("Access token validation failure. Invalid audience.")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if claims.Epoch < a.epoch && slices.Contains(claims.Capabilities, "CP1") {
		a.stats.Challenged++
		return Claims{}, &Challenge{a.challenge}
	}
	return claims, nil
}

// Revoke makes every token issued so far, to a client that declared CP1, answer with a claims challenge. Tokens asked for
// without these claims are answered so, too, until one was asked for with them.
func (a *Authority) Revoke() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.epoch++
	a.challenge = fmt.Sprintf(`{"access_token":{"nbf":{"essential":true,"value":"%d"},"sim_epoch":{"value":"%d"}}}`, time.Now().Unix(), a.epoch)
}

// satisfy returns the epoch of a token that is asked for with claims.
func (a *Authority) satisfy(claims string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.challenge == "" {
		return a.epoch
	}
	if !contains(claims, a.challenge) {
		return a.epoch - 1
	}
	a.stats.WithClaims++
	a.challenge = ""
	return a.epoch
}

// contains reports whether a claims request asks for all that a challenge wants of the access token.
func contains(claims, challenge string) bool {
	type request struct {
		AccessToken map[string]json.RawMessage `json:"access_token"`
	}
	var asked, wanted request
	if json.Unmarshal([]byte(claims), &asked) != nil || json.Unmarshal([]byte(challenge), &wanted) != nil {
		return false
	}
	for name, value := range wanted.AccessToken {
		var a, b any
		if json.Unmarshal(asked.AccessToken[name], &a) != nil || json.Unmarshal(value, &b) != nil || fmt.Sprint(a) != fmt.Sprint(b) {
			return false
		}
	}
	return true
}

// capable reports whether a claims request declares that its client answers challenges.
func capable(claims string) bool {
	var request struct {
		AccessToken struct {
			Capabilities struct {
				Values []string `json:"values"`
			} `json:"xms_cc"`
		} `json:"access_token"`
	}
	return json.Unmarshal([]byte(claims), &request) == nil &&
		slices.ContainsFunc(request.AccessToken.Capabilities.Values, func(v string) bool { return strings.EqualFold(v, "CP1") })
}
