package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience is how long anything may take that a test waits for. Sentinels take some twenty seconds to make a replica of
// a former primary that came back.
const patience = 45 * time.Second

// Server is one redis-server process, or between a Kill and a Start the place of one. Its methods fail the test where
// they cannot do what they say. One goroutine at a time.
type Server struct {
	Addr string // host:port, the same over all restarts

	t     testing.TB
	o     *Options
	tls   *authority // nil: none
	dir   string
	port  int
	args  []string // of the process, behind its configuration file
	conf  string
	cmd   *exec.Cmd
	ended chan struct{} // closed when the process is gone
	admin *redis.Client
}

// Standalone starts one server.
func Standalone(t testing.TB, o Options) *Server {
	t.Helper()
	Need(t)
	return newServer(t, &o, security(t, o), nil)
}

func security(t testing.TB, o Options) *authority {
	if !o.TLS {
		return nil
	}
	return newAuthority(t)
}

// newServer configures and starts a server. A port that somebody else took meanwhile is exchanged for another.
func newServer(t testing.TB, o *Options, a *authority, lines []string, args ...string) *Server {
	t.Helper()
	s := &Server{t: t, o: o, tls: a, dir: t.TempDir(), args: args}
	for attempt := 0; ; attempt++ {
		s.port = freePort(t)
		s.Addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port))
		s.configure(lines)
		err := s.run()
		if err == nil {
			break
		}
		if attempt == 5 {
			t.Fatal(err)
		}
	}
	t.Cleanup(s.end)
	return s
}

// freePort returns a port that was free just now, with its sister that a Cluster's bus takes.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := first.Addr().(*net.TCPAddr).Port
		first.Close()
		if second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", busPort(port))); err == nil {
			second.Close()
			return port
		}
	}
	t.Fatal("redistest: no two free ports")
	return 0
}

// busPort is the port on which the members of a Cluster talk. The usual ten thousand above may not exist.
func busPort(port int) int {
	if port < 30000 {
		return port + 10000
	}
	return port - 10000
}

func (s *Server) configure(lines []string) {
	s.t.Helper()
	conf := []string{
		"bind 127.0.0.1", "protected-mode no", "daemonize no", "dir " + s.dir, `save ""`,
		"logfile " + filepath.Join(s.dir, "log"), "enable-debug-command yes",
	}
	listen := "port"
	if s.tls != nil {
		conf = append(conf, "port 0", "tls-cert-file "+s.tls.certFile, "tls-key-file "+s.tls.keyFile, "tls-ca-cert-file "+s.tls.caFile,
			"tls-auth-clients no", "tls-replication yes", "tls-cluster yes")
		listen = "tls-port"
	}
	conf = append(conf, fmt.Sprintf("%s %d", listen, s.port), fmt.Sprintf("cluster-port %d", busPort(s.port)))
	if len(s.o.Users) > 0 {
		acl := filepath.Join(s.dir, "users.acl")
		s.write(acl, s.o.acl())
		conf = append(conf, "aclfile "+acl, "masteruser "+keeper, "masterauth "+keeperPassword)
	}
	if s.o.Persist {
		conf = append(conf, "appendonly yes", "appendfsync always")
	}
	s.conf = filepath.Join(s.dir, "redis.conf")
	s.write(s.conf, strings.Join(append(append(conf, lines...), s.o.Config...), "\n")+"\n")
}

func (s *Server) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// run starts the process and waits until it listens. That it does not yet answer commands, as while it loads, is not waited for.
func (s *Server) run() error {
	s.cmd = exec.Command("redis-server", append([]string{s.conf}, s.args...)...)
	notLeftBehind(s.cmd)
	ended := make(chan struct{})
	began := make(chan error)
	go func() { // a thread that ends takes the process along, so this one waits for it
		runtime.LockOSThread()
		err := s.cmd.Start()
		began <- err
		if err == nil {
			_ = s.cmd.Wait() // killed, as a rule
		}
		close(ended)
	}()
	if err := <-began; err != nil {
		return fmt.Errorf("redistest: %w", err)
	}
	s.ended = ended
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); {
		if c, err := net.DialTimeout("tcp", s.Addr, time.Second); err == nil {
			c.Close()
			return nil
		}
		select {
		case <-ended:
			return fmt.Errorf("redistest: redis-server ended at once: %s", s.Log())
		case <-time.After(5 * time.Millisecond):
		}
	}
	return errors.Join(fmt.Errorf("redistest: redis-server does not listen after %v: %s", patience, s.Log()), s.cmd.Process.Kill())
}

// end is the last thing that happens to a server.
func (s *Server) end() {
	if s.admin != nil {
		s.admin.Close()
	}
	if s.Running() {
		_ = goOn(s.cmd.Process)
		s.kill()
	}
	if s.t.Failed() {
		s.t.Logf("log of %s:\n%s", s.Addr, s.Log())
	}
}

func (s *Server) kill() {
	_ = s.cmd.Process.Kill() // it may have ended meanwhile
	<-s.ended
}

// Log returns the end of what the server logged.
func (s *Server) Log() string {
	text, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return string(text[max(0, len(text)-4000):])
}

// CAFile is the certificate authority to trust, or "" without TLS.
func (s *Server) CAFile() string {
	if s.tls == nil {
		return ""
	}
	return s.tls.caFile
}

// Admin returns a client of the server itself, whatever it is part of, that may do everything.
func (s *Server) Admin() *redis.Client {
	if s.admin == nil {
		s.admin = redis.NewClient(s.client())
	}
	return s.admin
}

func (s *Server) client() *redis.Options {
	o := &redis.Options{Addr: s.Addr, MaxRetries: -1, DisableIdentity: true, Protocol: 2, DialTimeout: time.Second,
		ReadTimeout: patience, PoolSize: 4, DialerRetries: 1}
	if len(s.o.Users) > 0 {
		o.Username, o.Password = keeper, keeperPassword
	}
	if s.tls != nil {
		o.TLSConfig = s.tls.config()
	}
	return o
}

// Do has the server answer a command, as its administrator.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	answer, err := s.try(args...)
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("redistest: %s: %v: %v", s.Addr, args, err)
	}
	return answer
}

func (s *Server) try(args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.Admin().Do(ctx, args...).Result()
}

// info returns one line of INFO, or "".
func (s *Server) info(section, name string) string {
	text, err := s.try("INFO", section)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(fmt.Sprint(text)) {
		if value, found := strings.CutPrefix(strings.TrimSpace(line), name+":"); found {
			return value
		}
	}
	return ""
}

// await asks until it is so.
func (s *Server) await(what string, so func() bool) {
	s.t.Helper()
	Await(s.t, what, so)
}

// Await asks until it is so.
func Await(t testing.TB, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("redistest: not within %v: %s", patience, what)
		}
	}
}
