package main

import (
	"os"
	"strings"
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/config"
)

// newRedis is the store that hub.redis names. Nothing connects yet.
func newRedis(c *config.Config, log *zap.Logger) (*redis.Store, error) {
	r := &c.Hub.Redis
	o := redis.Options{
		Addrs: r.Addrs, MasterName: r.MasterName, Username: r.Username, TLS: r.TLS, CAFile: r.CAFile, Prefix: r.Prefix,
		Fields: c.Privacy.Set(), Log: log,
	}
	switch {
	case r.Password != "":
		o.Password = func() (string, error) { return string(r.Password), nil }
	case r.PasswordFile != "":
		o.Password = passwordIn(r.PasswordFile, log)
	}
	return redis.New(o)
}

// passwordIn reads a password anew whenever it is asked for. While the file cannot be read, the one before stays.
func passwordIn(path string, log *zap.Logger) func() (string, error) {
	var last atomic.Pointer[string]
	return func() (string, error) {
		text, err := os.ReadFile(path)
		if err == nil {
			password := strings.TrimRight(string(text), "\r\n")
			last.Store(&password)
			return password, nil
		}
		if before := last.Load(); before != nil {
			log.Warn("the password of Redis cannot be read, the one read before stays in force", zap.Error(err))
			return *before, nil
		}
		return "", err
	}
}
