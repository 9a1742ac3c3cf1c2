package graph

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// Credential gives the token that signs a request. It is asked before each one and is expected to answer from
// memory nearly always; ctx ends with the request's time. It must be safe for concurrent use.
type Credential interface {
	Token(ctx context.Context) (Token, error)
}

// Token is a bearer token. However it is printed, encoded or logged, its value does not show.
type Token struct {
	Value   string
	Expires time.Time // zero: unknown
}

const redacted = "[redacted]"

// String returns a placeholder.
func (Token) String() string { return redacted }

// GoString returns a placeholder.
func (Token) GoString() string { return redacted }

// Format writes a placeholder for every verb.
func (Token) Format(f fmt.State, _ rune) { io.WriteString(f, redacted) }

// MarshalText returns a placeholder, for JSON too.
func (Token) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// expiry reads the exp claim of a token that is a JWT. The signature is not looked at: Graph judges the token, this
// only tells an operator when it ends. Zero where there is none to be read.
func expiry(token string) time.Time {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return time.Time{}
	}
	var claims struct {
		Expires float64 `json:"exp"`
	}
	const year10000 = 253402300800
	if json.Unmarshal(payload, &claims) != nil || claims.Expires <= 0 || claims.Expires >= year10000 {
		return time.Time{}
	}
	return time.Unix(int64(claims.Expires), 0)
}
