package main

import (
	"fmt"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

// role is what a process does: all of it, or one side of a system whose other side are other processes.
type role string

const (
	roleAll     role = "all"
	rolePoller  role = "poller"  // reads Graph, whenever it is its turn, and serves nobody
	roleGateway role = "gateway" // serves, and never reads Graph: it needs no credential
)

func (r role) reads() bool  { return r != roleGateway }
func (r role) serves() bool { return r != rolePoller }

// unused is the parts of the configuration that the role has no use for. One file may serve all roles.
func (r role) unused() (parts []config.Judge) {
	if !r.reads() {
		parts = append(parts, config.Judge{Part: "graph.credential", Unused: true})
	}
	if !r.serves() {
		parts = append(parts, config.Judge{Part: "gateway", Unused: true})
	}
	return parts
}

// judges is who finds what the configuration's own rules cannot.
func (r role) judges() []config.Judge {
	judges := r.unused()
	if r.reads() {
		judges = append(judges, judgeCredential)
	}
	if r.serves() {
		judges = append(judges, judgeDoor)
	}
	return judges
}

// fits says why the role cannot be had with a hub.
func (r role) fits(hub string) error {
	switch r {
	case roleAll:
		return nil
	case rolePoller, roleGateway:
		if hub == "redis" {
			return nil
		}
		return usageError{fmt.Errorf("--role %s: its other side is another process, which the hub in memory cannot reach: set hub.kind: redis, or use --role all", r)}
	}
	return usageError{fmt.Errorf("--role %q: want all, poller or gateway", string(r))}
}
