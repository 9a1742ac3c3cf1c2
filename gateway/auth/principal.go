package auth

import (
	"crypto/sha256"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Kind is how a caller signs in.
type Kind int

// The kinds.
const (
	Nothing Kind = iota // presents nothing
	Bearer              // a token or an API key
	Ticket              // a ticket of one use
	Either              // either of them: a browser that signs in by message does not say which
)

// Credential is what a caller presents. Formatting it does not show its value.
type Credential struct {
	Kind  Kind
	Value string
}

// String names the kind alone.
func (c Credential) String() string {
	return [...]string{"nothing", "[token or API key]", "[ticket]", "[token, API key or ticket]"}[c.Kind&3]
}

// GoString is String: %#v must not show the value either.
func (c Credential) GoString() string { return c.String() }

// MarshalText is String, so that no encoder writes the value.
func (c Credential) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// Principal is a caller who was let in.
type Principal struct {
	// Anonymous says that nothing was presented, and that this is enough here.
	Anonymous bool

	// Subject names the caller for limits, renewal and audit, the same whatever credential was used: "key:<name>",
	// "user:<tenant>:<object>", "app:<tenant>:<object>" or, of other providers, "sub:<issuer>:<sub>". Empty: anonymous.
	Subject string

	Key  string      // name of the API key; empty for tokens
	User presence.ID // Entra object id of a signed-in person; zero for keys, applications and other providers

	Roles  []string      // of the token
	Groups []presence.ID // of the token; a token of somebody in very many groups names none

	// Expires is the end of the credential; zero: it does not end by itself. A token is accepted for up to [Skew] after
	// its end, because clocks differ.
	Expires time.Time

	print fingerprint // of the API key; zero for tokens
}

// SignedIn reports whether the caller presented something.
func (p Principal) SignedIn() bool { return p.Subject != "" }

// fingerprint stands for a secret: its hash.
type fingerprint [sha256.Size]byte

func fingerprintOf(secret string) fingerprint { return sha256.Sum256([]byte(secret)) }
