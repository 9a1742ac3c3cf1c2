// Package hub holds the one table of states in a process, and the lists that watch it.
//
// One side observes: readings go in, [presence.Rule] judges them, the newest state of each user is held, and the
// lists that hold the user note that something changed. The other side is read: a [Subscription] is a connection's
// own list of users, any number of shared [Set]s, and a number: how far it has been told. [Subscription.Drain]
// returns the newest state of each user that changed since, once. So a slow reader costs nothing but its own
// freshness: nothing waits for it anywhere, and its memory does not grow.
//
// A [Reader] consumes many subscriptions with one wake, as an epoll does sockets. No call here blocks on a reader,
// and nothing is called back.
//
// Locks are taken in this order: the lock that owns a subscription (its connection's), the hub's, the reader's.
// The hub knows no policy and no names: it is given lists of whom someone may see, and hands out whole states.
//
// To test against it use the real one: it needs no network, no clock and no goroutine.
package hub
