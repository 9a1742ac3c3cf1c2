package main

import (
	"context"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/config"
)

func serveCommand() *cobra.Command {
	var path, name string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the gateway",
		Long: `Run the gateway. Every key of the file is in config.example.yaml with its default; environment variables override it
(PRESENCE_ and the path in capitals, such as PRESENCE_GRAPH_BASE_URL).

SIGTERM and SIGINT drain: readiness goes red, clients are told when to come back, and the process ends within
gateway.drain. A second signal ends it at once.

With hub.kind: redis any number of processes form one system, of which one reads Graph and all serve. --role poller reads, when
it is its turn, and serves nobody; --role gateway serves, and needs no credential.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), path, role(name)) },
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration file (required)")
	cmd.Flags().StringVar(&name, "role", string(roleAll), "all, poller or gateway")
	return cmd
}

func serve(parent context.Context, path string, r role) error {
	if err := r.fits("redis"); err != nil { // whatever the file says
		return err
	}
	if path == "" {
		return usageError{errNoConfig}
	}
	c, notices, err := config.Load(path, os.Environ(), r.judges()...)
	if err != nil {
		for _, notice := range notices {
			fmt.Fprintln(os.Stderr, notice)
		}
		return err
	}
	if err := r.fits(c.Hub.Kind); err != nil {
		return err
	}
	log, err := newLogger(c.Log)
	if err != nil {
		return err
	}
	for _, notice := range notices {
		log.Warn(notice)
	}
	p := parts{role: r, log: log}
	if p.trusted, err = trustedBy(c, log); err != nil {
		return err
	}
	if r.reads() {
		if p.credential, err = newCredential(c, p.trusted, log); err != nil {
			return err
		}
	}
	if r.serves() {
		if p.door, err = newDoor(c, p.trusted, log); err != nil {
			return err
		}
		if p.listener, err = listen("listen", c.Listen); err != nil {
			return err
		}
		defer p.listener.Close()
		p.written = newFollower(path, c, log)
		p.written.role = r
		if c.Gateway.AuditFile != "" {
			if p.audit, err = openAppended(c.Gateway.AuditFile); err != nil {
				return fmt.Errorf("gateway.audit_file: %w", err)
			}
			defer p.audit.Close()
		}
	}
	if c.AdminListen != "" {
		if p.admin, err = listen("admin_listen", c.AdminListen); err != nil {
			return err
		}
		defer p.admin.Close()
	}
	ctx, stop := untilInterrupted(parent)
	defer stop()
	b := thisBuild()
	log.Info("starting", zap.String("version", b.Version), zap.String("commit", b.Commit), zap.String("config", path), zap.String("role", string(r)))
	return run(ctx, c, p)
}
