package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// listen opens an address before anything else starts, so that one that is taken ends the process at once. key is
// where the address was set.
func listen(key, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is in use by another process: stop it, or choose another address", key, address)
	}
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	return nil, fmt.Errorf("%s: cannot listen on %s: %w", key, address, err)
}
