package graphsim

import (
	"strconv"
	"time"
)

// A Person is what the directory says of a user.
type Person struct {
	ID          string
	DisplayName string
	GivenName   string
	Surname     string
	Department  string
	JobTitle    string
	Mail        string
	Office      string
}

const mailDomain = "contoso.example"

// resident is a person as the tenant keeps them: small, because there may be a
// million.
type resident struct {
	id         guid
	given, sur uint16
	ordinal    uint32 // the how many-th of that name
	department uint8
	title      uint8
	city       uint8
	day        int32         // whose plan is under way
	next       int32         // the moment of it that comes next
	meant      *content      // what the day would have them be
	pinned     time.Duration // set by hand until then
	now        *record
}

func (r *resident) person() Person {
	given, sur := givenNames[r.given], surnames[r.sur]
	d := &departments[r.department]
	return Person{
		ID:          r.id.String(),
		DisplayName: given + " " + sur,
		GivenName:   given,
		Surname:     sur,
		Department:  d.name,
		JobTitle:    d.titles[r.title],
		Mail:        r.mail(),
		Office:      cities[r.city],
	}
}

func (r *resident) mail() string {
	local := mailPart(givenNames[r.given]) + "." + mailPart(surnames[r.sur])
	if r.ordinal > 1 {
		local += strconv.Itoa(int(r.ordinal))
	}
	return local + "@" + mailDomain
}

// populate makes n people of the seed. The first are the same whatever n is.
func populate(seed uint64, n int) (people []resident, byID map[guid]uint32) {
	people, byID = make([]resident, n), make(map[guid]uint32, n)
	named := make(map[uint32]uint32)
	total := 0
	for _, d := range departments {
		total += d.weight
	}
	for i := range people {
		d := dice(mix(seed, 'p', uint64(i)))
		r := &people[i]
		for {
			r.id = d.guid()
			if _, taken := byID[r.id]; !taken {
				break
			}
		}
		byID[r.id] = uint32(i)
		r.given, r.sur = uint16(d.below(len(givenNames))), uint16(d.below(len(surnames)))
		name := uint32(r.given)<<16 | uint32(r.sur)
		named[name]++
		r.ordinal = named[name]
		for w := d.below(total); w >= departments[r.department].weight; r.department++ {
			w -= departments[r.department].weight
		}
		titles := len(departments[r.department].titles)
		r.title = uint8(min(d.below(titles), d.below(titles)))
		r.city = uint8(min(d.below(len(cities)), d.below(len(cities))))
	}
	return people, byID
}
