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
	var path, role string
	cmd := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Run the gateway",
		Long: `Run the gateway. Every key of the file is in config.example.yaml with its default; environment variables override it
(PRESENCE_ and the path in capitals, such as PRESENCE_GRAPH_BASE_URL).

SIGTERM and SIGINT drain: readiness goes red, clients are told when to come back, and the process ends within
gateway.drain. A second signal ends it at once.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), path, role) },
	}
	cmd.Flags().StringVar(&path, "config", "", "the configuration file (required)")
	cmd.Flags().StringVar(&role, "role", "all", "all, poller or gateway")
	return cmd
}

func serve(parent context.Context, path, role string) error {
	switch role {
	case "all":
	case "poller", "gateway":
		return usageError{fmt.Errorf("--role %s: a poller and a gateway of their own need a hub that processes share, and hub.kind redis is not in this release: use --role all", role)}
	default:
		return usageError{fmt.Errorf("--role %q: want all, poller or gateway", role)}
	}
	if path == "" {
		return usageError{errNoConfig}
	}
	c, notices, err := config.Load(path, os.Environ(), judgeCredential, judgeDoor)
	if err != nil {
		for _, notice := range notices {
			fmt.Fprintln(os.Stderr, notice)
		}
		return err
	}
	if c.Hub.Kind == "redis" {
		return usageError{fmt.Errorf("hub.kind: redis is checked in this release, and not served: set memory, which serves one process")}
	}
	log, err := newLogger(c.Log)
	if err != nil {
		return err
	}
	for _, notice := range notices {
		log.Warn(notice)
	}
	trusted, err := trustedBy(c, log)
	if err != nil {
		return err
	}
	signIn, err := newCredential(c, trusted, log)
	if err != nil {
		return err
	}
	door, err := newDoor(c, trusted, log)
	if err != nil {
		return err
	}
	listener, err := listen("listen", c.Listen)
	if err != nil {
		return err
	}
	defer listener.Close()
	p := parts{listener: listener, credential: signIn, trusted: trusted, door: door, written: newFollower(path, c, log), log: log}
	if c.Gateway.AuditFile != "" {
		if p.audit, err = openAppended(c.Gateway.AuditFile); err != nil {
			return fmt.Errorf("gateway.audit_file: %w", err)
		}
		defer p.audit.Close()
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
	log.Info("starting", zap.String("version", b.Version), zap.String("commit", b.Commit), zap.String("config", path))
	return run(ctx, c, p)
}
