package gateway

import "github.com/coder/websocket"

// outlet is where the messages of a connection go. Nothing in it waits, and whatever is sent is sent whole.
type outlet interface {
	send(framed []byte) error                       // takes all of it, or says why the connection is broken
	pending() bool                                  // something was sent that has not gone: compose nothing new yet
	flush() (left bool, err error)                  // offers that again
	taken() int64                                   // bytes that have left for good, of which only differences mean something
	close(code websocket.StatusCode, reason string) // says how it ends, behind all that was sent
	Close() error                                   // ends it at once
}
