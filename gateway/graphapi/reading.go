package graphapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Graph's documented limits of one request (cloudcommunications-getpresencesbyuserid) and of one batch (json-batching).
const (
	MaxIDs      = 650
	MaxRequests = 20
)

// reading is what one request reads.
type reading struct {
	list  bool          // a collection, in the order of users; else one entity
	own   bool          // of the caller, whoever that is
	users []presence.ID // each once
	place string        // of the entity, for @odata.context
}

// route finds what a request under the version reads. path is unescaped.
func route(method string, path []string, kind string, body []byte) (*reading, *Error) {
	at := func(i int, name string) bool { return strings.EqualFold(path[i], name) }
	n := len(path)
	wanted := http.MethodGet
	var read func() (*reading, *Error)
	switch {
	case n == 2 && at(0, "me") && at(1, "presence"):
		read = func() (*reading, *Error) { return &reading{own: true}, nil }
	case n == 3 && at(0, "users") && at(2, "presence"):
		read = func() (*reading, *Error) { return one(path[1], "users('%')/presence") }
	case n == 3 && at(0, "communications") && at(1, "presences"):
		read = func() (*reading, *Error) { return one(path[2], "communications/presences") }
	case n == 2 && at(0, "communications") && (at(1, "getPresencesByUserId") || at(1, "microsoft.graph.getPresencesByUserId")):
		wanted = http.MethodPost
		read = func() (*reading, *Error) { return many(kind, body) }
	default:
		return nil, badRequest("Resource not found for the segment '" + echo(path[n-1]) + "'. Here are me/presence, users/{id}/presence, " +
			"communications/presences/{id}, communications/getPresencesByUserId and $batch.")
	}
	if method != wanted && (wanted != http.MethodGet || method != http.MethodHead) {
		return nil, notAllowed(wanted)
	}
	return read()
}

func notAllowed(wanted string) *Error {
	if wanted == http.MethodGet {
		wanted += ", HEAD"
	}
	return &Error{Status: http.StatusMethodNotAllowed, Allow: wanted + ", OPTIONS",
		Message: "Specified HTTP method is not allowed for the request target: want " + wanted + "."}
}

func one(text, place string) (*reading, *Error) {
	id, err := presence.ParseID(text)
	if err != nil {
		return nil, badRequest("The user id '" + echo(text) + "' is not a GUID.")
	}
	return &reading{users: []presence.ID{id}, place: strings.Replace(place, "%", id.String(), 1)}, nil
}

// many reads the body of getPresencesByUserId. Whoever is named twice is answered once.
func many(kind string, body []byte) (*reading, *Error) {
	if e := wantJSON(kind); e != nil {
		return nil, e
	}
	var q struct {
		IDs []string `json:"ids"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		return nil, badRequest("Unable to read JSON request payload: want {\"ids\":[\"...\"]}.")
	}
	switch {
	case len(q.IDs) == 0:
		return nil, badRequest("ids must not be empty.")
	case len(q.IDs) > MaxIDs:
		return nil, badRequest("ids has " + strconv.Itoa(len(q.IDs)) + " elements: at most " + strconv.Itoa(MaxIDs) + " are allowed.")
	}
	read := &reading{list: true, users: make([]presence.ID, 0, len(q.IDs))}
	seen := make(map[presence.ID]struct{}, len(q.IDs))
	for i, text := range q.IDs {
		id, err := presence.ParseID(text)
		if err != nil {
			return nil, badRequest("Element " + strconv.Itoa(i) + " of ids is not a GUID.")
		}
		if _, twice := seen[id]; !twice {
			seen[id] = struct{}{}
			read.users = append(read.users, id)
		}
	}
	return read, nil
}

func wantJSON(kind string) *Error {
	media, _, _ := strings.Cut(kind, ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		return &Error{Status: http.StatusUnsupportedMediaType, Message: "A media type must be given: application/json."}
	}
	return nil
}

// echo is a piece of a request as it may be said back.
func echo(text string) string {
	const most = 64
	if len(text) > most {
		text = text[:most] + "..."
	}
	return strings.ToValidUTF8(text, "?")
}

// segments are the parts of a path, at least one.
func segments(path string) []string { return strings.Split(strings.Trim(path, "/"), "/") }

// refusal says why rows cannot be shown to whoever reads r, if so. Within a list, who is not known yet is
// PresenceUnknown like all others who are not known; what is too old is shown nowhere.
func (r *reading) refusal(rows func(presence.ID) *Row) *Error {
	for _, id := range r.users {
		switch rows(id).Standing {
		case Old:
			return &Error{Status: http.StatusServiceUnavailable, RetryAfter: retrySeconds,
				Message: "What is held was confirmed too long ago: presence cannot be read at the moment."}
		case Unread:
			if !r.list {
				return &Error{Status: http.StatusServiceUnavailable, RetryAfter: retrySeconds,
					Message: "The presence of this user is about to be read."}
			}
		case Unknown:
			if !r.list {
				return &Error{Status: http.StatusNotFound, Message: "The presence of user '" + id.String() + "' was not found."}
			}
		}
	}
	return nil
}

// retrySeconds is when it makes sense to ask again: the poller comes by in seconds.
const retrySeconds = 2

// write writes the answer to r, whose rows may be shown.
func (r *reading) write(p *page, root string, rows func(presence.ID) *Row) {
	p.text(`{"@odata.context":`)
	if r.list {
		p.buf = presence.AppendString(p.buf, root+"/$metadata#Collection(microsoft.graph.presence)")
		p.text(`,"value":[`)
		for i, id := range r.users {
			if i > 0 {
				p.text(",")
			}
			p.text(`{"@odata.type":"#microsoft.graph.presence",`)
			p.buf = appendRow(p.buf, id, rows(id))
			p.spill()
		}
		p.text("]}")
		return
	}
	p.buf = presence.AppendString(p.buf, root+"/$metadata#"+r.place+"/$entity")
	p.text(",")
	p.buf = appendRow(p.buf, r.users[0], rows(r.users[0]))
}

// isObject reports whether a value of JSON is an object.
func isObject(text json.RawMessage) bool { return bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) }
