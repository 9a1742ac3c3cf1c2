package presence

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"time"
)

// Person is what the directory says of a user. Fields that were not granted, or not asked for, are empty.
type Person struct {
	ID                                      ID
	DisplayName, Department, JobTitle, Mail string
}

// Group is a group of the directory with all its members, those of nested groups included.
type Group struct {
	ID          ID
	DisplayName string
	Members     []ID
	Hidden      []ID // members who opted out: they count where rights are judged, and are shown nowhere
}

// Directory is who is watched, and what is known of groups and names. It is immutable.
type Directory struct {
	watched []ID
	hidden  []ID // watched, but opted out
	people  map[ID]Person
	groups  []Group
}

// NewDirectory keeps what it is given; the caller must not change it afterwards. watched is sorted and freed of
// duplicates, groups are sorted by name.
func NewDirectory(watched []ID, people []Person, groups []Group) *Directory {
	slices.SortFunc(watched, ID.Compare)
	slices.SortFunc(groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.DisplayName, b.DisplayName), a.ID.Compare(b.ID))
	})
	d := &Directory{watched: slices.Compact(watched), groups: groups, people: make(map[ID]Person, len(people))}
	for _, p := range people {
		d.people[p.ID] = p
	}
	return d
}

// Hide returns the directory with users who would be watched, had they not opted out. It keeps what it is given.
func (d *Directory) Hide(ids []ID) *Directory {
	slices.SortFunc(ids, ID.Compare)
	hiding := *d
	hiding.hidden = ids
	return &hiding
}

// Watched reports whether id is read whoever is connected: named by configuration, or a member of a group that is. Who
// opted out is said to be, so that they look like anyone whom Graph does not know.
func (d *Directory) Watched(id ID) bool {
	_, found := slices.BinarySearchFunc(d.watched, id, ID.Compare)
	if !found {
		_, found = slices.BinarySearchFunc(d.hidden, id, ID.Compare)
	}
	return found
}

// All returns everyone who is watched and may be shown, in order of id. It must not be modified.
func (d *Directory) All() []ID { return d.watched }

// Hidden returns who would be watched, had they not opted out. It must not be modified.
func (d *Directory) Hidden() []ID { return d.hidden }

// People returns everyone of whom something is known, in no particular order.
func (d *Directory) People() iter.Seq[Person] { return maps.Values(d.people) }

// Person returns what is known of id.
func (d *Directory) Person(id ID) (Person, bool) {
	p, found := d.people[id]
	return p, found
}

// Groups returns the groups by name. It must not be modified.
func (d *Directory) Groups() []Group { return d.groups }

// Group returns one group.
func (d *Directory) Group(id ID) (Group, bool) {
	for _, g := range d.groups {
		if g.ID == id {
			return g, true
		}
	}
	return Group{}, false
}

// Want says how many lists watch a user now. Zero: no longer anyone.
type Want struct {
	ID       ID
	Watchers int
}

// Reason says why what is shown may be old.
type Reason string

// The reasons, as clients are told.
const (
	GraphUnavailable Reason = "graph_unavailable"
	Throttled        Reason = "throttled"
	Unauthorized     Reason = "unauthorized"
	HubUnavailable   Reason = "hub_unavailable"
	NoPoller         Reason = "no_poller"
)

// Status says whether states are being read and delivered. The zero value is live.
type Status struct {
	Reason Reason    // empty: live
	Since  time.Time // when the outage began
}

// Live reports whether there is no outage.
func (s Status) Live() bool { return s.Reason == "" }
