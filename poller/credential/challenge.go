package credential

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"go.uber.org/zap"
)

const (
	// A challenge that the token in force has answered already is not answered again for this long.
	answerOnce = time.Minute
	// Nor is any other one, if the token is younger than this.
	answerPause = 5 * time.Second
	// A token that Graph refuses without a challenge is renewed when it is older than this.
	renewPause = time.Minute
)

// Claims returns the claims, decoded, that the answer of a Graph asks for which refuses a token ("Claims challenges, claims
// requests and client capabilities"): what [Entra.Challenge] takes.
func Claims(h http.Header) (claims string, ok bool) {
	for _, line := range h.Values("WWW-Authenticate") {
		if claims, ok := parseChallenge(line); ok {
			return claims, true
		}
	}
	return "", false
}

// parseChallenge finds a Bearer challenge with error="insufficient_claims" and base64 claims in a header's value.
func parseChallenge(line string) (string, bool) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return "", false
	}
	parameters := map[string]string{}
	for rest = strings.TrimLeft(rest, " ,\t"); rest != ""; rest = strings.TrimLeft(rest, " ,\t") {
		name, after, found := strings.Cut(rest, "=")
		if !found {
			break
		}
		value := after
		if quoted, ok := strings.CutPrefix(after, `"`); ok {
			value, rest, found = strings.Cut(quoted, `"`)
			if !found {
				break
			}
		} else {
			value, rest, _ = strings.Cut(after, ",")
		}
		parameters[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	if parameters["error"] != "insufficient_claims" {
		return "", false
	}
	text := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(parameters["claims"], "="))
	decoded, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || !object(decoded) {
		return "", false
	}
	return string(decoded), true
}

func object(text []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(text, &members) == nil && members != nil
}

// Challenge says that Graph revoked the token, and what it wants of the next: decoded claims, as [Claims] returns them.
// The token is not given out any more, and the next [Entra.Token] signs in with the claims, once. It reports whether it will:
// not if the claims are no JSON object, nor if the token in force has just answered these claims, or others a moment ago, so that
// the refusal is of an older token or the answer did not help.
func (e *Entra) Challenge(claims string) bool {
	if !object([]byte(claims)) {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	age := time.Since(e.obtained)
	if e.answered != "" && (age < answerPause || e.answered == claims && age < answerOnce) {
		if !e.complained {
			e.complained = true
			e.log.Warn("Graph challenges a token that has just answered a challenge; it is not asked for again yet")
		}
		return false
	}
	if e.claims != claims {
		e.claims = claims
		e.log.Info("Graph revoked the token, another one is asked for with its claims", zap.Duration("age", age))
	}
	return true
}

// Renew says that Graph refuses the token though it should last: it may have been issued before a permission was granted, or
// a key replaced. Another one is asked for, while this one stays in force. It reports whether it will be: not if the
// token is younger than a minute.
func (e *Entra) Renew() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.token.Value == "" || time.Since(e.obtained) < renewPause {
		return false
	}
	e.renew = true
	return true
}
