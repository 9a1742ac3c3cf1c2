package graph

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// unknown is Graph's own word for a presence it cannot tell. The schema lets availability and activity be null
// (Edm.String, nullable); a null, or an empty text, is told as this word, which every reader of presences knows.
const unknown = "PresenceUnknown"

// row is one presence of an answer.
type row struct {
	id       presence.ID
	known    bool // there is an id, and it is a GUID
	present  bool // availability is there as the schema has it: this is a presence, not some other object
	facts    presence.Facts
	sequence string
}

// scratch is what decoding one answer needs and the next can use again.
type scratch struct {
	body  bytes.Buffer
	index map[presence.ID]int // where in the request each id stands
	words map[string]string   // values that come again and again, each held once

	scanner scanner
	fields  presence.Fields
	answer  Answer
	rows    []row  // by place in the request
	filled  []bool // whether a row is there
}

func newScratch() *scratch {
	return &scratch{index: make(map[presence.ID]int), words: make(map[string]string)}
}

const (
	keptBytes = 1 << 20 // of a body; 650 presences need some 150 KiB
	maxWords  = 1000
	wordBytes = 64
)

// tidy frees what is too large to keep.
func (s *scratch) tidy() {
	if s.body.Cap() > keptBytes {
		s.body = bytes.Buffer{}
	}
	if len(s.words) > maxWords {
		clear(s.words)
	}
	clear(s.rows)
	s.scanner = scanner{}
	s.answer = Answer{}
}

// ask sets down which users the next answer is about. It reports whether they are distinct.
func (s *scratch) ask(ids []presence.ID) bool {
	clear(s.index)
	for i, id := range ids {
		s.index[id] = i
	}
	if cap(s.rows) < len(ids) {
		s.rows, s.filled = make([]row, len(ids)), make([]bool, len(ids))
	}
	s.rows, s.filled = s.rows[:len(ids)], s.filled[:len(ids)]
	return len(s.index) == len(ids)
}

// errNoPresence is the common part of what is said of a well-formed answer to another question.
var errNoPresence = errors.New("the answer is no presence")

// decode reads the answer in s.body to what s was asked. A collection is {"value":[...]}; a single presence comes as
// itself or, from /communications/presences/{id} as documented, as a collection of one. Of a name that comes twice
// the last value counts, of a user who comes twice the last row.
//
// A row without an id or without an availability, where there are others with, is dropped and counted; an answer
// in which no row is a presence is an error.
func (s *scratch) decode(single bool, fields presence.Fields) error {
	s.scanner = scanner{data: s.body.Bytes()}
	s.fields = fields
	s.answer = Answer{}
	var entity row
	var entityUnknown, rows, presences int
	collection := false
	in := &s.scanner
	if in.next() == '[' {
		return errors.New("the answer is an array, not an object")
	}
	for name := range in.members {
		switch {
		case string(name) == "value":
			if collection = in.next() == '['; !collection {
				in.skip()
				continue
			}
			s.answer, rows, presences = Answer{}, 0, 0
			clear(s.filled)
			for range in.elements {
				rows++
				if s.element() {
					presences++
				}
			}
		case single:
			s.property(&entity, name, &entityUnknown)
		default:
			in.skip()
		}
	}
	in.end()
	switch {
	case in.err != nil:
		return in.err
	case single && entity.present:
		s.answer = Answer{UnknownProperties: entityUnknown}
		clear(s.filled)
		if !entity.known {
			return fmt.Errorf("%w: it has no user id", errNoPresence)
		}
		s.keep(&entity)
	case !collection && single:
		return errNoPresence
	case !collection:
		return fmt.Errorf("%w: it has no list of values", errNoPresence)
	case rows > 0 && presences == 0:
		return fmt.Errorf("%w: no value in its list is one", errNoPresence)
	}
	return nil
}

// element consumes one value of a collection and reports whether it is a presence.
func (s *scratch) element() bool {
	in := &s.scanner
	if in.next() != '{' {
		in.skip()
		s.answer.Malformed++
		return false
	}
	var r row
	for name := range in.members {
		s.property(&r, name, &s.answer.UnknownProperties)
	}
	if in.err != nil {
		return false
	}
	if !r.known || !r.present {
		s.answer.Malformed++
		return false
	}
	s.keep(&r)
	return true
}

// keep files a row under its place in the request.
func (s *scratch) keep(r *row) {
	at, asked := s.index[r.id]
	if !asked {
		s.answer.Foreign++
		return
	}
	s.rows[at], s.filled[at] = *r, true
}
