package gateway

import (
	"slices"
	"sync/atomic"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// grant is whom some callers may see, and what of them. It follows the groups of the directory.
type grant struct {
	key      string // under which the policy finds it
	rules    []Rule
	onDemand bool
	scope    atomic.Pointer[scope]
	holders  atomic.Int64 // connections; raised under Server.rights

	everyone *list                 // "*", once somebody asked for it
	groups   map[presence.ID]*list // likewise; both are guarded by Server.rights
}

// scope is a grant as of one directory. It is immutable.
type scope struct {
	directory *presence.Directory
	onDemand  bool
	all       bool
	everyone  presence.Fields                 // what is seen of all
	users     map[presence.ID]presence.Fields // what is seen of some, beyond that
}

// empty reports whether the grant shows nobody, whatever the directory says.
func (g *grant) empty() bool { return len(g.rules) == 0 }

// close gives back what was made for the grant, which nobody has any longer.
func (g *grant) close() {
	if g.everyone != nil {
		g.everyone.close()
	}
	for _, l := range g.groups {
		l.close()
	}
	g.everyone, g.groups = nil, map[presence.ID]*list{}
}

// refresh makes the grant that of directory d. It returns who was seen before and is no longer, and of whom
// something else is seen than before.
func (g *grant) refresh(d *presence.Directory) (lost, altered []presence.ID) {
	next := &scope{directory: d, onDemand: g.onDemand, users: map[presence.ID]presence.Fields{}}
	for _, rule := range g.rules {
		if rule.Allow.All {
			next.all = true
			next.everyone |= rule.Fields
		}
		for _, id := range rule.Allow.Users {
			next.users[id] |= rule.Fields
		}
		for _, group := range rule.Allow.Groups {
			members, _ := d.Group(group)
			for _, id := range slices.Concat(members.Members, members.Hidden) {
				next.users[id] |= rule.Fields
			}
		}
	}
	before := g.scope.Swap(next)
	if before == nil {
		return nil, nil
	}
	compare := func(id presence.ID) {
		switch {
		case !before.sees(id):
		case !next.sees(id):
			lost = append(lost, id)
		case alters(before, next, id):
			altered = append(altered, id)
		}
	}
	for id := range before.users {
		compare(id)
	}
	if before.all {
		for id := range next.users { // who is seen through "*" may be seen better now
			if _, looked := before.users[id]; !looked {
				compare(id)
			}
		}
		for _, id := range before.directory.All() {
			_, looked := before.users[id]
			if _, too := next.users[id]; !looked && !too {
				compare(id)
			}
		}
	}
	return lost, altered
}

// alters reports whether something else is seen of id in one scope than in the other. Whoever is seen in one alone
// counts as lost, or as new.
func alters(a, b *scope, id presence.ID) bool {
	before, was := a.view(id)
	now, is := b.view(id)
	return was && is && before != now
}

// sees reports whether the grant shows id, and whether anybody reads it or would.
func (g *grant) sees(id presence.ID) bool { return g.scope.Load().sees(id) }

// view returns what may be seen of id, and whether anything may.
func (g *grant) view(id presence.ID) (presence.Fields, bool) { return g.scope.Load().view(id) }

// allows reports whether the callers may subscribe to the group: one that is read and that a rule names, or any if
// they may see everyone.
func (g *grant) allows(group presence.ID) bool {
	s := g.scope.Load()
	if _, found := s.directory.Group(group); !found {
		return false
	}
	for _, rule := range g.rules {
		if slices.Contains(rule.Allow.Groups, group) {
			return true
		}
	}
	return s.all
}

// visible returns those of ids whom the grant shows.
func (g *grant) visible(ids []presence.ID) []presence.ID {
	s := g.scope.Load()
	seen := make([]presence.ID, 0, len(ids))
	for _, id := range ids {
		if s.sees(id) {
			seen = append(seen, id)
		}
	}
	return seen
}

func (s *scope) sees(id presence.ID) bool {
	if _, named := s.users[id]; !named && !s.all {
		return false
	}
	return s.onDemand || s.directory.Watched(id)
}

func (s *scope) view(id presence.ID) (presence.Fields, bool) {
	if len(s.users) == 0 {
		return s.everyone, s.all
	}
	more, named := s.users[id]
	return s.everyone | more, s.all || named
}
