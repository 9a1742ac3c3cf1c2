package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/presence-gateway/presence-gateway/gateway/client"
)

type watchFlags struct {
	url    string
	groups []string
	json   bool
}

func watchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch --url URL ID...",
		Short: "Watch people's presence in a terminal, or as lines of JSON",
		Long: `Watch people's presence: a live table on a terminal, and otherwise a line of JSON for each change.

ID is a user's id, an e-mail address where the gateway reads a directory, or "*" for everyone whom you may see.
A token or an API key, where the gateway asks for one, is taken from PRESENCE_TOKEN.

In the table, age is how long ago Graph last confirmed a state, at most. What is dimmed is not confirmed at the moment.
Keys: arrows, PgUp, PgDn, Home and End scroll, q ends. NO_COLOR turns colours off.`,
		Example: `  presence-gateway watch --url http://127.0.0.1:8080 "*"
  presence-gateway watch --url https://presence.example.com --json anna@example.com | jq .presence.availability`,
		RunE: func(cmd *cobra.Command, args []string) error { return watch(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.url, "url", "", "the gateway, such as http://127.0.0.1:8080 (required)")
	flags.StringSliceVar(&f.groups, "group", nil, "a group that the gateway watches, by its id; may be repeated")
	flags.BoolVar(&f.json, "json", false, "write lines of JSON on a terminal too")
	return cmd
}

func watch(cmd *cobra.Command, f watchFlags, args []string) error {
	who := client.Selection{Groups: f.groups}
	for _, id := range args {
		if id == "*" {
			who.Everyone = true
		} else {
			who.Users = append(who.Users, id)
		}
	}
	if len(who.Users)+len(who.Groups) == 0 && !who.Everyone {
		return usageError{errors.New(`watch: whom? Name ids or e-mail addresses, a --group, or "*" (in quotes) for everyone`)}
	}
	if f.url == "" {
		return usageError{errors.New("--url: missing; want the gateway's address, such as http://127.0.0.1:8080")}
	}
	token := os.Getenv("PRESENCE_TOKEN")
	c, err := client.New(f.url, client.Options{APIKey: token})
	if err != nil {
		return usageError{fmt.Errorf("--url: %w", errors.New(strings.TrimPrefix(err.Error(), "client: ")))}
	}
	c.Subscribe(who)
	ctx, stop := untilInterrupted(cmd.Context())
	defer stop()

	// A wrong address should not look like an outage that passes: what answers with an error before there ever was a
	// connection is told, and that is the end.
	ctx, refuse := context.WithCancelCause(ctx)
	defer refuse(nil)
	events := make(chan client.Event)
	ended := make(chan error, 1)
	go func() {
		defer close(events)
		ended <- follow(ctx, c, refuse, events)
	}()
	if live := !f.json && term.IsTerminal(int(os.Stdout.Fd())) && os.Getenv("TERM") != "dumb"; live {
		err = watchTable(ctx, c, newNames(f.url, token), events)
	} else {
		err = watchLines(cmd.OutOrStdout(), events)
	}
	refuse(nil)
	for range events { // what the writer did not wait for
	}
	return errors.Join(err, <-ended)
}

// follow hands events on until ctx ends or no attempt can succeed.
func follow(ctx context.Context, c *client.Client, refuse context.CancelCauseFunc, events chan<- client.Event) error {
	connected := false
	for event, err := range c.Events(ctx) {
		if err != nil {
			return fmt.Errorf("watch: %s%w", hint(err), err)
		}
		if s, ok := event.(client.Status); ok {
			connected = connected || s.State == client.Live || s.State == client.Degraded
			var answer *client.HandshakeError
			if !connected && errors.As(s.Err, &answer) && mistaken(answer.Status) {
				refuse(fmt.Errorf("watch: is this a gateway? %w", s.Err))
				return context.Cause(ctx)
			}
		}
		select {
		case events <- event:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// mistaken reports whether an answer to a first attempt will not change by itself.
func mistaken(status int) bool {
	return status >= 300 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout
}

// hint is what to try.
func hint(err error) string {
	var closed *client.CloseError
	if errors.As(err, &closed) && closed.Code == 4401 {
		if os.Getenv("PRESENCE_TOKEN") == "" {
			return "sign in by PRESENCE_TOKEN: "
		}
		return "is PRESENCE_TOKEN still valid? "
	}
	return ""
}

// frameTime is the least time between two frames: what changes faster is shown together.
const frameTime = 100 * time.Millisecond

// watchTable keeps a table on the terminal until events end or q is pressed.
func watchTable(ctx context.Context, c *client.Client, directory *names, events <-chan client.Event) error {
	screen, err := openScreen()
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer screen.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := directory.follow(ctx)

	b := newBoard(c)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	frame := time.NewTimer(0)
	defer frame.Stop()
	pending := true
	soon := func(after time.Duration) {
		if !pending {
			pending = true
			frame.Reset(after)
		}
	}
	for {
		select {
		case event, more := <-events:
			if !more {
				return nil
			}
			if b.take(event) {
				directory.ask()
			}
			soon(frameTime)
		case people := <-found:
			b.people = people
			soon(frameTime)
		case key := <-screen.keys:
			if key == keyQuit {
				return nil
			}
			b.scroll(key)
			soon(0)
		case <-screen.resized:
			soon(0)
		case <-tick.C:
			soon(0)
		case <-frame.C:
			pending = false
			if err := screen.draw(b.frame); err != nil {
				return err
			}
		}
	}
}
