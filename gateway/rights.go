package gateway

import (
	"context"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// list is the users of a group, or everyone, as far as a grant shows them: one for all connections that watch it.
type list struct {
	ids []presence.ID
	set *hub.Set // once a connection watches it
}

// everyoneOf returns the list behind "*". Server.rights is held.
func (s *Server) everyoneOf(g *grant) *list {
	if g.everyone == nil {
		g.everyone = &list{ids: g.visible(g.scope.Load().directory.All())}
	}
	return g.everyone
}

// groupOf returns the list of a group that the grant allows. Server.rights is held.
func (s *Server) groupOf(g *grant, id presence.ID) *list {
	l := g.groups[id]
	if l == nil {
		group, _ := g.scope.Load().directory.Group(id)
		l = &list{ids: g.visible(group.Members)}
		g.groups[id] = l
	}
	return l
}

// shared returns the list as connections watch it. Server.rights is held.
func (l *list) shared(h *hub.Hub) *hub.Set {
	if l.set == nil {
		l.set = h.Share(l.ids)
	}
	return l.set
}

// publish makes the set say what the list says.
func (l *list) publish() {
	if l.set != nil {
		l.set.Replace(l.ids)
	}
}

func (l *list) close() {
	if l.set != nil {
		l.set.Close()
	}
}

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
	s.judging.Lock()
	defer s.judging.Unlock()
	s.rights.Lock()
	s.epoch.Add(1)
	s.directory = d
	s.policy.follow(d)
	open := s.connections.all()
	for _, g := range s.policy.grants {
		s.refresh(g, open)
	}
	s.rights.Unlock()
	s.rejudge()
}

// Govern makes rules the policy, and operator the role, or the name of the API key, of whoever may see the operator's
// view. Connections follow at once: of whom they may no longer see, nothing is sent any more; what else they may see
// they get when they ask. Where fields changed that a connection sees, it is closed with 1012, so that it comes back
// with the new view: a state cannot be repeated under its version.
func (s *Server) Govern(rules []Rule, operator string) {
	s.judging.Lock()
	defer s.judging.Unlock()
	s.rights.Lock()
	s.epoch.Add(1)
	s.policy.replace(rules, operator)
	s.views.Store(time.Now().UnixNano())
	s.rights.Unlock()
	s.rejudge()
}

// rejudge gives every connection the grant that is now its caller's. Server.judging is held.
func (s *Server) rejudge() {
	s.rights.Lock()
	open := s.connections.all()
	s.inherit(open)
	s.rights.Unlock()
	for _, c := range open { // one by one, for others want to subscribe meanwhile
		s.rights.Lock()
		c.mu.Lock()
		if c.sub != nil && c.reason == nil {
			c.follow(s.policy.grant(c.who))
		}
		c.mu.Unlock()
		s.rights.Unlock()
	}
	s.rights.Lock()
	s.policy.sweep()
	s.epoch.Add(1)
	s.rights.Unlock()
}

// viewsTime is how long after a change of fields no version that a client holds is trusted: it may stand for a state as it
// was seen before, of this process or another one.
const viewsTime = 5 * time.Minute

// unsettled reports whether fields changed so lately.
func (s *Server) unsettled() bool {
	at := s.views.Load()
	return at != 0 && time.Since(time.Unix(0, at)) < viewsTime
}

// inherit lets a grant become another where all who hold it get that one and nobody else has it: what was made for
// it, such as the list behind "*", is then changed once, and not left and made anew by each of its connections.
// Server.rights is held.
func (s *Server) inherit(open []*conn) {
	heirs, holders := map[*grant]*grant{}, map[*grant]int64{}
	for _, c := range open {
		c.mu.Lock()
		old, who := c.grant, c.who
		c.mu.Unlock()
		if old == nil {
			continue
		}
		holders[old]++
		heir := s.policy.grant(who)
		if before, several := heirs[old]; several && before != heir {
			heir = nil
		}
		heirs[old] = heir
	}
	for old, heir := range heirs {
		if heir != nil && heir != old && heir.holders.Load() == 0 && old.holders.Load() == holders[old] && s.policy.become(old, heir) {
			s.refresh(old, open)
		}
	}
}

// refresh makes a grant follow the directory, and its connections follow the grant. Server.rights is held.
func (s *Server) refresh(g *grant, open []*conn) {
	lost, altered := g.refresh(s.directory)
	if g.holders.Load() == 0 {
		lost, altered = nil, nil
	}
	if len(altered) > 0 {
		s.views.Store(time.Now().UnixNano())
	}
	unwatched := func(id presence.ID) bool { return s.hub.Watchers(id) == 0 }
	lost, altered = slices.DeleteFunc(lost, unwatched), slices.DeleteFunc(altered, unwatched)
	moved := map[presence.ID]move{}
	for id, l := range g.groups {
		if !g.allows(id) {
			continue // its watchers are about to be taken off it
		}
		group, _ := s.directory.Group(id)
		now := g.visible(group.Members)
		if m := moveOf(l.ids, now); len(m.joined)+len(m.left) > 0 {
			l.ids, moved[id] = now, m
		}
	}
	for _, c := range open {
		c.lose(g, lost, altered, moved)
	}
	for id, l := range g.groups {
		if _, moves := moved[id]; moves { // after the notices: who joined is announced before their state
			l.publish()
		}
		if !g.allows(id) {
			l.close()
			delete(g.groups, id)
		}
	}
	if g.everyone != nil {
		g.everyone.ids = g.visible(s.directory.All())
		g.everyone.publish()
	}
}

// move is who joined and left a group.
type move struct{ joined, left []presence.ID }

// moveOf returns who is in the one list and not in the other.
func moveOf(before, now []presence.ID) (m move) {
	before, now = sorted(before), sorted(now)
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
	return m
}

func sorted(ids []presence.ID) []presence.ID {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, presence.ID.Compare)
	return ids
}
