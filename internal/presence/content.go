package presence

import (
	"runtime"
	"sync"
	"sync/atomic"
	"weak"
)

// Flag is a boolean that an answer may leave out.
type Flag uint8

// The values of a [Flag].
const (
	Unset Flag = iota
	False
	True
)

// FlagOf returns True or False.
func FlagOf(b bool) Flag {
	if b {
		return True
	}
	return False
}

// Place is where a user works: Graph's userWorkLocation. An empty Type is no place.
type Place struct {
	Type   string // workLocationType: office, remote, timeOff, unspecified, or what Graph adds
	Source string // manual, scheduled, automatic, none, or what Graph adds
	ID     string // placeId; may be empty
}

// Facts is what one answer said of one user, without who and when. Values are Graph's own, unchanged: unknown
// ones are carried like any other. Empty strings stand for absent or null.
type Facts struct {
	Availability, Activity string
	OutOfOffice            Flag
	OutOfOfficeMessage     string
	StatusMessage          string
	WorkLocation           Place
}

// Content is an interned [Facts]: two contents are equal exactly when their pointers are. Thousands of users
// share a few hundred contents, so each is held, and its JSON encoded, once. It is immutable and safe for
// concurrent use; one that nobody holds any longer is forgotten.
type Content struct {
	facts Facts
	hash  uint64                 // of the whole JSON, see [State.Digest]
	views atomic.Pointer[[]view] // grows by replacement: there are only as many as different rights
}

type view struct {
	fields Fields
	json   string
}

var contents = struct {
	sync.Mutex
	held map[Facts]weak.Pointer[Content]
}{held: map[Facts]weak.Pointer[Content]{}}

// Intern returns the one content of what facts says in the allowed fields. What is not allowed ends here: it is
// neither stored nor sent by anything behind.
func Intern(facts Facts, allowed Fields) *Content {
	facts = facts.restrict(allowed)
	contents.Lock()
	defer contents.Unlock()
	if held := contents.held[facts].Value(); held != nil {
		return held
	}
	made := &Content{facts: facts, hash: fnv(facts.appendJSON(nil))}
	contents.held[facts] = weak.Make(made)
	runtime.AddCleanup(made, forget, facts)
	return made
}

// forget drops a content that the collector has taken, unless it has been made anew meanwhile.
func forget(facts Facts) {
	contents.Lock()
	defer contents.Unlock()
	if contents.held[facts].Value() == nil {
		delete(contents.held, facts)
	}
}

func (f Facts) restrict(allowed Fields) Facts {
	if !allowed.Has(OutOfOffice) {
		f.OutOfOffice = Unset
	}
	if !allowed.Has(OutOfOfficeMessage) {
		f.OutOfOfficeMessage = ""
	}
	if !allowed.Has(StatusMessage) {
		f.StatusMessage = ""
	}
	if !allowed.Has(WorkLocation) {
		f.WorkLocation = Place{}
	}
	return f
}

// Facts returns what the content says.
func (c *Content) Facts() Facts { return c.facts }

// View returns the content's JSON members as the holder of the given fields sees them, without braces:
// `"availability":"Busy","activity":"InACall"` and so on, in Graph's names.
func (c *Content) View(fields Fields) string {
	fields &^= SinceChange // not a property of a content
	for {
		views := c.views.Load()
		if views != nil {
			for i := range *views {
				if (*views)[i].fields == fields {
					return (*views)[i].json
				}
			}
		}
		made := view{fields, string(c.facts.restrict(fields).appendJSON(nil))}
		var grown []view
		if views != nil {
			grown = append(grown, *views...)
		}
		grown = append(grown, made)
		if c.views.CompareAndSwap(views, &grown) {
			return made.json
		}
	}
}
