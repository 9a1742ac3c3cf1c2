package graph

import (
	"bytes"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// property consumes one property of a presence. One that is not in the schema is counted as unknown, and so is a
// known name with a value that the schema does not allow: it is as if it were not there. OData's annotations are
// no properties. What is not in fields is passed over unread.
func (s *scratch) property(r *row, name []byte, unknowns *int) {
	in := &s.scanner
	switch string(name) {
	case "id":
		r.known = false
		if in.next() != '"' {
			in.skip()
			*unknowns++
			return
		}
		r.known = r.id.UnmarshalText(in.text()) == nil
	case "availability":
		r.facts.Availability, r.present = s.word(unknowns)
	case "activity":
		r.facts.Activity, _ = s.word(unknowns)
	case "sequenceNumber":
		r.sequence = s.string(unknowns)
	case "outOfOfficeSettings":
		r.facts.OutOfOffice, r.facts.OutOfOfficeMessage = presence.Unset, ""
		if !s.object(s.fields&(presence.OutOfOffice|presence.OutOfOfficeMessage) != 0, unknowns) {
			return
		}
		for name := range in.members {
			switch string(name) {
			case "isOutOfOffice":
				r.facts.OutOfOffice = s.flag(unknowns)
			case "message":
				r.facts.OutOfOfficeMessage = s.string(unknowns)
			default:
				s.unknown(name, unknowns)
			}
		}
	case "statusMessage":
		r.facts.StatusMessage = ""
		if !s.object(s.fields.Has(presence.StatusMessage), unknowns) {
			return
		}
		for name := range in.members {
			switch string(name) {
			case "message":
				r.facts.StatusMessage = s.itemBody(unknowns)
			case "expiryDateTime", "publishedDateTime": // not given for others than oneself
				in.skip()
			default:
				s.unknown(name, unknowns)
			}
		}
	case "workLocation":
		r.facts.WorkLocation = presence.Place{}
		if !s.object(s.fields.Has(presence.WorkLocation), unknowns) {
			return
		}
		for name := range in.members {
			switch string(name) {
			case "workLocationType":
				r.facts.WorkLocation.Type = s.interned(unknowns)
			case "source":
				r.facts.WorkLocation.Source = s.interned(unknowns)
			case "placeId":
				r.facts.WorkLocation.ID = s.interned(unknowns)
			default:
				s.unknown(name, unknowns)
			}
		}
	default:
		s.unknown(name, unknowns)
	}
}

// itemBody consumes a text with its type and returns the text as it is, whatever the type.
func (s *scratch) itemBody(unknowns *int) (content string) {
	in := &s.scanner
	if !s.object(true, unknowns) {
		return ""
	}
	for name := range in.members {
		switch string(name) {
		case "content":
			content = s.string(unknowns)
		case "contentType":
			in.skip()
		default:
			s.unknown(name, unknowns)
		}
	}
	return content
}

// object reports whether an object comes next and is wanted. Anything else is consumed: null, which every complex
// value may be, what is not wanted, and what is no object, which is counted.
func (s *scratch) object(wanted bool, unknowns *int) bool {
	in := &s.scanner
	next := in.next()
	if next == '{' && wanted {
		return true
	}
	if next != '{' && next != 'n' {
		*unknowns++
	}
	in.skip()
	return false
}

// unknown consumes a value nobody knows.
func (s *scratch) unknown(name []byte, unknowns *int) {
	if bytes.IndexByte(name, '@') < 0 {
		*unknowns++
	}
	s.scanner.skip()
}

// characters consumes a text. nil: null, or a value that is no text, which is counted.
func (s *scratch) characters(unknowns *int) (text []byte, isText bool) {
	in := &s.scanner
	switch in.next() {
	case '"':
		return in.text(), true
	case 'n':
	default:
		*unknowns++
	}
	in.skip()
	return nil, false
}

// string consumes a text that is seldom the same twice.
func (s *scratch) string(unknowns *int) string {
	text, _ := s.characters(unknowns)
	return string(text)
}

// interned consumes a text that is one of few.
func (s *scratch) interned(unknowns *int) string {
	text, _ := s.characters(unknowns)
	if word, held := s.words[string(text)]; held {
		return word
	}
	word := string(text)
	if len(word) <= wordBytes && len(s.words) <= maxWords {
		s.words[word] = word
	}
	return word
}

// word consumes an availability or activity and reports whether there is one: a text, or null.
func (s *scratch) word(unknowns *int) (string, bool) {
	in := &s.scanner
	next := in.next()
	word := s.interned(unknowns)
	if next != '"' && next != 'n' {
		return "", false
	}
	if word == "" {
		word = unknown
	}
	return word, true
}

// flag consumes a boolean that may be null.
func (s *scratch) flag(unknowns *int) presence.Flag {
	in := &s.scanner
	next := in.next()
	in.skip()
	switch next {
	case 't':
		return presence.True
	case 'f':
		return presence.False
	case 'n':
	default:
		*unknowns++
	}
	return presence.Unset
}
