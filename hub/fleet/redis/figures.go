package redis

import (
	"context"
	"fmt"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// PostFigures implements [fleet.Boards].
func (s *Store) PostFigures(ctx context.Context, fence fleet.Fence, figures []byte, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := tellScript.run(ctx, s.client, []string{s.keys.lease, s.keys.figures}, fence.String(), figures, ttl.Milliseconds())
	return s.ours(ctx, "tell how the reading goes", answer, err)
}

// Figures implements [fleet.Boards].
func (s *Store) Figures(ctx context.Context) (figures []byte, age time.Duration, err error) {
	const what = "ask how the reading goes"
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	answer, err := toldScript.run(ctx, s.client, []string{s.keys.figures})
	if err != nil {
		return nil, 0, fmt.Errorf("redis: %s: %w", what, s.troubled(ctx, err))
	}
	said, _ := answer.([]any)
	if len(said) == 0 {
		return nil, 0, fleet.ErrNone
	}
	if len(said) != 2 {
		return nil, 0, fmt.Errorf("redis: %s: an answer of %d parts", what, len(said))
	}
	text, _ := said[0].(string)
	ms, err := readNumber(said[1])
	if err != nil {
		return nil, 0, fmt.Errorf("redis: %s: %w", what, err)
	}
	return []byte(text), time.Duration(ms) * time.Millisecond, nil //nolint:gosec // an age
}
