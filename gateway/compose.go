package gateway

import (
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// A message is ended once it is this long; the presence that ends it may make it longer, up to wire.MaxFrame.
const partBytes = 32 << 10

// maxPresence bounds one presence, so that a message that was not full yet cannot exceed wire.MaxFrame by it.
const maxPresence = wire.MaxFrame - partBytes - 4096

// composer makes the frames of one write. It belongs to one writer, and uses its buffers again for each connection.
type composer struct {
	out     []byte // frames of the write
	scratch []byte // payload of the frame
	pending []presence.ID
	gone    []presence.ID
	memo    memo
	events  bool // for a stream of events: messages become events, not frames
	packed  bool // for a WebSocket with compression
	deflater
	last int // where in out the last message begins; -1: none

	sent     int       // states in out
	answered time.Time // when the oldest news among them had come from Graph
}

func (k *composer) reset() {
	if cap(k.out) > 4*partBytes {
		k.out = nil
	}
	k.out, k.last, k.sent, k.answered = k.out[:0], -1, 0, time.Time{}
}

func (k *composer) frame(payload []byte) {
	k.last = len(k.out)
	switch {
	case k.events:
		k.out = appendEvent(k.out, payload)
	case k.packed:
		k.out = k.appendDeflated(k.out, payload)
	default:
		k.out = appendFrame(k.out, opText, payload)
	}
}

// mark puts a line before the last event, if there is one.
func (k *composer) mark(line string) {
	if k.last >= 0 {
		k.out = slices.Insert(k.out, k.last, []byte(line)...)
	}
}

// news composes what a drain returned, and returns what did not fit into one message.
func (k *composer) news(g *grant, news *hub.News, shared bool) []hub.Item {
	k.left(news.Left) // first: who left and came back is among the items too
	if len(news.Items) == 0 {
		return nil
	}
	return k.memo.states(k, g, news.Items, shared)
}

// states composes one delta of states, and a gone of those without; it returns the items that did not fit.
func (k *composer) states(g *grant, items []hub.Item) []hub.Item {
	p := k.openList(wire.OpenDelta)
	rest := p.presences(g, items)
	for i := range items[:len(items)-len(rest)] {
		if at := items[i].AnsweredAt; !at.IsZero() && (k.answered.IsZero() || at.Before(k.answered)) {
			k.answered = at
		}
	}
	if p.count > 0 {
		k.frame(wire.Close(wire.CloseList(p.dst), false))
	}
	k.scratch = p.dst[:0]
	if len(k.gone) > 0 {
		k.scratch = wire.AppendGone(k.scratch[:0], k.gone, wire.Unknown)
		k.frame(k.scratch)
	}
	return rest
}

// left composes that users are no longer watched.
func (k *composer) left(ids []presence.ID) {
	for len(ids) > 0 {
		n := min(len(ids), partBytes/wire.IDSize)
		k.scratch = wire.AppendGone(k.scratch[:0], ids[:n], wire.Unwatched)
		k.frame(k.scratch)
		ids = ids[n:]
	}
}

// heartbeat composes a heartbeat, and a ping behind it.
func (k *composer) heartbeat(now, oldest time.Time) {
	k.scratch = wire.AppendHeartbeat(k.scratch[:0], now, oldest)
	k.frame(k.scratch)
	if !k.events {
		k.out = appendFrame(k.out, opPing, nil)
	}
}

// part is one message with presences, as far as it is composed.
type part struct {
	k     *composer
	dst   []byte
	count int // presences
}

// openList begins a message whose first list is presences.
func (k *composer) openList(open func([]byte) []byte) *part {
	k.pending, k.gone = k.pending[:0], k.gone[:0]
	return &part{k: k, dst: open(k.scratch[:0])}
}

func (p *part) payload() []byte {
	p.k.scratch = p.dst[:0]
	return p.dst
}

// room returns how many more elements of a size fit.
func (p *part) room(size int) int {
	return max(0, (partBytes-len(p.dst)-wire.IDSize*(len(p.k.pending)+len(p.k.gone)))/size)
}

// presences appends the states of items while there is room, collects pending and gone ones, and returns the rest.
func (p *part) presences(g *grant, items []hub.Item) []hub.Item {
	for i := range items {
		item := &items[i]
		if p.room(wire.IDSize) == 0 {
			return items[i:]
		}
		view, seen := g.view(item.ID)
		switch {
		case !seen: // no longer; the subscription is about to lose the user
		case item.Pending():
			p.k.pending = append(p.k.pending, item.ID)
		case item.Gone():
			p.k.gone = append(p.k.gone, item.ID)
		default:
			if p.count > 0 {
				p.dst = append(p.dst, ',')
			}
			p.dst = appendPresence(p.dst, item, view)
			p.count++
			p.k.sent++
		}
	}
	return nil
}

// appendPresence appends one presence, without the texts that people wrote where these are out of all proportion.
func appendPresence(dst []byte, item *hub.Item, view presence.Fields) []byte {
	before := len(dst)
	dst = item.AppendJSON(dst, view, item.ObservedAt)
	if len(dst)-before > maxPresence {
		dst = item.AppendJSON(dst[:before], view&^(presence.OutOfOfficeMessage|presence.StatusMessage), item.ObservedAt)
	}
	return dst
}

// items appends a snapshot's presences, pending and gone.
func (p *part) items(g *grant, items []hub.Item) []hub.Item {
	rest := p.presences(g, items)
	p.dst = wire.CloseList(p.dst)
	p.dst = wire.AppendIDs(p.dst, "pending", p.k.pending)
	p.dst = wire.AppendIDs(p.dst, "gone", p.k.gone)
	p.k.pending, p.k.gone = p.k.pending[:0], p.k.gone[:0]
	return rest
}

func (p *part) ids(name string, ids []presence.ID) []presence.ID {
	n := min(len(ids), p.room(wire.IDSize))
	p.dst = wire.AppendIDs(p.dst, name, ids[:n])
	return ids[n:]
}

// maxString is how long an element of invalid, or an address in resolved, can become in JSON.
const maxString = 6*320 + 64

func (p *part) strings(name string, list []string) []string {
	n := min(len(list), p.room(maxString))
	p.dst = wire.AppendStrings(p.dst, name, list[:n])
	return list[n:]
}

func (p *part) resolutions(list []wire.Resolution) []wire.Resolution {
	if n := min(len(list), p.room(maxString)); n > 0 {
		p.dst = wire.AppendResolved(p.dst, list[:n])
		list = list[n:]
	}
	return list
}

// memberships appends members of groups; a large group is continued in the next part, under its id again.
func (p *part) memberships(list []wire.Membership) []wire.Membership {
	var now []wire.Membership
	for room := p.room(wire.IDSize) - 1; len(list) > 0 && room > 0; {
		m := list[0]
		if n := room; len(m.Users) > n {
			list[0].Users = m.Users[n:]
			m.Users = m.Users[:n]
			now = append(now, m)
			break
		}
		now = append(now, m)
		room -= len(m.Users) + 2
		list = list[1:]
	}
	if len(now) > 0 {
		p.dst = wire.AppendMemberships(p.dst, "members", now)
	}
	return list
}
