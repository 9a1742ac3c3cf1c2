package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
)

// redis looks whether the hub's Redis answers, and what its user may do.
func (e *examination) redis(ctx context.Context) {
	const name = "redis"
	if e.c.Hub.Kind != "redis" {
		e.ok(name, "not configured: hub.kind is "+e.c.Hub.Kind)
		return
	}
	where := strings.Join(e.c.Hub.Redis.Addrs, ", ")
	store, err := newRedis(e.c, zap.NewNop())
	if err != nil {
		e.fail(name, err.Error(), "mend hub.redis")
		return
	}
	defer store.Close()
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	asked := time.Now()
	if err := store.Ping(ctx); err != nil {
		e.redisFailed(name, where, err)
		e.fail("redis rights", "not tried: Redis cannot be used", "")
		return
	}
	e.ok(name, fmt.Sprintf("%s: Redis %s answers within %v", where, store.Version(), time.Since(asked).Round(time.Millisecond)))
	e.redisRights(ctx, store)
	e.redisLease(ctx, store)
}

func (e *examination) redisFailed(name, where string, err error) {
	var refused *redis.Refusal
	if errors.As(err, &refused) {
		e.fail(name, where+": "+refused.Text, refused.Remedy)
		return
	}
	e.fail(name, where+": "+err.Error(), "see that Redis runs there, and that this machine may reach it; hub.redis.tls must be as Redis has it")
}

func (e *examination) redisRights(ctx context.Context, store *redis.Store) {
	const name, remedy = "redis rights", "give the user the rights that docs/redis.md names"
	user := e.c.Hub.Redis.Username
	if user == "" {
		user = "default"
	}
	rights, err := store.Rights(ctx)
	switch {
	case err != nil:
		e.redisFailed(name, "user "+user, err)
	case len(rights.Serve) > 0:
		e.fail(name, "user "+user+" may not: "+strings.Join(rights.Serve, ", "), remedy)
	case len(rights.Poll) > 0:
		e.warn(name, "user "+user+" may serve, but not poll: "+strings.Join(rights.Poll, ", "), "right for --role gateway alone; else "+remedy)
	default:
		e.ok(name, "user "+user+" may serve and poll")
	}
}

// redisLease looks whether a lease could be granted now: under Sentinel a majority must stand behind the primary.
func (e *examination) redisLease(ctx context.Context, store *redis.Store) {
	if err := store.Grants(ctx); err != nil {
		e.fail("redis lease", err.Error(), "see that a majority of the sentinels runs and reaches the primary: without it nobody polls")
	}
}
