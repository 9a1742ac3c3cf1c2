package gateway

import (
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// notice is who joined and left subscribed groups since the client was told. While it waits, moves are added to it; who
// came and went, or went and came back, is not mentioned. So it never names more than the groups have members.
type notice struct {
	moves map[presence.ID]map[presence.ID]bool // of each group: whether who moved is in it now
	sent  bool
}

// notice tells the connection of a move in a group. c.mu is held.
func (c *conn) notice(group presence.ID, m move) {
	if len(m.joined)+len(m.left) == 0 {
		return
	}
	if c.moves == nil || c.moves.sent {
		c.moves = &notice{moves: map[presence.ID]map[presence.ID]bool{}}
		c.owe(c.moves)
	}
	moves := c.moves.moves[group]
	if moves == nil {
		moves = map[presence.ID]bool{}
		c.moves.moves[group] = moves
	}
	note := func(ids []presence.ID, here bool) {
		for _, id := range ids {
			if before, moved := moves[id]; moved && before != here {
				delete(moves, id)
			} else {
				moves[id] = here
			}
		}
	}
	note(m.joined, true)
	note(m.left, false)
}

func (n *notice) part(k *composer, _ *grant) (more bool) {
	var joined, left []wire.Membership
	room := partBytes / wire.IDSize
	for group, moves := range n.moves {
		var in, out []presence.ID
		for id, here := range moves {
			if room == 0 {
				break
			}
			room--
			delete(moves, id)
			if here {
				in = append(in, id)
			} else {
				out = append(out, id)
			}
		}
		if len(in) > 0 {
			joined = append(joined, wire.Membership{Group: group, Users: in})
		}
		if len(out) > 0 {
			left = append(left, wire.Membership{Group: group, Users: out})
		}
		if len(moves) == 0 {
			delete(n.moves, group)
		}
	}
	if len(joined)+len(left) > 0 {
		dst := wire.CloseList(wire.OpenDelta(k.scratch[:0]))
		if len(joined) > 0 {
			dst = wire.AppendMemberships(dst, "joined", joined)
		}
		if len(left) > 0 {
			dst = wire.AppendMemberships(dst, "left", left)
		}
		k.scratch = wire.Close(dst, false)
		k.frame(k.scratch)
	}
	n.sent = len(n.moves) == 0
	return !n.sent
}
