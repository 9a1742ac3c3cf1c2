package main

import (
	"errors"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/trust"
)

// newDoor says who callers are, by gateway.auth. It has read the API keys file, and fetched nothing. The issuer's certificate is
// judged as Graph's and its login's are: with one's own authorities, too, where the configuration names them.
func newDoor(c *config.Config, trusted *trust.Authorities, log *zap.Logger) (*auth.Verifier, error) {
	a := &c.Gateway.Auth
	return auth.New(auth.Options{
		Anonymous: a.Anonymous,
		KeysFile:  a.APIKeysFile,
		JWT: auth.JWT{Issuer: a.JWT.Issuer, Audience: a.JWT.Audience, JWKSURL: a.JWT.JWKSURL, TenantIDs: a.JWT.TenantIDs,
			RequiredScope: a.JWT.RequiredScope, RequiredRole: a.JWT.RequiredRole},
		Trust: trusted,
		Log:   log,
	})
}

// judgeDoor finds mistakes in the API keys file, each with its line.
var judgeDoor = config.Judge{Part: "gateway.auth", Find: func(c *config.Config) (all config.Problems) {
	_, err := newDoor(c, nil, zap.NewNop())
	var file *auth.FileError
	switch {
	case errors.As(err, &file):
		for _, p := range file.Problems {
			all = append(all, config.Problem{File: file.File, Line: p.Line, Text: p.Text})
		}
	case err != nil:
		all = append(all, config.Problem{Key: "gateway.auth", Text: err.Error()})
	}
	return all
}}
