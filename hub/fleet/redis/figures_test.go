package redis_test

import (
	"errors"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
)

// What whoever polls says of its reading stands until it is told again or expires, and nobody else may say it.
func TestFigures(t *testing.T) {
	topologies(t, func(t *testing.T, o redis.Options) {
		ctx, s := t.Context(), open(t, o)
		if said, _, err := s.Figures(ctx); !errors.Is(err, fleet.ErrNone) {
			t.Errorf("before anybody said anything: %q, %v", said, err)
		}
		fence, err := s.Acquire(ctx, "first", 0, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.PostFigures(ctx, fence, []byte(`{"a":1}`), time.Minute); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Millisecond) // its age is what is asked for
		said, age, err := s.Figures(ctx)
		if err != nil || string(said) != `{"a":1}` || age < 20*time.Millisecond || age > 10*time.Second {
			t.Errorf("%q, %v old, %v", said, age, err)
		}
		for _, stranger := range []fleet.Fence{{Number: fence.Number, Holder: "second"}, {Number: fence.Number - 1, Holder: "first"}} {
			if err := s.PostFigures(ctx, stranger, []byte("x"), time.Minute); !errors.Is(err, fleet.ErrLost) {
				t.Errorf("%v says something: %v", stranger, err)
			}
		}
		if said, _, err := s.Figures(ctx); err != nil || string(said) != `{"a":1}` {
			t.Errorf("after strangers: %q, %v", said, err)
		}
		if err := s.PostFigures(ctx, fence, []byte("short"), 100*time.Millisecond); err != nil {
			t.Fatal(err)
		}
		if err := eventually(func() error {
			if _, _, err := s.Figures(ctx); !errors.Is(err, fleet.ErrNone) {
				return errors.New("still told")
			}
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
}
