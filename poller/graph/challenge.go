package graph

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// Claims returns the claims, decoded, that the answer of a Graph asks for which refuses a token ("Claims challenges, claims
// requests and client capabilities").
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
		var value string
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
