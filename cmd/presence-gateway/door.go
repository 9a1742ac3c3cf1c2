package main

import (
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/config"
)

// newDoor says who callers are, by gateway.auth.
func newDoor(c *config.Config, log *zap.Logger) (*auth.Verifier, error) {
	return auth.New(auth.Options{
		Anonymous: c.Gateway.Auth.Anonymous,
		KeysFile:  c.Gateway.Auth.APIKeysFile,
		Log:       log,
	})
}
