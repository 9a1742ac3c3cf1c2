package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
)

// signIn looks at every way in: a line for each.
func (e *examination) signIn(ctx context.Context) {
	const name = "sign-in"
	a := &e.c.Gateway.Auth
	if a.Anonymous {
		rules := "1 rule"
		if n := len(e.c.Gateway.Policy); n != 1 {
			rules = fmt.Sprintf("%d rules", n)
		}
		who := "anonymous callers, too"
		if a.APIKeysFile == "" && a.JWT.Issuer == "" {
			who = "anonymous callers alone"
		}
		e.ok(name, who+": whoever reaches "+e.c.Listen+" sees what "+rules+" of gateway.policy allow")
	}
	trusted, err := trustedBy(e.c, zap.NewNop())
	if err != nil {
		e.fail(name, err.Error(), "mend graph.credential.ca_file")
		return
	}
	door, err := newDoor(e.c, trusted, zap.NewNop())
	if err != nil {
		e.fail(name, err.Error(), "mend gateway.auth")
		return
	}
	if a.APIKeysFile != "" {
		e.apiKeys(door)
	}
	if a.JWT.Issuer != "" {
		e.issuer(ctx, door)
	}
}

// apiKeys looks at the file. That it can be read, the configuration has found.
func (e *examination) apiKeys(door *auth.Verifier) {
	const name = "api keys"
	file := e.c.Gateway.Auth.APIKeysFile
	keys := door.APIKeys()
	text := fmt.Sprintf("%s: %d, of %d callers", file, keys, len(door.KeyNames()))
	switch info, err := os.Stat(file); {
	case keys == 0:
		e.warn(name, file+" holds no key", "add one: docs/signin.md shows how it is made")
	case err == nil && info.Mode().Perm()&0o022 != 0:
		e.warn(name, text+"; others than its owner may write to it, and so let themselves in", "chmod go-w "+file)
	default:
		e.ok(name, text)
	}
	var unknown []string
	for _, rule := range e.c.Gateway.Policy {
		for _, key := range rule.Who.Keys {
			if !door.KeyNames()[key] {
				unknown = append(unknown, key)
			}
		}
	}
	if len(unknown) > 0 {
		e.warn(name, "gateway.policy speaks of "+strings.Join(unknown, ", ")+", and no key has that name", "write the names as "+file+" has them")
	}
}

// issuer fetches the keys that tokens are judged by.
func (e *examination) issuer(ctx context.Context, door *auth.Verifier) {
	const name = "issuer keys"
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	keys, err := door.FetchKeys(ctx)
	var unknown x509.UnknownAuthorityError
	switch {
	case errors.As(err, &unknown):
		e.fail(name, "they cannot be fetched: "+err.Error(), "name that authority with graph.credential.ca_file if you trust it")
	case err != nil && ctx.Err() != nil:
		e.fail(name, "they cannot be fetched within 15s: "+err.Error(), "see that this machine may reach it (name resolution, firewall, HTTPS_PROXY)")
	case err != nil:
		e.fail(name, "they cannot be fetched: "+err.Error(), "see that gateway.auth.jwt.issuer, or jwks_url, is right and can be reached from here; without keys nobody signs in with a token")
	default:
		e.ok(name, fmt.Sprintf("%d for RS256 at %s", keys.Usable, keys.Where))
	}
	if j := e.c.Gateway.Auth.JWT; strings.HasSuffix(j.Issuer, "/v2.0") && strings.HasPrefix(j.Audience, "api://") {
		e.warn(name, "tokens of version 2.0 name the API by its application id, and gateway.auth.jwt.audience is "+j.Audience, "write the application id alone, unless a token was seen that says otherwise")
	}
}
