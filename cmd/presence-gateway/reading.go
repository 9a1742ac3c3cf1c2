package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/config"
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

func newPoller(c *config.Config, client *graph.Client, table *hub.Hub, spending *budget.Budget, registry *prometheus.Registry, p parts) (*poller.Poller, error) {
	// One process leads unless another one of the same folder does.
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "presence_leader",
		Help: "1 while this process is the one that reads."}, func() float64 {
		if spending.Held() {
			return 0
		}
		return 1
	}))
	return poller.New(client, table, poller.Options{
		Budget:     spending,
		Kind:       graph.Kind(c.Graph.Read),
		Interval:   c.Graph.Interval,
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
			OptedOutFile:          c.Privacy.OptedOutUsersFile,
			GroupsRefreshInterval: c.Watch.GroupsRefreshInterval,
			Members:               client.Members,
		},
	})
}
