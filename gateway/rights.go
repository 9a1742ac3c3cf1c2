package gateway

import (
	"context"
	"slices"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// list is the users of a group, or everyone, as far as a grant shows them: one for all connections that watch it.
type list struct {
	ids []presence.ID
	set *hub.Set
}

// everyoneOf returns the list behind "*". Server.rights is held for writing.
func (s *Server) everyoneOf(g *grant) *list {
	if g.everyone == nil {
		g.everyone = s.share(g.visible(g.scope.Load().directory.All()))
	}
	return g.everyone
}

// groupOf returns the list of a group that the grant allows. Server.rights is held for writing.
func (s *Server) groupOf(g *grant, id presence.ID) *list {
	l := g.groups[id]
	if l == nil {
		group, _ := g.scope.Load().directory.Group(id)
		l = s.share(g.visible(group.Members))
		g.groups[id] = l
	}
	return l
}

func (s *Server) share(ids []presence.ID) *list { return &list{ids: ids, set: s.hub.Share(ids)} }

// follow tells the connections of every change of status, and makes theirs what the directory says, until the
// context ends.
func (s *Server) follow(ctx context.Context) {
	status, directory := s.hub.Status(), s.directory
	waiting := !closed(s.loaded)
	for {
		changed := s.hub.Changed()
		known := closed(s.hub.Loaded()) // asked before the directory, which is the later one then
		if now := s.hub.Status(); now != status {
			status = now
			s.announce()
		}
		if now := s.hub.Directory(); now != directory {
			directory = now
			s.redirect(now)
		}
		if waiting && known {
			waiting = false
			close(s.loaded)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// announce owes every connection the status.
func (s *Server) announce() {
	for _, c := range s.connections.all() {
		c.mu.Lock()
		if c.sub != nil {
			c.statusDue = true
			c.writer.call(c)
		}
		c.mu.Unlock()
	}
}

// redirect makes d the directory by which rights are judged. Whoever is no longer seen leaves every subscription.
func (s *Server) redirect(d *presence.Directory) {
	s.rights.Lock()
	defer s.rights.Unlock()
	s.directory = d
	for _, g := range s.policy.grants {
		lost := slices.DeleteFunc(g.refresh(d), func(id presence.ID) bool { return s.hub.Watchers(id) == 0 })
		moved := map[presence.ID]move{}
		for id, l := range g.groups {
			group, _ := d.Group(id)
			if m := l.replace(g.visible(group.Members)); len(m.joined)+len(m.left) > 0 {
				m.notices = notices(id, m)
				moved[id] = m
			}
		}
		for _, c := range s.connections.all() {
			c.lose(g, lost, moved)
		}
		for id := range moved { // after the notices: who joined is announced before their state
			g.groups[id].set.Replace(g.groups[id].ids)
		}
		if g.everyone != nil {
			g.everyone.ids = g.visible(d.All())
			g.everyone.set.Replace(g.everyone.ids)
		}
	}
}

// move is who joined and left a group.
type move struct {
	joined, left []presence.ID
	notices      []reply
}

// replace makes ids those of the list, except in the hub.
func (l *list) replace(ids []presence.ID) (m move) {
	before, now := sorted(l.ids), sorted(ids)
	for _, id := range now {
		if _, found := slices.BinarySearchFunc(before, id, presence.ID.Compare); !found {
			m.joined = append(m.joined, id)
		}
	}
	for _, id := range before {
		if _, found := slices.BinarySearchFunc(now, id, presence.ID.Compare); !found {
			m.left = append(m.left, id)
		}
	}
	l.ids = ids
	return m
}

func sorted(ids []presence.ID) []presence.ID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, presence.ID.Compare)
	return ids
}

// notices returns the deltas that tell of a move, each of a size that can be sent.
func notices(group presence.ID, m move) (replies []reply) {
	tell := func(name string, ids []presence.ID) {
		for some := range slices.Chunk(ids, partBytes/wire.IDSize) {
			open := wire.CloseList(wire.OpenDelta(nil))
			replies = append(replies, text(wire.Close(wire.AppendMemberships(open, name,
				[]wire.Membership{{Group: group, Users: some}}), false)))
		}
	}
	tell("joined", m.joined)
	tell("left", m.left)
	return replies
}

// lose takes from a connection whom its grant no longer shows, and tells it of moves in its groups.
func (c *conn) lose(g *grant, lost []presence.ID, moved map[presence.ID]move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.grant != g || c.sub == nil {
		return
	}
	for id := range c.groups {
		c.owe(moved[id].notices...)
	}
	var mine []presence.ID
	for _, id := range lost {
		if c.sub.Watches(id) {
			mine = append(mine, id)
		}
	}
	if len(mine) > 0 {
		var undelivered hub.News // of those who are no longer seen, the composer lets nothing pass
		c.sub.Remove(mine, nil, &undelivered)
		c.oweNews(&undelivered)
		c.owe(&catchUp{left: slices.DeleteFunc(mine, c.sub.Watches)}) // others leave with their list
	}
}
