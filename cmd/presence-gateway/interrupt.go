package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// untilInterrupted returns a context that ends at the first SIGTERM or SIGINT. The second one ends the process at
// once. stop gives the signals back their usual meaning.
func untilInterrupted(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	done := make(chan struct{})
	go func() {
		select {
		case <-signals:
		case <-done:
			return
		}
		cancel()
		select {
		case s := <-signals:
			fmt.Fprintf(os.Stderr, "presence-gateway: second signal (%v): ending at once\n", s)
			os.Exit(exitFailure)
		case <-done:
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}
