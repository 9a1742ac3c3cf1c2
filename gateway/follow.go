package gateway

import (
	"slices"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// lose takes from a connection whom its grant no longer shows, and tells it of moves in its groups. Server.rights is
// held.
func (c *conn) lose(g *grant, lost, altered []presence.ID, moved map[presence.ID]move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grant != g || c.sub == nil || c.reason != nil {
		return
	}
	if slices.ContainsFunc(altered, c.sub.Watches) {
		c.comeBack()
		return
	}
	var gone []*hub.Set
	var left []presence.ID
	for id := range c.groups {
		if g.allows(id) {
			c.notice(id, moved[id])
			continue
		}
		l := g.groups[id]
		gone, left = append(gone, l.shared(c.server.hub)), append(left, l.ids...)
		c.notice(id, move{left: l.ids}) // some of them may be watched still
		delete(c.groups, id)
	}
	for _, id := range lost {
		if _, held := c.held[id]; held || c.sub.Watches(id) {
			left = append(left, id)
		}
	}
	if g.empty() && c.all {
		c.all = false
		gone, left = append(gone, g.everyone.shared(c.server.hub)), append(left, g.everyone.ids...)
	}
	c.quit(g, left, gone)
	if g.empty() {
		c.comeBack()
	}
}

// follow makes g the connection's grant: whom it no longer shows leaves the subscription, and what it watches by group
// or "*" is from now on what g shows of it. Server.rights and c.mu are held.
func (c *conn) follow(g *grant) {
	old := c.grant
	if g == old {
		return
	}
	c.hold(g)
	named := c.sub.Names()
	before := c.lists(old)
	if alteredBetween(old, g, named, before) {
		c.comeBack()
		return
	}
	var add, gone []*hub.Set
	var left []presence.ID
	for id, l := range before {
		gone = append(gone, l.shared(c.server.hub))
		left = append(left, l.ids...)
		switch {
		case id.IsZero():
			add = append(add, c.server.everyoneOf(g).shared(c.server.hub))
		case g.allows(id):
			now := c.server.groupOf(g, id)
			c.notice(id, moveOf(l.ids, now.ids))
			add = append(add, now.shared(c.server.hub))
		default:
			c.notice(id, move{left: l.ids})
			delete(c.groups, id)
		}
	}
	for _, ids := range [][]presence.ID{named, keys(c.held)} {
		for _, id := range ids {
			if !g.sees(id) {
				left = append(left, id)
			}
		}
	}
	if len(add) > 0 { // first, so that whoever is in both is watched throughout
		var undelivered hub.News
		items := c.sub.Add(nil, add, &undelivered)
		c.oweNews(&undelivered)
		if len(items) > 0 {
			c.owe(&catchUp{items: items})
		}
	}
	c.quit(g, left, gone)
	if g.empty() {
		c.comeBack()
	}
}

// quit ends watching sets, and those of ids whom g does not show, and tells of whom nothing is left: others of ids
// were in the sets, or leave with their list. c.mu is held.
func (c *conn) quit(g *grant, ids []presence.ID, sets []*hub.Set) {
	if len(ids)+len(sets) == 0 {
		return
	}
	ids = slices.Compact(sorted(ids))
	unseen := slices.DeleteFunc(slices.Clone(ids), g.sees)
	for _, id := range unseen {
		delete(c.held, id)
	}
	var undelivered hub.News // of those who are no longer seen, the composer lets nothing pass
	c.sub.Remove(unseen, sets, &undelivered)
	c.oweNews(&undelivered)
	if left := slices.DeleteFunc(ids, c.sub.Watches); len(left) > 0 {
		c.owe(&catchUp{left: left})
	}
}

// lists returns what the connection watches by group, and by "*" under the zero id, as the grant shows it.
func (c *conn) lists(g *grant) map[presence.ID]*list {
	lists := map[presence.ID]*list{}
	for id := range c.groups {
		lists[id] = c.server.groupOf(g, id)
	}
	if c.all {
		lists[presence.ID{}] = c.server.everyoneOf(g)
	}
	return lists
}

// alteredBetween reports whether something else is to be seen of somebody who is named or in a list.
func alteredBetween(old, now *grant, named []presence.ID, lists map[presence.ID]*list) bool {
	before, after := old.scope.Load(), now.scope.Load()
	altered := func(id presence.ID) bool { return after.sees(id) && alters(before, after, id) }
	if slices.ContainsFunc(named, altered) {
		return true
	}
	for _, l := range lists {
		if slices.ContainsFunc(l.ids, altered) {
			return true
		}
	}
	return false
}

// comeBack ends the connection so that its client returns with other rights. Whom it was about to be told to drop, it
// is told. c.mu is held.
func (c *conn) comeBack() {
	var last []text
	for _, r := range c.replies {
		if news, dropping := r.(*catchUp); dropping {
			for some := range slices.Chunk(news.left, partBytes/wire.IDSize) {
				last = append(last, wire.AppendGone(nil, some, wire.Unwatched))
			}
		}
	}
	c.endLocked(errRights, append(last, c.server.farewell(errRights)...)...)
}

// hold makes g the grant, which must not be forgotten before the connection ends. Server.rights and c.mu are held.
func (c *conn) hold(g *grant) {
	if c.grant != nil {
		c.grant.holders.Add(-1)
	}
	g.holders.Add(1)
	c.grant = g
}

func keys(set map[presence.ID]struct{}) []presence.ID {
	ids := make([]presence.ID, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	return ids
}
