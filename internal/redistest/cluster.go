package redistest

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// slots is how many a Cluster has.
const slots = 16384

// Nodes are a Cluster: three owners of a third of the slots each, with a replica each.
type Nodes struct {
	Servers []*Server // the first three began as owners
	Addrs   []string

	t testing.TB
}

// Cluster starts six nodes and waits until they serve all slots and every replica follows.
func Cluster(t testing.TB, o Options) *Nodes {
	t.Helper()
	Need(t)
	if o.DownAfter == 0 {
		o.DownAfter = 2000
	}
	a := security(t, o)
	g := &Nodes{t: t}
	for range 6 {
		g.Servers = append(g.Servers, newNode(t, &o, a))
		g.Addrs = append(g.Addrs, g.Servers[len(g.Servers)-1].Addr)
	}
	for i, s := range g.Servers {
		s.Do("CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
	for i, s := range g.Servers[:3] {
		s.Do("CLUSTER", "ADDSLOTSRANGE", i*slots/3, (i+1)*slots/3-1)
	}
	for _, s := range g.Servers[1:] {
		host, port, _ := net.SplitHostPort(g.Servers[0].Addr)
		s.Do("CLUSTER", "MEET", host, port, busPort(g.Servers[0].port))
	}
	for i, s := range g.Servers {
		s.await("the nodes know each other", func() bool { return s.clusterInfo("cluster_known_nodes") == "6" })
		if i >= 3 {
			owner := g.Servers[i-3]
			s.await("the replica knows its owner", func() bool {
				_, err := s.try("CLUSTER", "REPLICATE", owner.nodeID())
				return err == nil
			})
		}
	}
	g.AwaitWhole()
	for _, s := range g.Servers[3:] {
		s.await("the replica follows", func() bool { return s.info("replication", "master_link_status") == "up" })
	}
	// An owner would not be replaced before the others have heard of its replica.
	for _, s := range g.Servers {
		s.await("every node knows all roles", func() bool { return strings.Count(s.nodes(), "slave") == 3 })
	}
	return g
}

func newNode(t testing.TB, o *Options, a *authority) *Server {
	t.Helper()
	return newServer(t, o, a, []string{"cluster-enabled yes", "cluster-config-file nodes.conf",
		fmt.Sprintf("cluster-node-timeout %d", o.DownAfter), "repl-diskless-sync-delay 0", "repl-ping-replica-period 1",
		"cluster-announce-ip 127.0.0.1"})
}

func (s *Server) nodeID() string { return fmt.Sprint(s.Do("CLUSTER", "MYID")) }

func (s *Server) nodes() string {
	text, err := s.try("CLUSTER", "NODES")
	if err != nil {
		return ""
	}
	return fmt.Sprint(text)
}

func (s *Server) clusterInfo(name string) string {
	text, err := s.try("CLUSTER", "INFO")
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

// AwaitWhole waits until every living node takes the Cluster for whole.
func (g *Nodes) AwaitWhole() {
	g.t.Helper()
	for _, s := range g.Servers {
		if s.Running() {
			s.await("the Cluster is whole", func() bool {
				return s.clusterInfo("cluster_state") == "ok" && s.clusterInfo("cluster_slots_ok") == fmt.Sprint(slots)
			})
		}
	}
}

// AwaitReplicas waits until every owner has its replica, everyone knows, and an owner could die anew.
func (g *Nodes) AwaitReplicas() {
	g.t.Helper()
	for _, s := range g.Servers {
		s.await("three replicas follow", func() bool {
			nodes := s.nodes()
			return strings.Count(nodes, "slave") == 3 && !strings.Contains(nodes, "fail") &&
				(s.info("replication", "role") == "master" || s.info("replication", "master_link_status") == "up")
		})
	}
}

// Owner returns the living node that owns the slot of a key now, by its own account.
func (g *Nodes) Owner(key string) *Server {
	g.t.Helper()
	var owner *Server
	Await(g.t, "a node owns the slot", func() bool {
		owner = nil
		for _, s := range g.Servers {
			if s.Running() && s.info("replication", "role") == "master" && s.owns(Slot(key)) {
				owner = s
			}
		}
		return owner != nil
	})
	return owner
}

// owns reports whether the node says that a slot is its own. CLUSTER NODES ends its own line with the slots it has.
func (s *Server) owns(slot int) bool {
	for line := range strings.Lines(s.nodes()) {
		fields := strings.Fields(line)
		if len(fields) < 9 || !strings.Contains(fields[2], "myself") {
			continue
		}
		for _, of := range fields[8:] {
			first, last := 0, 0
			if n, _ := fmt.Sscanf(of, "%d-%d", &first, &last); n == 1 {
				last = first
			}
			if !strings.HasPrefix(of, "[") && first <= slot && slot <= last {
				return true
			}
		}
	}
	return false
}

// Slot returns the slot of a key.
func Slot(key string) int {
	if open := strings.IndexByte(key, '{'); open >= 0 {
		if end := strings.IndexByte(key[open+1:], '}'); end > 0 {
			key = key[open+1 : open+1+end]
		}
	}
	crc := uint16(0) // CRC-16/XMODEM, as the Cluster's specification has it
	for i := 0; i < len(key); i++ {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slots
}

// MigrateSlot moves the slot of a key, with all it holds, to another owner while everything runs, as redis-cli
// --cluster reshard does. It returns the new owner.
func (g *Nodes) MigrateSlot(key string) *Server {
	g.t.Helper()
	from, slot := g.Owner(key), Slot(key)
	var to *Server
	for _, s := range g.Servers {
		if s != from && s.Running() && s.info("replication", "role") == "master" {
			to = s
			break
		}
	}
	if to == nil {
		g.t.Fatal("redistest: no other owner to move a slot to")
	}
	to.Do("CLUSTER", "SETSLOT", slot, "IMPORTING", from.nodeID())
	from.Do("CLUSTER", "SETSLOT", slot, "MIGRATING", to.nodeID())
	host, port, _ := net.SplitHostPort(to.Addr)
	for {
		keys, _ := from.Do("CLUSTER", "GETKEYSINSLOT", slot, 100).([]any)
		if len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", host, port, "", 0, patience.Milliseconds()}
		if len(from.o.Users) > 0 {
			args = append(args, "AUTH2", keeper, keeperPassword)
		}
		from.Do(append(append(args, "KEYS"), keys...)...)
	}
	for _, s := range append([]*Server{to, from}, g.Servers...) {
		if s.Running() && s.info("replication", "role") == "master" {
			s.Do("CLUSTER", "SETSLOT", slot, "NODE", to.nodeID())
		}
	}
	return to
}

// Failover has a replica take over the slots of the owner of a key, as a planned maintenance does. It returns the new
// owner.
func (g *Nodes) Failover(key string) *Server {
	g.t.Helper()
	owner := g.Owner(key)
	id := owner.nodeID()
	for _, s := range g.Servers {
		if s.Running() && s.info("replication", "role") == "slave" && strings.Contains(s.nodes(), id) && s.follows(id) {
			s.Do("CLUSTER", "FAILOVER")
			s.await("the replica takes over", func() bool { return s.info("replication", "role") == "master" })
			// Until then it could not take over in its turn.
			owner.await("the former owner follows", func() bool { return owner.info("replication", "master_link_status") == "up" })
			return s
		}
	}
	g.t.Fatalf("redistest: %s has no replica", owner.Addr)
	return nil
}

// follows reports whether this node is a replica of the one with that id.
func (s *Server) follows(id string) bool {
	for line := range strings.Lines(s.nodes()) {
		fields := strings.Fields(line)
		if len(fields) > 3 && strings.Contains(fields[2], "myself") {
			return fields[3] == id
		}
	}
	return false
}

// AwaitOwner waits until a node other than former owns the slot of a key, and returns it.
func (g *Nodes) AwaitOwner(key string, former *Server) *Server {
	g.t.Helper()
	var owner *Server
	Await(g.t, "another owner", func() bool {
		owner = g.Owner(key)
		return owner != former
	})
	return owner
}

// FlushAll empties every owner.
func (g *Nodes) FlushAll() {
	g.t.Helper()
	for _, s := range g.Servers {
		if s.Running() && s.info("replication", "role") == "master" {
			s.FlushAll()
		}
	}
}

// Admin returns a client of the whole Cluster that may do everything. The caller closes it.
func (g *Nodes) Admin() *redis.ClusterClient {
	one := g.Servers[0].client()
	return redis.NewClusterClient(&redis.ClusterOptions{Addrs: g.Addrs, Username: one.Username, Password: one.Password,
		TLSConfig: one.TLSConfig, DisableIdentity: true, Protocol: 2, DialTimeout: one.DialTimeout})
}
