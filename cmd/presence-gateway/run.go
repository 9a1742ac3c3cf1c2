package main

import (
	"context"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// parts are what serve and demo bring into the same house.
type parts struct {
	role       role
	listener   net.Listener // nil: nobody is served
	admin      net.Listener // nil: no admin pages
	credential graph.Credential
	trusted    *trust.Authorities // that Graph and the login are judged by; nil: the system's
	door       *auth.Verifier     // says who callers are; nil: everyone is anonymous
	written    *follower          // the configuration file; nil: there is none
	audit      *appended          // who watches whom; nil: nothing is noted
	tenant     http.Handler       // the demo's own tenant, to be steered; nil for serve
	log        *zap.Logger
}

// run builds every part in the order in which they need each other, and runs them until ctx ends. Then the front
// drains while the back goes on reading, so that clients who stay to the end are told the truth; last the back ends.
// All of it takes gateway.drain at most.
func run(ctx context.Context, c *config.Config, p parts) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	behind, err := newBack(c, registry, p)
	if err != nil {
		return err
	}
	registry.MustRegister(degraded{behind.table})
	server, err := newGateway(c, behind, registry, p)
	if err != nil {
		return err
	}
	if p.written != nil {
		p.written.govern = server.Govern
	}
	return live(ctx, server, behind, p)
}
