package wire

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Request is what a client asks: a message of a WebSocket, or the body of an HTTP query. Each user, group and string
// stands in it once, however often it was named.
type Request struct {
	Type    string
	ID      string // the client's own number as it was written; empty where there was none
	All     bool   // "users":"*"
	Users   []presence.ID
	Mails   []string // elements of users that may be e-mail addresses
	Invalid []string // elements of users and groups that are neither; cut to a length that can be sent back
	Groups  []presence.ID
	Known   map[presence.ID]string // versions the client holds
	Token   string
}

// Decode reads a message of a client. The error is an [*Error]; the request then holds what was read before it, so
// that it can be answered by its ID.
func Decode(text []byte) (Request, error) {
	r, err := decode(text)
	if err == nil && r.Type == "" {
		err = &Error{Code: BadMessage, Message: `type: missing`}
	}
	if err == nil {
		err = r.check()
	}
	if err != nil {
		return r, err
	}
	return r, nil
}

// DecodeQuery reads the body of an HTTP query: the users and groups of a message, without its type.
func DecodeQuery(text []byte) (Request, error) {
	r, err := decode(text)
	if err == nil && r.All {
		err = &Error{Code: BadMessage, Message: `users: want a list; "*" is for streams`}
	}
	if err != nil {
		return r, err
	}
	return r, nil
}

// DecodeStream reads the body of a query for a stream of events, which may be for everyone.
func DecodeStream(text []byte) (Request, error) {
	r, err := decode(text)
	if err != nil {
		return r, err
	}
	return r, nil
}

func (r *Request) check() *Error {
	switch {
	case r.Type == Authenticate && r.Token == "":
		return &Error{Code: BadMessage, Message: "token: missing"}
	case r.Type == Ping && len(r.Users) > MaxPingUsers:
		return &Error{Code: TooManyUsers, Message: "users: a ping names at most 100"}
	}
	return nil
}

func decode(text []byte) (r Request, err *Error) {
	if !utf8.Valid(text) {
		return r, &Error{Code: BadMessage, Message: "the message is not UTF-8"}
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return r, &Error{Code: BadMessage, Message: "the message is empty: want a JSON object"}
	}
	s := scanner{text: text}
	d := decoder{scanner: &s, request: &r}
	if err := s.object("message", d.member); err != nil {
		return r, err
	}
	if s.peek(); s.at < len(text) {
		return r, s.fail(s.at, "something follows the message")
	}
	return r, nil
}

// decoder reads one request.
type decoder struct {
	*scanner
	request *Request
	seen    uint8                    // members read so far
	named   int                      // elements of users and groups
	users   map[presence.ID]struct{} // to drop duplicates
	groups  map[presence.ID]struct{}
	strings map[string]struct{}
}

var memberNames = [...]string{"type", "id", "users", "groups", "known", "token"}

func (d *decoder) member(name string) *Error {
	for i, known := range memberNames {
		if name != known {
			continue
		}
		if d.seen&(1<<i) != 0 {
			return d.fail(d.at, "%s: named twice", name)
		}
		d.seen |= 1 << i
	}
	var err *Error
	switch r := d.request; name {
	case "type":
		r.Type, err = d.string(name)
	case "id":
		start := d.at
		r.ID, err = d.number(name)
		if err == nil && len(r.ID) > maxIDLength {
			r.ID = ""
			err = d.fail(start, "id: too long a number")
		}
	case "token":
		r.Token, err = d.string(name)
	case "users":
		err = d.userList()
	case "groups":
		d.groups = map[presence.ID]struct{}{}
		err = d.array(name, d.group)
	case "known":
		r.Known = map[presence.ID]string{}
		err = d.object(name, d.known)
	default:
		err = d.skip(1)
	}
	return err
}

func (d *decoder) userList() *Error {
	if d.peek() != '"' {
		d.users = map[presence.ID]struct{}{}
		return d.array("users", d.user)
	}
	start := d.at
	text, err := d.string("users")
	if err == nil && text != "*" {
		err = d.fail(start, `users: want a list, or "*"`)
	}
	d.request.All = err == nil
	return err
}

func (d *decoder) user(int) *Error {
	text, err := d.element("users")
	if err != nil {
		return err
	}
	if id, err := presence.ParseID(text); err == nil {
		if _, found := d.users[id]; !found {
			d.users[id] = struct{}{}
			d.request.Users = append(d.request.Users, id)
		}
		return nil
	}
	if len(text) <= maxMailLength && strings.Contains(text, "@") {
		if d.once(text) {
			d.request.Mails = append(d.request.Mails, text)
		}
		return nil
	}
	d.invalid(text)
	return nil
}

func (d *decoder) group(int) *Error {
	text, err := d.element("groups")
	if err != nil {
		return err
	}
	id, wrong := presence.ParseID(text)
	if wrong != nil {
		d.invalid(text)
	} else if _, found := d.groups[id]; !found {
		d.groups[id] = struct{}{}
		d.request.Groups = append(d.request.Groups, id)
	}
	return nil
}

// element takes the next string of users or groups, if there is room for one more.
func (d *decoder) element(list string) (string, *Error) {
	d.named++
	if d.named > MaxUsers {
		return "", &Error{Code: TooManyUsers, Message: list + ": a message names at most 5000 users and groups"}
	}
	return d.string(list)
}

func (d *decoder) invalid(text string) {
	if len(text) > maxEchoedBytes {
		cut := maxEchoedBytes
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		text = text[:cut] + "..."
	}
	if d.once(text) {
		d.request.Invalid = append(d.request.Invalid, text)
	}
}

// once reports whether text is met for the first time.
func (d *decoder) once(text string) bool {
	if _, found := d.strings[text]; found {
		return false
	}
	if d.strings == nil {
		d.strings = map[string]struct{}{}
	}
	d.strings[text] = struct{}{}
	return true
}

// known takes one version. Names that are no id are nobody's state, and left out.
func (d *decoder) known(name string) *Error {
	version, err := d.string("known")
	if err != nil {
		return err
	}
	if id, wrong := presence.ParseID(name); wrong == nil {
		d.request.Known[id] = version
	}
	return nil
}
