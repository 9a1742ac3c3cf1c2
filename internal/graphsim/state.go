package graphsim

import (
	"encoding/json"
	"strings"
	"sync"
)

// A Place is where somebody works, in Graph's words: Type is unspecified,
// office, remote or timeOff, Source none, manual, scheduled or automatic. The
// zero Place means that nothing is known and is served as null.
type Place struct {
	Type    string `json:"workLocationType"`
	Source  string `json:"source"`
	PlaceID string `json:"placeId,omitempty"`
}

// A State is what Graph says of one user beyond id and number. It is
// comparable; an empty text is an absent one.
type State struct {
	Availability       string
	Activity           string
	OutOfOffice        bool
	OutOfOfficeMessage string
	StatusMessage      string
	WorkLocation       Place
}

// content is a State with its JSON ready. Equal states share one, so a tenant
// of a million people holds a few hundred.
type content struct {
	state                      State
	availability, activity     string // quoted
	camelAvailability          string
	camelActivity              string
	outOfOffice, note, noteOwn string // whole values, null included; noteOwn lacks its closing brace
	place                      string
}

type contents struct {
	mu    sync.Mutex
	known map[State]*content
}

// of interns s. Texts set by hand stay for the life of the tenant, which is
// bounded by whoever sets them.
func (c *contents) of(s State) *content {
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.known[s]; known != nil {
		return known
	}
	if c.known == nil {
		c.known = make(map[State]*content)
	}
	made := &content{
		state:             s,
		availability:      quote(s.Availability),
		activity:          quote(s.Activity),
		camelAvailability: quote(lowerCamel(s.Availability)),
		camelActivity:     quote(lowerCamel(s.Activity)),
		note:              "null",
		place:             "null",
	}
	message := "null"
	if s.OutOfOfficeMessage != "" {
		message = quote(s.OutOfOfficeMessage)
	}
	made.outOfOffice = `{"message":` + message + `,"isOutOfOffice":false}`
	if s.OutOfOffice {
		made.outOfOffice = `{"message":` + message + `,"isOutOfOffice":true}`
	}
	if s.StatusMessage != "" {
		made.noteOwn = `{"message":{"content":` + quote(s.StatusMessage) + `,"contentType":"text"}`
		made.note = made.noteOwn + "}"
	}
	if s.WorkLocation != (Place{}) {
		id := "null"
		if s.WorkLocation.PlaceID != "" {
			id = quote(s.WorkLocation.PlaceID)
		}
		made.place = `{"placeId":` + id + `,"source":` + quote(s.WorkLocation.Source) + `,"workLocationType":` + quote(s.WorkLocation.Type) + `}`
	}
	c.known[s] = made
	return made
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return `""` // unreachable: every string has a JSON form
	}
	return string(b)
}

func lowerCamel(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
