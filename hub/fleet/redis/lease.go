package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// granting returns the client of whom a lease may be had: under Sentinel the primary that a majority of the sentinels
// stands behind now. In a Cluster an owner that is cut off from the majority refuses to write by itself.
func (s *Store) granting(ctx context.Context) (goredis.Scripter, error) {
	if s.grants == nil {
		return s.client, nil
	}
	return s.grants.primary(ctx)
}

// Grants returns why no lease could be granted now, as far as that can be told without taking one.
func (s *Store) Grants(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	client, err := s.granting(ctx)
	if err != nil {
		return s.explain(err)
	}
	if one, ok := client.(*goredis.Client); ok {
		err = one.Ping(ctx).Err()
	}
	return s.explain(err)
}

// Acquire implements [fleet.Lease].
func (s *Store) Acquire(ctx context.Context, holder string, above uint64, ttl time.Duration) (fleet.Fence, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	client, err := s.granting(ctx)
	if err != nil {
		return fleet.Fence{}, fmt.Errorf("redis: take the lease: %w", err)
	}
	answer, err := acquireScript.run(ctx, client, []string{s.keys.lease, s.keys.fence}, holder, above, ttl.Milliseconds())
	if err != nil {
		return fleet.Fence{}, fmt.Errorf("redis: take the lease: %w", s.troubled(ctx, err))
	}
	number, err := readNumber(answer)
	switch {
	case err != nil:
		return fleet.Fence{}, fmt.Errorf("redis: take the lease: %w", err)
	case number == 0:
		return fleet.Fence{}, fleet.ErrHeld
	}
	return fleet.Fence{Number: number, Holder: holder}, nil
}

func readNumber(answer any) (uint64, error) {
	text, _ := answer.(string)
	return strconv.ParseUint(text, 10, 64)
}

// Renew implements [fleet.Lease].
func (s *Store) Renew(ctx context.Context, fence fleet.Fence, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	client, err := s.granting(ctx)
	if err != nil {
		return fmt.Errorf("redis: renew the lease: %w", err)
	}
	answer, err := renewScript.run(ctx, client, []string{s.keys.lease, s.keys.directory}, fence.String(), ttl.Milliseconds(), s.o.Expire.Milliseconds())
	return s.ours(ctx, "renew the lease", answer, err)
}

// ours turns an answer of 0 into [fleet.ErrLost].
func (s *Store) ours(ctx context.Context, what string, answer any, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("redis: %s: %w", what, s.troubled(ctx, err))
	case answer == int64(0):
		return fleet.ErrLost
	}
	return nil
}

// Release implements [fleet.Lease].
func (s *Store) Release(ctx context.Context, fence fleet.Fence) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := releaseScript.run(ctx, s.client, []string{s.keys.lease}, fence.Holder)
	return s.ours(ctx, "free the lease", answer, err)
}

// Generation implements [fleet.Lease].
func (s *Store) Generation(ctx context.Context, fence fleet.Fence, above uint32) (uint32, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := generationScript.run(ctx, s.client, []string{s.keys.lease, s.keys.generation}, fence.String(), above)
	if err != nil {
		return 0, fmt.Errorf("redis: raise the generation: %w", s.troubled(ctx, err))
	}
	text, _ := answer.(string)
	number, err := strconv.ParseUint(text, 10, 32)
	switch {
	case err != nil:
		return 0, fmt.Errorf("redis: raise the generation: %w", err)
	case number == 0:
		return 0, fleet.ErrLost
	}
	return uint32(number), nil
}

// SaveBudget implements [fleet.Lease]. Saves are kept in the order in which they were begun, in whatever order they reach
// Redis.
func (s *Store) SaveBudget(ctx context.Context, fence fleet.Fence, record []byte) error {
	const what = "keep the record of spent reads"
	save := s.saves.Add(1)
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	client, err := s.granting(ctx)
	if err != nil {
		return fmt.Errorf("redis: %s: %w", what, s.explain(err))
	}
	answer, err := budgetScript.run(ctx, client, []string{s.keys.lease, s.keys.budget}, fence.String(), record, save)
	return s.ours(ctx, what, answer, err)
}

// LoadBudget implements [fleet.Lease]. A life ends with a restart, and another server has another; where the
// server does not tell it, every record is foreign.
func (s *Store) LoadBudget(ctx context.Context, fence fleet.Fence) (record []byte, age time.Duration, err error) {
	const what = "look up the record of spent reads"
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	client, err := s.granting(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("redis: %s: %w", what, s.explain(err))
	}
	answer, err := budgetScript.run(ctx, client, []string{s.keys.lease, s.keys.budget}, fence.String())
	if err := s.ours(ctx, what, answer, err); err != nil {
		return nil, 0, err
	}
	said, _ := answer.([]any)
	if len(said) == 0 {
		return nil, 0, fleet.ErrNone
	}
	if len(said) != 3 {
		return nil, 0, fmt.Errorf("redis: %s: an answer of %d parts", what, len(said))
	}
	text, _ := said[0].(string)
	ms, err := readNumber(said[1])
	if err != nil {
		return nil, 0, fmt.Errorf("redis: %s: %w", what, err)
	}
	age = time.Duration(ms) * time.Millisecond //nolint:gosec // an age
	if said[2] != "1" {
		return []byte(text), age, fleet.ErrForeign
	}
	return []byte(text), age, nil
}
