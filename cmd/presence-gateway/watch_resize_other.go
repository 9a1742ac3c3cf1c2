//go:build !unix

package main

// notifyResize has nothing to listen to here: the size is looked at whenever a frame is drawn, every second at least.
func notifyResize(chan struct{}) (stop func()) { return func() {} }
