package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// lookUpAtOnce is how many addresses are looked up before those that nobody has are counted.
const lookUpAtOnce = 50

// lookUp asks whose the e-mail addresses are that the directory does not name, and returns whom it found. It does so
// only for callers who may see everyone: to others the answer would tell who exists. An address that nobody has is as
// good as a made-up id, and counts as one; past the limit only what is known already is answered. It waits for
// Options.ReadWait at most; what was not found until then is not known yet. Server.rights must not be held.
func (s *Server) lookUp(ctx context.Context, caller string, g *grant, addresses []string) map[string]presence.ID {
	if s.options.Resolve == nil || g == nil || !g.onDemand || !g.scope.Load().all {
		return nil
	}
	s.rights.Lock()
	unknown := slices.DeleteFunc(slices.Clone(addresses), func(mail string) bool {
		_, found := s.mails.find(s.directory, mail)
		return found
	})
	s.rights.Unlock()
	ctx, cancel := context.WithTimeout(ctx, s.options.ReadWait)
	defer cancel()
	found := make(map[string]presence.ID, len(unknown))
	for some := range slices.Chunk(unknown, lookUpAtOnce) {
		if s.strangers.exhausted(caller) {
			cancel()
		}
		made := 0
		for mail, id := range s.options.Resolve(ctx, some) {
			if found[mail] = id; id.IsZero() {
				made++
			}
		}
		s.strangers.charge(caller, made)
	}
	return found
}

// lookUp is Server.lookUp for the connection's caller.
func (c *conn) lookUp(addresses []string) map[string]presence.ID {
	if len(addresses) == 0 {
		return nil
	}
	c.mu.Lock()
	g := c.grant
	c.mu.Unlock()
	return c.server.lookUp(context.Background(), c.caller, g, addresses)
}

// exhausted reports whether too many made-up ids came through the subject of late.
func (s *strangers) exhausted(subject string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spent(subject, time.Now())
}

// charge counts n made-up ids more.
func (s *strangers) charge(subject string, n int) {
	if n == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(subject, n, time.Now())
}
