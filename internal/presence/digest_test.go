package presence_test

import (
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// The digest is what other processes, of other versions and in other languages, compute too.
func TestDigestStays(t *testing.T) {
	id, _ := presence.ParseID("fa8bf3dc-eca7-46b7-bad1-db199b62afc3")
	busy := presence.Intern(presence.Facts{Availability: "Busy", Activity: "InACall", StatusMessage: "back at 3"}, presence.StatusMessage)
	for _, c := range []struct {
		state presence.State
		want  uint64
	}{
		{presence.State{ID: id, Content: busy, Version: presence.Version{Generation: 7, Sequence: "A0129311063"}}, 0xd615a449e52cf0e9},
		{presence.State{ID: id, Content: busy, Version: presence.Version{Generation: 7, Sequence: "A0129311063", Order: 1}}, 0xf163e0d55b16814f},
		{presence.State{ID: id, Version: presence.Version{Generation: 7, Sequence: "A0129311063"}}, 0x852fd3313d33cb8a},
	} {
		if got := c.state.Digest(); got != c.want {
			t.Errorf("%v: %#x, want %#x", c.state.Version, got, c.want)
		}
	}
}
