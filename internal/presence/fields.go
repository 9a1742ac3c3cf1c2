package presence

import "fmt"

// Fields is a set of what may be stored of a user, or seen, beyond id, availability and activity.
type Fields uint8

// The fields, by their names in configuration.
const (
	OutOfOffice        Fields = 1 << iota // outOfOffice: whether the user is out of office
	OutOfOfficeMessage                    // outOfOfficeMessage: the text set for that
	StatusMessage                         // statusMessage: the note a user wrote
	WorkLocation                          // workLocation: office, remote
	SinceChange                           // since: when availability or activity last changed
)

var fieldNames = [...]string{"outOfOffice", "outOfOfficeMessage", "statusMessage", "workLocation", "since"}

// ParseFields turns names into a set. The error names the first unknown one.
func ParseFields(names []string) (Fields, error) {
	var set Fields
next:
	for _, name := range names {
		for i, known := range fieldNames {
			if name == known {
				set |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("unknown field %q: want one of %v", name, fieldNames)
	}
	return set, nil
}

// Names returns the names of the fields in f, in a fixed order.
func (f Fields) Names() []string {
	var names []string
	for i, name := range fieldNames {
		if f.Has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// Has reports whether f holds all of g.
func (f Fields) Has(g Fields) bool { return f&g == g }
