// Package redis keeps the fleet's shards, lease and boards in Redis 7.0 or later: one server, a primary under Sentinel, or
// a Cluster. Each operation is one short script (lua), run where its keys are, atomic there. docs/redis.md is what others
// may rely on: the keys, the channels and their payloads, which encode.go writes and decode.go reads.
//
// Connections, pools and routing are go-redis's. Listening is our own loop on top of it, because a subscription that a
// slot's move, a fail-over or a broken wire has ended must be noticed, whatever a client library makes of it.
package redis
