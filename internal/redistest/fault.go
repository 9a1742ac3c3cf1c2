package redistest

import (
	"os"
	"path/filepath"
	"strings"
)

// Running reports whether the process lives, stopped or not.
func (s *Server) Running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Kill ends the process as a power cut does.
func (s *Server) Kill() {
	s.t.Helper()
	if !s.Running() {
		s.t.Fatalf("redistest: %s is dead already", s.Addr)
	}
	s.kill()
}

// Shutdown ends the process as its service manager does.
func (s *Server) Shutdown() {
	s.t.Helper()
	if err := terminate(s.cmd.Process); err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
}

// Start runs a killed server again, where it was. With [Options.Persist] it has what it had.
func (s *Server) Start() {
	s.t.Helper()
	if s.Running() {
		s.t.Fatalf("redistest: %s runs already", s.Addr)
	}
	if err := s.run(); err != nil {
		s.t.Fatal(err)
	}
}

// StartEmpty runs a killed server again, after all it held was lost.
func (s *Server) StartEmpty() {
	s.t.Helper()
	for _, kept := range []string{"appendonlydir", "dump.rdb"} {
		if err := os.RemoveAll(filepath.Join(s.dir, kept)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.Start()
}

// Stop lets the process stand still, with its connections open.
func (s *Server) Stop() {
	s.t.Helper()
	if err := stop(s.cmd.Process); err != nil {
		s.t.Fatal(err)
	}
}

// Continue lets a stopped process go on.
func (s *Server) Continue() {
	s.t.Helper()
	if err := goOn(s.cmd.Process); err != nil {
		s.t.Fatal(err)
	}
}

// FlushAll empties the server.
func (s *Server) FlushAll() {
	s.t.Helper()
	s.Do("FLUSHALL")
}

// ForgetScripts lets the server answer NOSCRIPT to everyone once.
func (s *Server) ForgetScripts() {
	s.t.Helper()
	s.Do("SCRIPT", "FLUSH")
}

// Set changes a setting of the running server.
func (s *Server) Set(name, value string) {
	s.t.Helper()
	s.Do("CONFIG", "SET", name, value)
}

// SetUsers replaces who may come in. The server must have begun with users. Everyone who is connected is cut off.
func (s *Server) SetUsers(lines ...string) {
	s.t.Helper()
	s.o.Users = lines
	s.write(filepath.Join(s.dir, "users.acl"), s.o.acl())
	s.Do("ACL", "LOAD")
	s.forgetAdmin()
}

// RenewTLS gives the server a certificate of another authority, and its file to clients at [Server.CAFile] a new
// content: connections that are open go on.
func (s *Server) RenewTLS() {
	s.t.Helper()
	fresh := newAuthority(s.t)
	s.Do("CONFIG", "SET", "tls-cert-file", fresh.certFile, "tls-key-file", fresh.keyFile, "tls-ca-cert-file", fresh.caFile)
	text, err := os.ReadFile(fresh.caFile)
	if err != nil {
		s.t.Fatal(err)
	}
	s.write(s.tls.caFile, string(text))
	fresh.caFile = s.tls.caFile
	s.tls = fresh
	s.forgetAdmin()
}

// forgetAdmin has the next command of the harness come by a new connection.
func (s *Server) forgetAdmin() {
	s.admin.Close()
	s.admin = nil
}

// CutClients closes the connections of a type of client: normal, pubsub, replica, master.
func (s *Server) CutClients(kind string) {
	s.t.Helper()
	s.Do("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
}

// Subscribers returns how many listen to a channel here, sharded or not.
func (s *Server) Subscribers(channel string) int {
	s.t.Helper()
	n := 0
	for _, kind := range []string{"NUMSUB", "SHARDNUMSUB"} {
		answer, _ := s.Do("PUBSUB", kind, channel).([]any)
		if len(answer) == 2 {
			count, _ := answer[1].(int64)
			n += int(count)
		}
	}
	return n
}

// Refused returns how many commands the server refused for lack of a right, by what was refused.
func (s *Server) Refused() map[string]int {
	s.t.Helper()
	refused := map[string]int{}
	log, _ := s.Do("ACL", "LOG", "128").([]any)
	for _, line := range log {
		fields, _ := line.([]any)
		said := map[string]any{}
		for i := 0; i+1 < len(fields); i += 2 {
			name, _ := fields[i].(string)
			said[name] = fields[i+1]
		}
		who, _ := said["username"].(string)
		what, _ := said["object"].(string)
		count, _ := said["count"].(int64)
		refused[strings.TrimSpace(who+" "+what)] += int(count)
	}
	return refused
}
