package credential

import (
	"encoding/json"
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

func object(text []byte) bool {
	var members map[string]json.RawMessage
	return json.Unmarshal(text, &members) == nil && members != nil
}

// Challenge says that Graph revoked the token, and what it wants of the next: decoded claims, as [graph.Error] has them.
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
