package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/graphsim"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

type demoFlags struct {
	listen   string
	logLevel string
	tenant   graphsim.Options
}

func demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run everything in one process on a simulated tenant, with the dashboard",
		Long: `Run everything in one process: a simulated tenant whose people change presence as people do, the poller, the hub, the
gateway and the dashboard. It needs no credentials, asks nothing of the network, and leaves no files behind.

The tenant is steered under /sim/ as with 'presence-gateway simulate'.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return demo(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8080", "host:port of the dashboard and the gateway")
	flags.IntVar(&f.tenant.Users, "users", 300, "how many people the tenant has")
	flags.Float64Var(&f.tenant.ChangesPerSecond, "changes-per-second", 2, "presence changes a second; 0: as often as people really change")
	flags.Uint64Var(&f.tenant.Seed, "seed", 1, "the same seed gives the same people and the same day")
	flags.StringVar(&f.logLevel, "log-level", "error", "debug, info, warn or error")
	return cmd
}

func demo(cmd *cobra.Command, f demoFlags) error {
	if f.tenant.Users < 1 {
		return usageError{fmt.Errorf("--users %d: want 1 or more", f.tenant.Users)}
	}
	if f.tenant.ChangesPerSecond < 0 {
		return usageError{errors.New("--changes-per-second: want 0 or more")}
	}
	log, err := newLogger(config.Log{Level: f.logLevel, Format: "console"})
	if err != nil {
		return usageError{fmt.Errorf("--log-level: %w", err)}
	}
	f.tenant.Log = log
	tenant := graphsim.New(f.tenant)

	front, err := listen("--listen", f.listen)
	if err != nil {
		return err
	}
	defer front.Close()
	back, err := listen("the simulated tenant", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer back.Close()
	c, err := demoConfig(tenant, back.Addr())
	if err != nil {
		return err
	}
	// A record of its own: the tenant is a new one, of which nothing was spent.
	if c.StateDir, err = os.MkdirTemp("", "presence-gateway-demo-"); err != nil {
		log.Warn("no folder for a record: the demo begins on the reserve of its budget", zap.Error(err))
	}
	defer func() { _ = os.RemoveAll(c.StateDir) }()

	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fmt.Fprintf(cmd.OutOrStdout(), "Presence Gateway demo: open http://%s/ (%d simulated people; Ctrl-C ends it)\n", reachable(front.Addr()), f.tenant.Users)

	// The tenant outlives the gateway, which reads until its clients are gone.
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	var g errgroup.Group
	g.Go(func() error { return tenant.Run(life) })
	g.Go(func() error {
		defer cancel() // without its tenant the demo ends
		server := &http.Server{Handler: tenant.Handler(), ReadHeaderTimeout: 10 * time.Second}
		return serveHTTP(life, server, back)
	})
	err = run(ctx, c, parts{role: roleAll, listener: front, credential: anyToken{}, tenant: tenant.Handler(), log: log})
	end()
	return errors.Join(err, g.Wait())
}

// demoConfig is what a file would say to watch everyone in the tenant and to let anyone on this machine see them.
func demoConfig(tenant *graphsim.Tenant, address net.Addr) (*config.Config, error) {
	c := config.Default()
	c.AdminListen = ""
	c.Graph.BaseURL = "http://" + address.String()
	c.Graph.Interval = time.Second
	c.Watch.Directory = true
	for _, group := range tenant.Groups() {
		id, err := presence.ParseID(group.ID)
		if err != nil {
			return nil, fmt.Errorf("group %q of the tenant: %w", group.ID, err)
		}
		c.Watch.Groups = append(c.Watch.Groups, id)
	}
	c.Privacy.Fields = presence.Fields(0xff).Names()
	c.Gateway.Auth.Anonymous = true
	c.Gateway.Policy = []config.Rule{{Who: config.Who{Anonymous: true}, Allow: config.Allow{All: true}}}
	c.Gateway.DrainDelay = 0 // nobody is sent here by a load balancer
	c.Gateway.Drain = 2 * time.Second
	return c, nil
}

// anyToken is what the demo's own tenant accepts.
type anyToken struct{}

func (anyToken) Token(context.Context) (graph.Token, error) { return graph.Token{Value: "demo"}, nil }

// reachable is an address as a browser on this machine can open it.
func reachable(address net.Addr) string {
	if at, err := netip.ParseAddrPort(address.String()); err == nil && at.Addr().IsUnspecified() {
		return fmt.Sprintf("localhost:%d", at.Port())
	}
	return address.String()
}
