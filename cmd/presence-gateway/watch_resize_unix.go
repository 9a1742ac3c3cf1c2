//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// notifyResize tells when the terminal has another size, until stop.
func notifyResize(resized chan struct{}) (stop func()) {
	signals := make(chan os.Signal, 1)
	done := make(chan struct{})
	signal.Notify(signals, syscall.SIGWINCH)
	go func() {
		for {
			select {
			case <-done:
				return
			case <-signals:
			}
			select {
			case resized <- struct{}{}:
			default:
			}
		}
	}()
	return func() { signal.Stop(signals); close(done) }
}
