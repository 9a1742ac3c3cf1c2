package gateway

import (
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// reply is something a connection is owed. It is composed when the socket can take it, part by part, so that a
// reader who takes nothing holds up no more than one frame. Deltas wait until no reply is left: what was captured
// first is sent first, and versions rise.
type reply interface {
	// part composes the next message, or a few small ones, and reports whether there is more.
	part(k *composer, g *grant) (more bool)
}

// text is a message composed already.
type text []byte

func (t text) part(k *composer, _ *grant) bool {
	k.frame(t)
	return false
}

// catchUp is states that changed before something else was captured.
type catchUp struct {
	items []hub.Item
	left  []presence.ID
}

func (r *catchUp) part(k *composer, g *grant) bool {
	k.left(r.left) // first: who left and came back is among the items too
	r.left = nil
	if len(r.items) > 0 {
		r.items = k.states(g, r.items)
	}
	return len(r.items) > 0
}

// snapshot is the answer to a subscribe. Its items are what the hub held at the instant the subscription began.
type snapshot struct {
	id       string
	items    []hub.Item
	denied   []presence.ID
	invalid  []string
	resolved []wire.Resolution
	members  []wire.Membership
}

func (r *snapshot) part(k *composer, g *grant) bool {
	p := k.openList(func(dst []byte) []byte { return wire.OpenSnapshot(dst, r.id) })
	r.items = p.items(g, r.items)
	r.denied = p.ids("denied", r.denied)
	r.invalid = p.strings("invalid", r.invalid)
	r.resolved = p.resolutions(r.resolved)
	r.members = p.memberships(r.members)
	more := len(r.items)+len(r.denied)+len(r.invalid)+len(r.resolved)+len(r.members) > 0
	k.frame(wire.Close(p.payload(), more))
	return more
}
