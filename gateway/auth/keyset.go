package auth

import (
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// keySet is what an issuer signs with, as of one fetch. It is immutable.
type keySet struct {
	keys  map[string]publicKey
	print fingerprint // of the text it was read from
}

type publicKey struct {
	*rsa.PublicKey
	issuer string // whose tokens alone it is for; empty: not said. May hold {tenantid}
}

const (
	maxKeys   = 256 // of a set. Entra publishes fewer than ten
	minBits   = 2048
	maxBits   = 8192 // a longer one would make each forged token dear
	maxKeyExp = 1<<31 - 1
)

var errNoKeys = errors.New("no key in it can verify RS256")

// parseKeySet reads a JSON Web Key Set (RFC 7517). Keys for other purposes, and those that are not understood, are passed over;
// a set without any that can be used is an error, because it would lock everyone out.
func parseKeySet(text []byte) (*keySet, error) {
	var document struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, errors.New("it is no JSON Web Key Set")
	}
	if len(document.Keys) > maxKeys {
		return nil, fmt.Errorf("it holds %d keys: want %d at most", len(document.Keys), maxKeys)
	}
	set := &keySet{keys: map[string]publicKey{}, print: fingerprintOf(string(text))}
	for _, raw := range document.Keys {
		if name, key, ok := parseKey(raw); ok {
			set.keys[name] = key
		}
	}
	if len(set.keys) == 0 {
		return nil, errNoKeys
	}
	return set, nil
}

func parseKey(raw json.RawMessage) (name string, key publicKey, ok bool) {
	var jwk struct {
		Type    string   `json:"kty"`
		Use     string   `json:"use"`
		Alg     string   `json:"alg"`
		Ops     []string `json:"key_ops"`
		ID      string   `json:"kid"`
		Issuer  string   `json:"issuer"` // Microsoft's
		N, E    string
		Private string `json:"d"`
	}
	if json.Unmarshal(raw, &jwk) != nil || jwk.Type != "RSA" || jwk.ID == "" || len(jwk.ID) > maxKeyID {
		return "", key, false
	}
	switch {
	case jwk.Use != "" && jwk.Use != "sig", jwk.Alg != "" && jwk.Alg != "RS256":
		return "", key, false
	case jwk.Private != "": // then it is no secret any more who may sign
		return "", key, false
	case jwk.Ops != nil && !strings.Contains(" "+strings.Join(jwk.Ops, " ")+" ", " verify "):
		return "", key, false
	}
	n, errN := decodePart(strings.TrimRight(jwk.N, "="))
	e, errE := decodePart(strings.TrimRight(jwk.E, "="))
	if errN != nil || errE != nil || len(e) > 4 {
		return "", key, false
	}
	public := &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	if bits := public.N.BitLen(); bits < minBits || bits > maxBits || public.N.Bit(0) == 0 || public.E < 3 || public.E > maxKeyExp || public.E&1 == 0 {
		return "", key, false
	}
	return jwk.ID, publicKey{public, jwk.Issuer}, true
}
