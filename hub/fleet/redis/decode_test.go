package redis_test

import (
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet/redis"
)

// What somebody else publishes on a channel of ours is refused or read, and never quoted.
func FuzzMessage(f *testing.F) {
	s, err := redis.New(redis.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { s.Close() })
	f.Add(redis.Encode(s, message(2)))
	f.Add([]byte(`{"version":1,"shard":3,"from":{"epoch":"g"}}`))
	f.Add([]byte(`{"version":1,"shard":3,"gone":[{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","gone":true,"version":"00000001.A"}],"answeredMicros":[-1]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := redis.ReadMessage(3, text)
		if (m == nil) == (err == nil) {
			t.Fatalf("%v, %v", m, err)
		}
		if err != nil {
			return
		}
		again, err := redis.ReadMessage(3, redis.Encode(s, m))
		if err != nil {
			if year := func(at time.Time) bool { return at.Year() < 0 || at.Year() > 9999 }; year(m.At) || year(m.Status.Since) {
				return
			}
			t.Fatalf("what was read and written cannot be read: %v", err)
		}
		if len(again.States) != len(m.States) || again.From != m.From || again.To != m.To {
			t.Errorf("%+v, want %+v", again, m)
		}
	})
}

func TestMessagesThatAreNone(t *testing.T) {
	for text, want := range map[string]string{
		"": "no JSON", "{}": "version 0", `{"version":2,"shard":3}`: "version 2", `{"version":1,"shard":4}`: "for shard 4",
		`{"version":1,"shard":3,"presences":[{"id":"secret"}]}`: "not what it should be", `{"version":1,"shard":3,"presences":[{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","version":"secret"}]}`: "not a version",
		`{"version":1,"shard":3,"status":"secret"}`: "status is not",
	} {
		_, err := redis.ReadMessage(3, []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want it to name %q", text, err, want)
		}
	}
}
