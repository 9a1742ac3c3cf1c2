package gateway

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Rule lets some callers see some users. Rules add up; where none matches, nobody is seen.
type Rule struct {
	Who    Who
	Allow  Allow
	Fields presence.Fields // beyond id, availability and activity
}

// Who is the callers a rule speaks of. One member is set; a rule with none speaks of nobody.
type Who struct {
	Anonymous bool          // whoever presents nothing
	Everyone  bool          // whoever signed in
	Roles     []string      // app roles of the token
	Groups    []presence.ID // groups the token names, or in which the directory has the person
	Keys      []string      // names of API keys
	Subjects  []string      // as in [auth.Principal.Subject], or the object id alone
}

// Allow is the users a rule lets them see: everyone, or those named and the members of the groups named.
type Allow struct {
	All    bool
	Users  []presence.ID
	Groups []presence.ID
}

// ErrNobody says that a configuration lets nobody in, and what to set.
var ErrNobody = errors.New("gateway: nobody could connect: set gateway.auth.anonymous: true, gateway.auth.api_keys_file or " +
	"gateway.auth.jwt, and say in gateway.policy who sees whom")

// policy is who sees whom. Server.rights guards it.
type policy struct {
	rules    []Rule
	contents []uint32 // of each rule: the number of what it lets see
	operator string   // the role, or the name of the API key, of whoever may see the operator's view
	onDemand bool

	directory *presence.Directory
	members   map[presence.ID]map[presence.ID]struct{} // of the groups that rules speak of

	numbers map[string]uint32 // of each content that a rule ever had
	grants  map[string]*grant // by the numbers of what they add up
	swept   int               // how many grants the last sweep left
}

func newPolicy(rules []Rule, operator string, onDemand bool, d *presence.Directory) *policy {
	p := &policy{onDemand: onDemand, numbers: map[string]uint32{}, grants: map[string]*grant{}}
	p.replace(rules, operator)
	p.follow(d)
	return p
}

// replace makes rules those of the policy. Who had rights that are the same afterwards keeps their grant.
func (p *policy) replace(rules []Rule, operator string) {
	p.rules, p.operator, p.contents = rules, operator, make([]uint32, len(rules))
	for i, rule := range rules {
		content := rule.content()
		number, known := p.numbers[content]
		if !known {
			number = uint32(len(p.numbers)) //nolint:gosec // far fewer
			p.numbers[content] = number
		}
		p.contents[i] = number
	}
	p.members = nil
	if p.directory != nil {
		p.follow(p.directory)
	}
}

// follow takes from the directory who is in the groups that rules speak of.
func (p *policy) follow(d *presence.Directory) {
	p.directory, p.members = d, map[presence.ID]map[presence.ID]struct{}{}
	for _, rule := range p.rules {
		for _, id := range rule.Who.Groups {
			group, found := d.Group(id)
			if !found || p.members[id] != nil {
				continue
			}
			in := make(map[presence.ID]struct{}, len(group.Members)+len(group.Hidden))
			for _, user := range slices.Concat(group.Members, group.Hidden) {
				in[user] = struct{}{}
			}
			p.members[id] = in
		}
	}
}

// content is what a rule lets see, as text: equal for rules that differ in whom they speak of alone.
func (r *Rule) content() string {
	text := []byte{byte(r.Fields)}
	if r.Allow.All {
		return string(append(text, '*'))
	}
	for _, ids := range [][]presence.ID{r.Allow.Users, r.Allow.Groups} {
		ids = sorted(ids)
		text = binary.BigEndian.AppendUint32(text, uint32(len(ids))) //nolint:gosec // as above
		for _, id := range ids {
			text = append(text, id[:]...)
		}
	}
	return string(text)
}

// speaksOf reports whether w means the caller.
func (p *policy) speaksOf(w *Who, caller auth.Principal) bool {
	if caller.Anonymous || w.Anonymous {
		return caller.Anonymous && w.Anonymous
	}
	switch {
	case w.Everyone:
		return true
	case len(w.Roles) > 0:
		return slices.ContainsFunc(w.Roles, func(role string) bool { return slices.Contains(caller.Roles, role) })
	case len(w.Keys) > 0:
		return caller.Key != "" && slices.Contains(w.Keys, caller.Key)
	case len(w.Subjects) > 0:
		return slices.ContainsFunc(w.Subjects, func(name string) bool { return isSubject(name, caller) })
	}
	return slices.ContainsFunc(w.Groups, func(group presence.ID) bool {
		if slices.Contains(caller.Groups, group) {
			return true
		}
		_, member := p.members[group][caller.User]
		return member && !caller.User.IsZero()
	})
}

// operates reports whether the caller may see the operator's view.
func (p *policy) operates(caller auth.Principal) bool {
	return p.operator != "" && !caller.Anonymous && (caller.Key == p.operator || slices.Contains(caller.Roles, p.operator))
}

// grant returns what the caller may see. Callers of equal rights share one grant, and what is made for it.
func (p *policy) grant(caller auth.Principal) *grant {
	var rules []int
	for i := range p.rules {
		if p.speaksOf(&p.rules[i].Who, caller) {
			rules = append(rules, i)
		}
	}
	slices.SortFunc(rules, func(a, b int) int { return cmp.Compare(p.contents[a], p.contents[b]) })
	rules = slices.CompactFunc(rules, func(a, b int) bool { return p.contents[a] == p.contents[b] })
	var key strings.Builder
	for _, i := range rules {
		_ = binary.Write(&key, binary.BigEndian, p.contents[i])
	}
	g := p.grants[key.String()]
	if g == nil {
		g = &grant{key: key.String(), onDemand: p.onDemand, groups: map[presence.ID]*list{}}
		for _, i := range rules {
			g.rules = append(g.rules, p.rules[i])
		}
		g.refresh(p.directory)
		if len(p.grants) > 2*p.swept+64 {
			p.sweep()
		}
		p.grants[g.key] = g
	}
	return g
}

// become makes heir, which nobody holds, the rights of old, under which old is found from then on. It reports whether
// that could be done: not twice.
func (p *policy) become(old, heir *grant) bool {
	if p.grants[heir.key] != heir {
		return false
	}
	if p.grants[old.key] == old {
		delete(p.grants, old.key)
	}
	heir.close()
	old.key, old.rules = heir.key, heir.rules
	p.grants[old.key] = old
	return true
}

// sweep forgets grants that no connection has.
func (p *policy) sweep() {
	for key, g := range p.grants {
		if g.holders.Load() == 0 {
			g.close()
			delete(p.grants, key)
		}
	}
	p.swept = len(p.grants)
}
