package gateway

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Rule lets some callers see some users. Rules add up; where none matches, nobody is seen.
type Rule struct {
	Who    Who
	Allow  Allow
	Fields presence.Fields // beyond id, availability and activity
}

// Who is the callers a rule speaks of.
type Who struct {
	Anonymous bool
}

// Allow is the users a rule lets them see: everyone, or those named and the members of the groups named.
type Allow struct {
	All    bool
	Users  []presence.ID
	Groups []presence.ID
}

// Principal is a caller who was let in.
type Principal struct {
	Anonymous bool
}

// ErrNobody says that a configuration lets nobody in, and what to set.
var ErrNobody = errors.New("gateway: nobody could connect: set gateway.auth.anonymous: true, and a rule in " +
	`gateway.policy, such as {who: {anonymous: true}, allow: "*"}`)

// policy is who sees whom.
type policy struct {
	rules    []Rule
	onDemand bool
	grants   map[string]*grant // by the numbers of the rules that match
}

// grant returns what p may see. Callers of equal rights share one grant, and what is made for it. Server.rights is
// held for writing.
func (p *policy) grant(who Principal, d *presence.Directory) *grant {
	var rules []Rule
	var key []byte
	for i, rule := range p.rules {
		if rule.Who.Anonymous && who.Anonymous {
			rules = append(rules, rule)
			key = append(key, byte(i), byte(i>>8))
		}
	}
	g := p.grants[string(key)]
	if g == nil {
		g = &grant{rules: rules, onDemand: p.onDemand, groups: map[presence.ID]*list{}}
		g.refresh(d)
		p.grants[string(key)] = g
	}
	return g
}

// grant is whom some callers may see, and what of them. It follows the groups of the directory.
type grant struct {
	rules    []Rule
	onDemand bool
	scope    atomic.Pointer[scope]

	everyone *list                 // "*", once somebody asked for it
	groups   map[presence.ID]*list // likewise; both are guarded by Server.rights
}

// scope is a grant as of one directory. It is immutable.
type scope struct {
	directory *presence.Directory
	all       bool
	everyone  presence.Fields                 // what is seen of all
	users     map[presence.ID]presence.Fields // what is seen of some, beyond that
}

// refresh makes the grant that of directory d, and returns who was seen before and is no longer.
func (g *grant) refresh(d *presence.Directory) (lost []presence.ID) {
	next := &scope{directory: d, users: map[presence.ID]presence.Fields{}}
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
		return nil
	}
	forget := func(id presence.ID) {
		if before.sees(id, g.onDemand) && !next.sees(id, g.onDemand) {
			lost = append(lost, id)
		}
	}
	for id := range before.users {
		forget(id)
	}
	if before.all {
		for _, id := range before.directory.All() {
			if _, looked := before.users[id]; !looked {
				forget(id)
			}
		}
	}
	return lost
}

// sees reports whether the grant shows id, and whether anybody reads it or would.
func (g *grant) sees(id presence.ID) bool { return g.scope.Load().sees(id, g.onDemand) }

// view returns what may be seen of id, and whether anything may.
func (g *grant) view(id presence.ID) (presence.Fields, bool) {
	s := g.scope.Load()
	if len(s.users) == 0 {
		return s.everyone, s.all
	}
	more, named := s.users[id]
	return s.everyone | more, s.all || named
}

// allows reports whether the callers may subscribe to the group: one that is read and that a rule names, or any if
// they may see everyone.
func (g *grant) allows(group presence.ID) bool {
	s := g.scope.Load()
	if _, found := s.directory.Group(group); !found {
		return false
	}
	for _, rule := range g.rules {
		for _, named := range rule.Allow.Groups {
			if named == group {
				return true
			}
		}
	}
	return s.all
}

// visible returns those of ids whom the grant shows.
func (g *grant) visible(ids []presence.ID) []presence.ID {
	seen := make([]presence.ID, 0, len(ids))
	for _, id := range ids {
		if g.sees(id) {
			seen = append(seen, id)
		}
	}
	return seen
}

func (s *scope) sees(id presence.ID, onDemand bool) bool {
	if _, named := s.users[id]; !named && !s.all {
		return false
	}
	return onDemand || s.directory.Watched(id)
}
