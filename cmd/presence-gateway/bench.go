package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

type benchFlags struct {
	url           string
	connections   int
	users         string
	perConnection int
	duration      time.Duration
	seed          uint64
}

func benchCommand() *cobra.Command {
	var f benchFlags
	cmd := &cobra.Command{
		Use:   "bench --url URL",
		Short: "Open many connections on a running gateway, and report states a second and latencies",
		Long: `Open many connections on a running gateway, and report states delivered a second and latencies.

Latency is the time from the beginning of the read that confirmed a state (its observedAt) to its arrival here, so it
holds Graph's own answering time. The gateway's clock is compared with this one first, and the difference taken out.

A token, where the gateway asks for one, is taken from PRESENCE_TOKEN.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return bench(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "the gateway, such as http://127.0.0.1:8080 (required)")
	flags.IntVar(&f.connections, "connections", 100, "how many connections to open")
	flags.StringVar(&f.users, "users", "*", `whom to watch: "*" for everyone in the gateway's watch, ids with commas between, or @FILE with one id a line`)
	flags.IntVar(&f.perConnection, "users-per-connection", 0, "how many of these each connection watches, drawn at random; 0: all")
	flags.DurationVar(&f.duration, "duration", 30*time.Second, "how long to measure, once all are connected")
	flags.Uint64Var(&f.seed, "seed", 1, "of the random draw")
	return cmd
}

// target turns the gateway's address into that of its stream.
func target(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("--url %q: want the gateway's address, such as http://127.0.0.1:8080", text)
	}
	switch u.Scheme {
	case "http", "ws":
		u.Scheme = "ws"
	case "https", "wss":
		u.Scheme = "wss"
	default:
		return "", fmt.Errorf("--url: %q is no scheme for this: want http or https", u.Scheme)
	}
	return u.JoinPath("/v1/stream").String(), nil
}

// parseUsers answers the ids that are named; none of them means everyone.
func parseUsers(text string) ([]presence.ID, error) {
	if text == "*" {
		return nil, nil
	}
	if path, ok := strings.CutPrefix(text, "@"); ok {
		ids, err := config.ReadIDs(path)
		if err == nil && len(ids) == 0 {
			err = fmt.Errorf("%s holds no id", path)
		}
		return ids, err
	}
	var ids []presence.ID
	for word := range strings.SplitSeq(text, ",") {
		id, err := presence.ParseID(strings.TrimSpace(word))
		if err != nil {
			return nil, fmt.Errorf("--users: %q is %w", word, err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

func bench(cmd *cobra.Command, f benchFlags) error {
	stream, err := target(f.url)
	if err == nil && f.connections < 1 {
		err = errors.New("--connections: want 1 or more")
	}
	if err == nil && (f.duration <= 0 || f.perConnection < 0) {
		err = errors.New("--duration and --users-per-connection: want more than 0")
	}
	if err != nil {
		return usageError{err}
	}
	ids, err := parseUsers(f.users)
	if err != nil {
		return usageError{err}
	}
	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()

	load := &load{stream: stream, token: os.Getenv("PRESENCE_TOKEN"), flags: f, ids: ids}
	var terminal io.Writer = io.Discard
	if term.IsTerminal(int(os.Stderr.Fd())) {
		terminal = os.Stderr
	}
	if err := load.run(ctx, terminal); err != nil {
		return fmt.Errorf("bench: %w", err)
	}
	load.report(cmd.OutOrStdout())
	if load.lost.Load() > 0 {
		return fmt.Errorf("bench: %d connections were lost", load.lost.Load())
	}
	return nil
}
