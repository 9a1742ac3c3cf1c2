package redistest

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// MasterName is what sentinels call the primary they watch.
const MasterName = "presence"

// Sentinels are a primary with its replicas, watched by three sentinels.
type Sentinels struct {
	Servers   []*Server // the first began as the primary
	Sentinels []*Server
	Addrs     []string // of the sentinels

	t testing.TB
}

// Sentinel starts a primary, its replicas and three sentinels, and waits until all know each other.
func Sentinel(t testing.TB, o Options) *Sentinels {
	t.Helper()
	Need(t)
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	if o.DownAfter == 0 {
		o.DownAfter = 1000
	}
	a := security(t, o)
	g := &Sentinels{t: t}
	// A replica that waits long before it tries its primary again would make every test wait.
	quick := []string{"repl-diskless-sync-delay 0", "repl-ping-replica-period 1"}
	g.Servers = append(g.Servers, newServer(t, &o, a, quick))
	host, port, _ := net.SplitHostPort(g.Servers[0].Addr)
	for range o.Replicas {
		g.Servers = append(g.Servers, newServer(t, &o, a, append(quick, "replicaof "+host+" "+port)))
	}
	for _, replica := range g.Servers[1:] {
		replica.await("the replica follows", func() bool { return replica.info("replication", "master_link_status") == "up" })
	}
	for range 3 {
		g.Sentinels = append(g.Sentinels, newSentinel(t, o, a, host, port))
	}
	for _, s := range g.Sentinels {
		g.Addrs = append(g.Addrs, s.Addr)
		s.await("the sentinel knows all", func() bool {
			known := s.sentinel()
			return known["num-slaves"] == fmt.Sprint(o.Replicas) && known["num-other-sentinels"] == "2" && known["flags"] == "master"
		})
	}
	return g
}

func newSentinel(t testing.TB, o Options, a *authority, host, port string) *Server {
	t.Helper()
	lines := []string{
		fmt.Sprintf("sentinel monitor %s %s %s 2", MasterName, host, port),
		fmt.Sprintf("sentinel down-after-milliseconds %s %d", MasterName, o.DownAfter),
		// Twice this is waited after an election that found no replica alive.
		fmt.Sprintf("sentinel failover-timeout %s 2000", MasterName),
	}
	if len(o.Users) > 0 {
		lines = append(lines, "sentinel auth-user "+MasterName+" "+keeper, "sentinel auth-pass "+MasterName+" "+keeperPassword,
			"sentinel sentinel-user "+keeper, "sentinel sentinel-pass "+keeperPassword)
	}
	sentinel := o
	sentinel.Persist, sentinel.Config = false, nil
	if len(o.Users) > 0 {
		sentinel.Users = append([]string{"user unused off"}, o.SentinelUsers...)
	}
	return newServer(t, &sentinel, a, lines, "--sentinel")
}

// sentinel returns what this sentinel says of the primary.
func (s *Server) sentinel() map[string]string {
	said := map[string]string{}
	answer, err := s.try("SENTINEL", "MASTER", MasterName)
	if err != nil {
		return said
	}
	fields, _ := answer.([]any)
	for i := 0; i+1 < len(fields); i += 2 {
		said[fmt.Sprint(fields[i])] = fmt.Sprint(fields[i+1])
	}
	return said
}

// Primary returns the server that the sentinels take for the primary.
func (g *Sentinels) Primary() *Server {
	g.t.Helper()
	for _, sentinel := range g.Sentinels {
		known := sentinel.sentinel()
		for _, s := range g.Servers {
			if s.Addr == net.JoinHostPort(known["ip"], known["port"]) {
				return s
			}
		}
	}
	g.t.Fatal("redistest: no sentinel knows a primary")
	return nil
}

// Replicas returns the other servers.
func (g *Sentinels) Replicas() (others []*Server) {
	g.t.Helper()
	primary := g.Primary()
	for _, s := range g.Servers {
		if s != primary {
			others = append(others, s)
		}
	}
	return others
}

// AwaitPrimary waits until the sentinels have made a server other than former the primary, and it takes writes.
func (g *Sentinels) AwaitPrimary(former *Server) *Server {
	g.t.Helper()
	var now *Server
	Await(g.t, "another primary", func() bool {
		now = g.Primary()
		return now != former && now.info("replication", "role") == "master"
	})
	return now
}

// Failover has the sentinels exchange the primary, as a planned maintenance does, and returns the new one.
func (g *Sentinels) Failover() *Server {
	g.t.Helper()
	former := g.Primary()
	// One that has just followed a fail-over may take the new primary for dead until it has a connection to it, and begin
	// another one: of two in one epoch the sentinels would never agree on the primary again.
	Await(g.t, "all sentinels see the primary alive", func() bool {
		return !slices.ContainsFunc(g.Sentinels, func(sentinel *Server) bool {
			known := sentinel.sentinel()
			return sentinel.Running() && (known["flags"] != "master" || net.JoinHostPort(known["ip"], known["port"]) != former.Addr)
		})
	})
	Await(g.t, "a sentinel begins the fail-over", func() bool { // it refuses while the last one is not quite over
		_, err := g.Sentinels[0].try("SENTINEL", "FAILOVER", MasterName)
		return err == nil
	})
	return g.AwaitPrimary(former)
}

// AwaitLinked waits until every living server but the primary follows it. Sentinels may change their mind meanwhile.
func (g *Sentinels) AwaitLinked() {
	g.t.Helper()
	Await(g.t, "the replicas follow the primary", func() bool {
		primary := g.Primary()
		for _, s := range g.Servers {
			if s != primary && s.Running() && (s.info("replication", "master_link_status") != "up" ||
				!strings.HasSuffix(primary.Addr, ":"+s.info("replication", "master_port"))) {
				return false
			}
		}
		return true
	})
}

// ConfigFile is where a server keeps its configuration. Sentinels rewrite theirs.
func (s *Server) ConfigFile() string { return filepath.Clean(s.conf) }
