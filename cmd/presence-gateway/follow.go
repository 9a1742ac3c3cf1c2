package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/internal/config"
)

// follower reads the configuration file again when it changes. What says who sees whom takes effect; of all else it is
// said that it needs a restart. A broken file leaves everything as it was, and is reported once.
type follower struct {
	path   string
	role   role
	begun  *config.Config // what runs, apart from who sees whom
	govern func(rules []gateway.Rule, operator string)
	log    *zap.Logger

	now        *config.Config // as the file was last understood
	seen       fs.FileInfo
	text       []byte
	complained string
}

// How often the file is looked at, and how long after a change its time may still hide another one: file systems
// count time in steps.
const followEvery, followAgain = time.Second, 3 * time.Second

// newFollower begins with c, which was read from path just now.
func newFollower(path string, c *config.Config, log *zap.Logger) *follower {
	return &follower{path: path, begun: c, now: c, log: log.Named("config")}
}

// Run follows the file until ctx ends. It returns nil.
func (f *follower) Run(ctx context.Context) error {
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			f.look()
		case <-ctx.Done():
			return nil
		}
	}
}

func (f *follower) look() {
	info, err := os.Stat(f.path)
	if err != nil {
		f.complain(err.Error())
		return
	}
	if f.seen != nil && os.SameFile(f.seen, info) && f.seen.Size() == info.Size() && f.seen.ModTime().Equal(info.ModTime()) &&
		time.Since(info.ModTime()) > followAgain {
		return
	}
	text, err := os.ReadFile(f.path)
	if err != nil {
		f.complain(err.Error())
		return
	}
	f.seen = info
	if bytes.Equal(text, f.text) {
		return
	}
	f.text = text
	c, notices, err := config.Parse(f.path, text, os.Environ(), f.role.unused()...) // who judges the rest is not asked: it runs already
	if err != nil {
		f.complain(err.Error())
		return
	}
	f.complained = ""
	f.apply(c, notices)
}

// complain reports what keeps the file from being followed, once.
func (f *follower) complain(why string) {
	if f.complained != why {
		f.complained = why
		f.log.Error("the configuration file cannot be used: what it said before stays in force", zap.String("why", why))
	}
}

func (f *follower) apply(c *config.Config, notices []string) {
	var later []string
	rights := false
	for _, key := range config.Differences(f.now, c) {
		if key == "gateway.policy" || key == "gateway.auth.operator_role" {
			rights = true
		} else {
			later = append(later, key)
		}
	}
	f.now = c
	if rights || len(later) > 0 {
		for _, notice := range notices {
			f.log.Warn(notice)
		}
	}
	if len(later) > 0 {
		f.log.Warn("changed in the configuration file, and needs a restart: "+strings.Join(later, ", "), zap.Strings("keys", later))
	}
	if rights {
		f.govern(policy(f.begun, c.Gateway.Policy), c.Gateway.Auth.OperatorRole)
		f.log.Info("who sees whom was read again", zap.Int("rules", len(c.Gateway.Policy)))
	}
}
