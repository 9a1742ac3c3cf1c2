package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// A sentinel that stands still, with its connections open, hinders nobody while two of three stand: neither who begins
// then nor who was connected before.
func TestSentinelThatHangs(t *testing.T) {
	t.Parallel()
	g := redistest.Sentinel(t, redistest.Options{})
	o := redis.Options{Addrs: g.Addrs, MasterName: redistest.MasterName}
	before := open(t, o)
	fence, err := before.Acquire(t.Context(), "before", 0, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := before.Generation(t.Context(), fence, 0); err != nil {
		t.Fatal(err)
	}
	for _, sentinel := range g.Sentinels {
		sentinel.Stop()
		for range 3 {
			if err := before.Renew(t.Context(), fence, time.Minute); err != nil {
				t.Errorf("renew: %v", err)
			}
			if err := before.SaveBudget(t.Context(), fence, []byte("spent")); err != nil {
				t.Errorf("save: %v", err)
			}
		}
		g.Servers[0].CutClients("normal")
		began := time.Now()
		if err := eventually(func() error { _, err := before.Generation(t.Context(), fence, 0); return err }); err != nil {
			t.Errorf("a new connection: %v", err)
		}
		within(t, "a new connection to the primary", time.Since(began), 2*time.Second)
		if err := before.Release(t.Context(), fence); err != nil {
			t.Errorf("release: %v", err)
		}
		after := open(t, o)
		if fence, err = after.Acquire(t.Context(), "after", fence.Number, time.Minute); err != nil {
			t.Fatalf("acquire: %v", err)
		}
		sentinel.Continue()
		redistest.Await(t, "all sentinels are there", func() bool {
			for _, s := range g.Sentinels {
				if said, _ := s.Do("SENTINEL", "CKQUORUM", redistest.MasterName).(string); !strings.HasPrefix(said, "OK 3") {
					return false
				}
			}
			return true
		})
	}
}
