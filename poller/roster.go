package poller

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// roster is who is to be read and why, merged from all that says so. It is pure. The rules, in the order in which
// they count when there is not room for all: users, the file, groups, on demand. Opting out wins over all.
type roster struct {
	w      Watch
	file   []presence.ID
	groups map[presence.ID]expansion
	out    map[presence.ID]bool
	names  map[presence.ID]presence.Person // of those listed

	built   bool
	base    map[presence.ID]rule // by configuration, the opted out included
	surplus map[presence.ID]rule // configured, and beyond MaxUsers
	demand  map[presence.ID]want // all that somebody watches, or lately did
	asked   int                  // of demand, those who are read because of it
	full    bool                 // somebody of demand is not read for want of room, and it was said
	lapses  []lapse              // in order of time
	lapsing uint32               // the number of the last of them
}

type expansion struct {
	group  presence.Group
	people []presence.Person
}

// same spares the work of a refresh that brought nothing new, as most do.
func (e expansion) same(other expansion) bool {
	return e.group.DisplayName == other.group.DisplayName && slices.Equal(e.group.Members, other.group.Members) &&
		slices.Equal(e.people, other.people)
}

// rule says why a user is read.
type rule uint32

const (
	byUsers rule = iota + 1
	byFile
	byGroup // and the index in Watch.Groups
)

// want is the interest in one user. There may be a million: it is small.
type want struct {
	lapse    uint32 // with no watchers: the number of the lapse that ends it
	watchers uint16 // who has more than fits is not read any oftener
	read     bool   // it has room, and is not in base
}

type lapse struct {
	id     presence.ID
	at     time.Time
	number uint32
}

func newRoster(w Watch) *roster {
	r := &roster{
		w:       w,
		groups:  map[presence.ID]expansion{},
		out:     map[presence.ID]bool{},
		names:   map[presence.ID]presence.Person{},
		base:    map[presence.ID]rule{},
		surplus: map[presence.ID]rule{},
		demand:  map[presence.ID]want{},
	}
	if w.Known != nil {
		r.inherit(w.Known)
	}
	return r
}

// inherit begins with the groups that another process knew, and with the names it knew of users.
func (r *roster) inherit(known *presence.Directory) {
	grouped := map[presence.ID]bool{}
	for _, id := range r.w.Groups {
		group, found := known.Group(id)
		if !found {
			continue
		}
		e := expansion{group: presence.Group{ID: id, DisplayName: group.DisplayName, Members: slices.Concat(group.Members, group.Hidden)}}
		slices.SortFunc(e.group.Members, presence.ID.Compare)
		for _, member := range e.group.Members {
			grouped[member] = true
			if person, named := known.Person(member); named {
				e.people = append(e.people, person)
			}
		}
		r.groups[id] = e
	}
	for person := range known.People() { // those not listed any longer go with the first change
		if !grouped[person.ID] {
			r.names[person.ID] = person
		}
	}
}

// update is news of who is to be read. Fields that are nil, or unset, have none.
type update struct {
	file   *[]presence.ID
	out    *[]presence.ID
	groups []expansion
	wants  []presence.Want
	people []presence.Person
	tried  bool // every group was asked for once, whatever came of it
}

// change is what an update made of it.
type change struct {
	touched   []presence.ID // whoever may have to be read, or no longer
	described bool          // names, groups or who is configured
	surplus   int           // more configured users are refused for want of room than before
	full      bool          // there is no room for some who are asked for, as had not been so lately
	lapsed    bool          // interest ended by itself, and may have begun again
}

// apply takes an update in.
func (r *roster) apply(u update, now time.Time) (c change) {
	rebuild := !r.built
	if u.file != nil {
		r.file, rebuild = *u.file, true
	}
	for _, e := range u.groups {
		if held, known := r.groups[e.group.ID]; !known || !held.same(e) {
			r.groups[e.group.ID] = e
			rebuild = true
		}
	}
	if u.out != nil {
		was := r.out
		r.out = make(map[presence.ID]bool, len(*u.out))
		for _, id := range *u.out {
			r.out[id] = true
			c.touched = append(c.touched, id)
		}
		for id := range was {
			c.touched = append(c.touched, id)
		}
		c.described = true
	}
	if rebuild {
		before, refused := r.base, len(r.surplus)
		r.rebuild()
		for id := range before {
			c.touched = append(c.touched, id)
		}
		for id := range r.base {
			if _, stayed := before[id]; !stayed {
				c.touched = append(c.touched, id)
			}
		}
		c.described = true
		c.surplus = max(0, len(r.surplus)-refused)
		c.touched = append(c.touched, r.serve()...)
	}
	for _, person := range u.people {
		if r.listed(person.ID) && r.names[person.ID] != person {
			r.names[person.ID] = person
			c.described = true
		}
	}
	if rebuild || u.out != nil {
		maps.DeleteFunc(r.names, func(id presence.ID, _ presence.Person) bool { return !r.listed(id) })
	}
	c.described = c.described || u.tried
	// Once there is room again, and not for one or two only, it is worth another word.
	r.full = r.full && 100*(r.w.MaxUsers-len(r.base)-r.asked) <= r.w.MaxUsers
	for _, w := range u.wants {
		r.want(w, now)
		c.touched = append(c.touched, w.ID)
		if held, demanded := r.demand[w.ID]; demanded && !held.read && r.w.OnDemand && r.base[w.ID] == 0 && !r.full {
			r.full, c.full = true, true
		}
	}
	return c
}

