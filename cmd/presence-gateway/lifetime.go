package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/gateway"
)

// live runs the front (what clients see) until ctx ends and it has drained, and the back (what reads, and the
// operator's pages) until the front is done. Whatever fails ends the rest.
func live(ctx context.Context, server *gateway.Server, b *back, p parts) error {
	serving, stopServing := context.WithCancel(ctx)
	defer stopServing()
	reading, stopReading := context.WithCancel(context.WithoutCancel(ctx))
	defer stopReading()

	var back errgroup.Group
	behind := func(run func(context.Context) error) {
		back.Go(func() error {
			defer stopServing()
			return run(reading)
		})
	}
	behind(b.run)
	if watched, ok := p.credential.(interface{ Run(context.Context) error }); ok {
		behind(watched.Run)
	}
	if p.door != nil {
		behind(p.door.Run)
	}
	if p.written != nil {
		behind(p.written.Run)
	}
	behind(p.trusted.Run)
	if p.admin != nil {
		admin := &http.Server{Handler: server.Admin(), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
		behind(func(ctx context.Context) error { return serveHTTP(ctx, admin, p.admin) })
	}

	var front errgroup.Group
	front.Go(func() error {
		defer stopServing()
		return server.Run(serving)
	})
	if p.listener != nil {
		front.Go(func() error {
			defer stopServing()
			return server.Serve(serving, p.listener)
		})
	}
	err := front.Wait()
	stopReading()
	return errors.Join(err, back.Wait())
}
