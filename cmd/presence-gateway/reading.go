package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

func newClient(c *config.Config, p parts) (*graph.Client, error) {
	return graph.New(p.credential, graph.Options{
		BaseURL: c.Graph.BaseURL,
		Cloud:   c.Graph.Cloud,
		Kind:    graph.Kind(c.Graph.Read),
		Fields:  c.Privacy.Set(),
		Timeout: c.Graph.Timeout,
		Trust:   p.trusted,
		Log:     p.log,
	})
}

// openGenerations continues the versions of the process before this one, which read the same tenant.
func openGenerations(state string, g *config.Graph) (*hub.Generations, error) {
	if state == "" {
		return hub.OpenGenerations("")
	}
	sum := sha256.Sum256([]byte(identity(g)))
	return hub.OpenGenerations(filepath.Join(state, "generations-"+hex.EncodeToString(sum[:8])))
}

// reader is whoever reads Graph in this process at the moment: nobody in a fleet where another process does.
type reader struct{ now atomic.Pointer[poller.Poller] }

func (r *reader) explain(id presence.ID) any {
	if reading := r.now.Load(); reading != nil {
		return reading.Explain(id)
	}
	return nil
}

func (r *reader) lookup(ctx context.Context, addresses []string) map[string]presence.ID {
	if reading := r.now.Load(); reading != nil {
		return reading.Lookup(ctx, addresses)
	}
	return nil
}

// readings is where they come from, who is told, and what they are spent of.
type readings struct {
	source interface {
		poller.Source
		Members(ctx context.Context, group presence.ID, names bool) (presence.Group, []presence.Person, error)
	}
	term     poller.Term
	spending *budget.Budget
	before   time.Time           // when a read last succeeded, of whoever read before; zero: nobody did
	known    *presence.Directory // what that one knew of groups; nil: nothing
}

func newPoller(c *config.Config, r readings, registry prometheus.Registerer, p parts) (*poller.Poller, error) {
	return poller.New(r.source, r.term, poller.Options{
		Budget:     r.spending,
		Kind:       graph.Kind(c.Graph.Read),
		Interval:   c.Graph.Interval,
		Before:     r.before,
		Credential: p.credential,
		Registry:   registry,
		Log:        p.log,
		Watch: poller.Watch{
			Users:                 c.Watch.Users,
			UsersFile:             c.Watch.UsersFile,
			Groups:                c.Watch.Groups,
			OnDemand:              c.Watch.OnDemand,
			Linger:                max(c.Watch.Linger, time.Nanosecond), // 0 would mean the default
			Directory:             c.Watch.Directory,
			MaxUsers:              c.Watch.MaxUsers,
			Known:                 r.known,
			OptedOutFile:          c.Privacy.OptedOutUsersFile,
			GroupsRefreshInterval: c.Watch.GroupsRefreshInterval,
			Members:               r.source.Members,
		},
	})
}