// rebuild works out who is configured.
func (r *roster) rebuild() {
	r.built = true
	r.base = make(map[presence.ID]rule, len(r.base))
	r.surplus = map[presence.ID]rule{}
	r.add(r.w.Users, byUsers)
	r.add(r.file, byFile)
	for i, group := range r.w.Groups {
		r.add(r.groups[group].group.Members, byGroup+rule(i))
	}
}

func (r *roster) add(ids []presence.ID, why rule) {
	for _, id := range ids {
		if r.base[id] != 0 || r.surplus[id] != 0 {
			continue
		}
		if len(r.base) < r.w.MaxUsers {
			r.base[id] = why
		} else {
			r.surplus[id] = why
		}
	}
}

// want takes in how many watch a user now.
func (r *roster) want(w presence.Want, now time.Time) {
	held := r.demand[w.ID]
	if w.Watchers == 0 && !held.read { // nothing that could be unlearned
		delete(r.demand, w.ID)
		return
	}
	held.watchers = uint16(min(max(w.Watchers, 0), math.MaxUint16))
	if w.Watchers == 0 {
		r.lapsing++
		held.lapse = r.lapsing
		r.lapses = append(r.lapses, lapse{w.ID, now.Add(r.w.Linger), r.lapsing})
	}
	r.admit(w.ID, &held)
	r.demand[w.ID] = held
}

// admit lets a want be read if there is room and configuration does not see to it already.
func (r *roster) admit(id presence.ID, w *want) {
	if w.read {
		r.asked--
	}
	w.read = r.w.OnDemand && r.base[id] == 0 && len(r.base)+r.asked < r.w.MaxUsers
	if w.read {
		r.asked++
	}
}

// serve judges all wants again, after the room for them has changed.
func (r *roster) serve() (touched []presence.ID) {
	for id, w := range r.demand {
		was := w.read
		if r.admit(id, &w); w.read != was {
			r.demand[id] = w
			touched = append(touched, id)
		}
	}
	return touched
}

// lapse ends the interest whose time is over.
func (r *roster) lapse(now time.Time) (c change) {
	c.lapsed = true
	full := len(r.base)+r.asked >= r.w.MaxUsers
	for len(r.lapses) > 0 && !r.lapses[0].at.After(now) {
		l := r.lapses[0]
		r.lapses = r.lapses[1:]
		if w, ok := r.demand[l.id]; ok && w.watchers == 0 && w.lapse == l.number {
			if w.read {
				r.asked--
			}
			delete(r.demand, l.id)
			c.touched = append(c.touched, l.id)
		}
	}
	if full && len(c.touched) > 0 {
		c.touched = append(c.touched, r.serve()...)
	}
	return c
}

// wanted reports whether a user belongs to those who are watched, the opted out included.
func (r *roster) wanted(id presence.ID) bool { return r.base[id] != 0 || r.demand[id].read }

// explain returns the rule by which a user is watched, or would be if there were room.
func (r *roster) explain(id presence.ID) (text string, surplus bool) {
	why := r.base[id]
	if why == 0 {
		w, demanded := r.demand[id]
		if w.read {
			return "on demand", false
		}
		if why, surplus = r.surplus[id], r.surplus[id] != 0 || demanded; why == 0 && demanded {
			return "on demand", true
		}
	}
	switch {
	case why == 0:
		return "", false
	case why == byUsers:
		return "users", surplus
	case why == byFile:
		return "users_file", surplus
	}
	return "group " + r.w.Groups[why-byGroup].String(), surplus
}

// incomplete reports whether there is a group whose members were never read.
func (r *roster) incomplete() bool {
	return slices.ContainsFunc(r.w.Groups, func(id presence.ID) bool {
		_, expanded := r.groups[id]
		return !expanded
	})
}

// listed reports whether a user's name is to be read: who is configured alone rather than with a group.
func (r *roster) listed(id presence.ID) bool {
	why := r.base[id]
	return (why == byUsers || why == byFile) && !r.out[id]
}

// nameless returns those listed whom no group names, in the order of configuration.
func (r *roster) nameless() (ids []presence.ID) {
	seen := map[presence.ID]bool{}
	for _, e := range r.groups {
		for _, person := range e.people {
			seen[person.ID] = true
		}
	}
	for _, list := range [][]presence.ID{r.w.Users, r.file} {
		for _, id := range list {
			if !seen[id] && r.listed(id) {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// directory returns who is configured, and the names and groups known. Who opted out is shown nowhere.
func (r *roster) directory() *presence.Directory {
	watched, hidden := make([]presence.ID, 0, len(r.base)), []presence.ID{}
	for id := range r.base {
		if r.out[id] {
			hidden = append(hidden, id)
		} else {
			watched = append(watched, id)
		}
	}
	people := slices.Collect(maps.Values(r.names))
	var groups []presence.Group
	for _, id := range r.w.Groups {
		e, expanded := r.groups[id]
		if !expanded {
			continue
		}
		group := e.group
		group.Members = slices.DeleteFunc(slices.Clone(e.group.Members), func(id presence.ID) bool { return r.out[id] })
		group.Hidden = slices.DeleteFunc(slices.Clone(e.group.Members), func(id presence.ID) bool { return !r.out[id] })
		groups = append(groups, group)
		for _, person := range e.people {
			if !r.out[person.ID] {
				people = append(people, person)
			}
		}
	}
	groups = slices.CompactFunc(groups, func(a, b presence.Group) bool { return a.ID == b.ID })
	return presence.NewDirectory(watched, people, groups).Hide(hidden)
}
