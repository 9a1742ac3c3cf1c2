package gateway

import (
	"context"
	"strconv"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Hold holds the grant of whoever presents value, as a request under way does.
func (s *Server) Hold(value string) {
	who, _ := s.door.Authenticate(context.Background(), auth.Credential{Kind: auth.Bearer, Value: value})
	s.rights.Lock()
	defer s.rights.Unlock()
	s.policy.grant(who).holders.Add(1)
}

// Directory returns the directory by which rights are judged.
func (s *Server) Directory() *presence.Directory {
	s.rights.Lock()
	defer s.rights.Unlock()
	return s.directory
}

// Epoch counts how often directory or policy changed, and is odd while everybody is judged again.
func (s *Server) Epoch() uint64 { return s.epoch.Load() }

// Judge returns a judgement of ids by the rights of whoever presents value.
func (s *Server) Judge(value string, ids []presence.ID) func() {
	who, _ := s.door.Authenticate(context.Background(), auth.Credential{Kind: auth.Bearer, Value: value})
	return func() {
		s.rights.Lock()
		defer s.rights.Unlock()
		s.judge(&wire.Request{Users: ids}, s.policy.grant(who), nil)
	}
}

// StrangersLetIn counts how many connections from as many addresses may wait for their sign-in.
func StrangersLetIn() (n int) {
	cs := newConnections()
	for n < 1_000_000 && cs.expect(strconv.Itoa(n)) {
		n++
	}
	return n
}
