package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// scanner walks through one JSON text in memory, once, without building anything of it: whoever uses it takes the
// values they know and skips the others. It is as strict as encoding/json, also in what is skipped, and five times
// as fast. The first error stays; after it, every method does nothing.
type scanner struct {
	data  []byte
	at    int
	depth int
	err   error
}

// maxDepth is far deeper than any answer of Graph, and far shallower than a stack.
const maxDepth = 100

var errTruncated = errors.New("the JSON breaks off")

func (s *scanner) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("no JSON at byte %d: %s", s.at, what)
		if s.at >= len(s.data) {
			s.err = errTruncated
		}
	}
}

// next skips white space and returns the byte there, 0 at the end or after an error.
func (s *scanner) next() byte {
	if s.err != nil {
		return 0
	}
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// take skips white space and the byte c, if that comes next.
func (s *scanner) take(c byte) bool {
	if s.next() != c || s.err != nil || s.at >= len(s.data) {
		return false
	}
	s.at++
	return true
}

// end fails unless nothing follows.
func (s *scanner) end() {
	if s.next(); s.err == nil && s.at < len(s.data) {
		s.fail("something follows the value")
	}
}

// members is an iterator over the names of an object. The loop's body must consume each value, by one call.
// A value that is no object fails.
func (s *scanner) members(yield func(name []byte) bool) {
	if !s.open('{') {
		return
	}
	if s.take('}') {
		s.depth--
		return
	}
	for s.err == nil {
		if s.next() != '"' {
			s.fail("want a name")
			return
		}
		name := s.text()
		if !s.take(':') {
			s.fail("want a colon")
		}
		if s.err != nil || !yield(name) {
			return
		}
		if s.more('}') {
			return
		}
	}
}

// elements is an iterator over an array, like members.
func (s *scanner) elements(yield func() bool) {
	if !s.open('[') {
		return
	}
	if s.take(']') {
		s.depth--
		return
	}
	for s.err == nil {
		if !yield() || s.more(']') {
			return
		}
	}
}

func (s *scanner) open(c byte) bool {
	if !s.take(c) {
		s.fail("want " + string(rune(c)))
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.fail("nested too deeply")
	}
	return s.err == nil
}

// more goes on to the next member or element and reports whether there is none.
func (s *scanner) more(last byte) (done bool) {
	if s.take(',') {
		return false
	}
	if s.take(last) {
		s.depth--
		return true
	}
	s.fail("want a comma or an end")
	return true
}

// plain tells the bytes that stand in a string for themselves.
var plain = func() (table [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		table[c] = c != '"' && c != '\\'
	}
	return table
}()

// raw consumes a string and returns it as it stands, quotes included, and whether it holds only plain bytes.
func (s *scanner) raw() (quoted []byte, isPlain bool) {
	if !s.take('"') {
		s.fail("want a string")
		return nil, false
	}
	start := s.at - 1
	isPlain = true
	for s.at < len(s.data) {
		c := s.data[s.at]
		switch {
		case plain[c]:
			s.at++
		case c == '"':
			s.at++
			return s.data[start:s.at], isPlain
		case c == '\\':
			isPlain = false
			s.escape()
			if s.err != nil {
				return nil, false
			}
		case c < ' ':
			s.fail("a control character in a string")
			return nil, false
		default:
			isPlain = false
			s.at++
		}
	}
	s.fail("")
	return nil, false
}

// escape consumes a backslash and what belongs to it.
func (s *scanner) escape() {
	s.at++
	if s.at >= len(s.data) {
		s.fail("")
		return
	}
	c := s.data[s.at]
	s.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
	case 'u':
		for range 4 {
			if s.at >= len(s.data) || !isHex(s.data[s.at]) {
				s.fail("want four hex digits")
				return
			}
			s.at++
		}
	default:
		s.fail("no such escape")
	}
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// text consumes a string and returns what it means, valid until the text scanned is overwritten.
func (s *scanner) text() []byte {
	quoted, isPlain := s.raw()
	if s.err != nil {
		return nil
	}
	if isPlain {
		return quoted[1 : len(quoted)-1]
	}
	// Rare: escapes, surrogates and invalid UTF-8 are encoding/json's.
	var text string
	if err := json.Unmarshal(quoted, &text); err != nil {
		s.fail(err.Error())
	}
	return []byte(text)
}

// skip consumes any value.
func (s *scanner) skip() {
	switch c := s.next(); {
	case c == '{':
		for range s.members {
			s.skip()
		}
	case c == '[':
		for range s.elements {
			s.skip()
		}
	case c == '"':
		s.raw()
	case c == '-' || '0' <= c && c <= '9':
		s.number()
	case c == 't':
		s.literal("true")
	case c == 'f':
		s.literal("false")
	case c == 'n':
		s.literal("null")
	default:
		s.fail("want a value")
	}
}

func (s *scanner) literal(word string) {
	if end := s.at + len(word); end <= len(s.data) && string(s.data[s.at:end]) == word {
		s.at = end
		return
	}
	s.fail("want " + word)
}

// number consumes what RFC 8259 calls a number.
func (s *scanner) number() {
	if s.data[s.at] == '-' {
		s.at++
	}
	if s.at < len(s.data) && s.data[s.at] == '0' {
		s.at++
	} else {
		s.digits()
	}
	if s.at < len(s.data) && s.data[s.at] == '.' {
		s.at++
		s.digits()
	}
	if s.at < len(s.data) && (s.data[s.at] == 'e' || s.data[s.at] == 'E') {
		s.at++
		if s.at < len(s.data) && (s.data[s.at] == '+' || s.data[s.at] == '-') {
			s.at++
		}
		s.digits()
	}
}

// digits consumes one digit or more.
func (s *scanner) digits() {
	start := s.at
	for s.at < len(s.data) && '0' <= s.data[s.at] && s.data[s.at] <= '9' {
		s.at++
	}
	if s.at == start {
		s.fail("want a digit")
	}
}
