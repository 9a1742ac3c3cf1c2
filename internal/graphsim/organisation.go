package graphsim

import (
	"slices"
)

// A Group is a group of the tenant with everyone in it, also through groups
// within it. Members are user ids in a fixed order.
type Group struct {
	ID          string
	DisplayName string
	Members     []string
}

// circle is a group: direct members of three sorts.
type circle struct {
	id      guid
	name    string
	about   string
	users   []uint32
	circles []int
	things  []thing // members that are no users
}

type thing struct {
	id         guid
	odata, tag string
}

// organise puts everyone into the team of their city and department, teams into
// departments, departments into All Staff. A department's first person is its
// direct member, so that both ways of belonging occur.
func organise(seed uint64, people []resident) []circle {
	d := dice(mix(seed, 'g'))
	all := []circle{{id: d.guid(), name: "All Staff", about: "Everyone"}}
	for i, dep := range departments {
		all = append(all, circle{id: d.guid(), name: dep.name, about: "Department " + dep.name})
		all[0].circles = append(all[0].circles, 1+i)
	}
	it := &all[1+slices.IndexFunc(departments, func(d department) bool { return d.name == "IT Services" })]
	it.things = []thing{
		{d.guid(), "#microsoft.graph.device", "Meeting room display 4"},
		{d.guid(), "#microsoft.graph.orgContact", "Network provider hotline"},
	}
	teams := make(map[[2]uint8]int)
	for i := range people {
		p := &people[i]
		dep := 1 + int(p.department)
		if len(all[dep].users) == 0 {
			all[dep].users = append(all[dep].users, uint32(i))
			continue
		}
		key := [2]uint8{p.department, p.city}
		team, made := teams[key]
		if !made {
			team = len(all)
			teams[key] = team
			name := departments[p.department].name + " " + cities[p.city]
			td := dice(mix(seed, 't', uint64(p.department), uint64(p.city)))
			all = append(all, circle{id: td.guid(), name: name, about: "Team " + name})
			all[dep].circles = append(all[dep].circles, team)
		}
		all[team].users = append(all[team].users, uint32(i))
	}
	return all
}

// within is everything that belongs to the group, each once: nested groups,
// things, users sorted.
func within(all []circle, root int) (circles []int, things []thing, users []uint32) {
	seen := map[int]bool{root: true}
	for queue := []int{root}; len(queue) > 0; queue = queue[1:] {
		c := &all[queue[0]]
		users = append(users, c.users...)
		things = append(things, c.things...)
		for _, n := range c.circles {
			if !seen[n] {
				seen[n] = true
				circles = append(circles, n)
				queue = append(queue, n)
			}
		}
	}
	slices.Sort(users)
	return circles, things, slices.Compact(users)
}
