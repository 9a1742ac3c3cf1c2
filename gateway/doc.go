// Package gateway is the side of Presence Gateway that clients see: WebSockets, HTTP reads, and the operator's
// endpoints. It takes states from a [hub.Hub] and holds none itself.
//
// How a change reaches a browser:
//
//	hub.Observe -> hub.Reader wakes a writer -> round: those with news
//	    -> Drain: the newest state of each user -> compose: one frame, shared by all who get the same
//	    -> frames: whole frames only -> socket: one non-blocking write, the remainder kept -> kernel
//
// A few writers serve all connections; nothing waits per connection for sending, neither goroutine nor channel nor
// timer. A connection that cannot take more costs the remainder of one frame, and what it misses meanwhile is
// conflated by the hub: it gets fewer, newer states.
//
// How a request comes in: each connection has one goroutine that reads. It judges the request by the policy,
// changes the subscription, and leaves a reply; the writer composes it when the socket can take it. While replies
// wait, no further message is read.
//
// Locks are taken in one order: who may see whom (Server.rights), connection, hub, reader, writer's queue; frames
// and socket last. Nothing is written to a socket under the hub's lock.
//
// Tests use a real hub and real connections: [Server.Handler] works behind any listener, [Server.Serve] brings its
// own.
package gateway
