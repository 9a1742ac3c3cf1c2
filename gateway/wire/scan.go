package wire

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON of a stranger in one pass. It builds nothing but the strings asked for, nests no deeper than
// maxDepth, and says at which byte something is wrong. The text must be UTF-8 throughout.
type scanner struct {
	text []byte
	at   int
}

// fail makes the error for what begins at byte `at`.
func (s *scanner) fail(at int, format string, args ...any) *Error {
	return &Error{Code: BadMessage, Message: fmt.Sprintf(format, args...) + " at byte " + strconv.Itoa(at)}
}

// peek returns the next byte that is not white space, or 0 at the end.
func (s *scanner) peek() byte {
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take takes the next byte if it is c.
func (s *scanner) take(c byte) bool {
	if s.peek() != c || s.at == len(s.text) {
		return false
	}
	s.at++
	return true
}

// object calls member for each member of an object; member must take the value.
func (s *scanner) object(what string, member func(name string) *Error) *Error {
	if !s.take('{') {
		return s.fail(s.at, "%s: want an object", what)
	}
	if s.take('}') {
		return nil
	}
	for {
		name, err := s.string(what + ": the name of a member")
		if err != nil {
			return err
		}
		if !s.take(':') {
			return s.fail(s.at, `%s: want ":"`, what)
		}
		if err := member(name); err != nil {
			return err
		}
		if s.take('}') {
			return nil
		}
		if !s.take(',') {
			return s.fail(s.at, `%s: want "," or "}"`, what)
		}
	}
}

// array calls element for each element of an array; element must take the value.
func (s *scanner) array(what string, element func(i int) *Error) *Error {
	if !s.take('[') {
		return s.fail(s.at, "%s: want a list", what)
	}
	if s.take(']') {
		return nil
	}
	for i := 0; ; i++ {
		if err := element(i); err != nil {
			return err
		}
		if s.take(']') {
			return nil
		}
		if !s.take(',') {
			return s.fail(s.at, `%s: want "," or "]"`, what)
		}
	}
}

// string takes a string.
func (s *scanner) string(what string) (string, *Error) {
	if !s.take('"') {
		return "", s.fail(s.at, "%s: want a string", what)
	}
	start := s.at
	for ; s.at < len(s.text); s.at++ {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return string(s.text[start : s.at-1]), nil
		case c == '\\':
			return s.escaped(start)
		case c < ' ':
			return "", s.fail(s.at, "%s: a control character must be escaped", what)
		}
	}
	return "", s.fail(start-1, "%s: the string does not end; it begins", what)
}

// escaped takes the rest of a string that has an escape at s.at.
func (s *scanner) escaped(start int) (string, *Error) {
	plain := append([]byte(nil), s.text[start:s.at]...)
	for s.at < len(s.text) {
		c := s.text[s.at]
		s.at++
		switch {
		case c == '"':
			return string(plain), nil
		case c < ' ':
			return "", s.fail(s.at-1, "a control character must be escaped")
		case c != '\\':
			plain = append(plain, c)
			continue
		}
		if s.at == len(s.text) {
			break
		}
		c = s.text[s.at]
		s.at++
		switch c {
		case '"', '\\', '/':
			plain = append(plain, c)
		case 'b':
			plain = append(plain, '\b')
		case 'f':
			plain = append(plain, '\f')
		case 'n':
			plain = append(plain, '\n')
		case 'r':
			plain = append(plain, '\r')
		case 't':
			plain = append(plain, '\t')
		case 'u':
			r, ok := s.unicode()
			if !ok {
				return "", s.fail(s.at, `want four hexadecimal digits after "\u"`)
			}
			plain = utf8.AppendRune(plain, r)
		default:
			return "", s.fail(s.at-2, "unknown escape")
		}
	}
	return "", s.fail(start-1, "the string does not end; it begins")
}

// unicode takes the digits after "\u", and the second half of a pair with them. A lone half becomes U+FFFD.
func (s *scanner) unicode() (rune, bool) {
	first, ok := s.hex()
	if !ok || !utf16.IsSurrogate(first) {
		return first, ok
	}
	behind := s.at
	if s.at+2 <= len(s.text) && s.text[s.at] == '\\' && s.text[s.at+1] == 'u' {
		s.at += 2
		if second, ok := s.hex(); ok {
			if r := utf16.DecodeRune(first, second); r != utf8.RuneError {
				return r, true
			}
		}
	}
	s.at = behind
	return utf8.RuneError, true
}

func (s *scanner) hex() (rune, bool) {
	if s.at+4 > len(s.text) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.text[s.at:s.at+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	s.at += 4
	return rune(n), true
}

// number takes a number and returns it as written.
func (s *scanner) number(what string) (string, *Error) {
	s.peek()
	start := s.at
	digits := func() bool {
		from := s.at
		for s.at < len(s.text) && '0' <= s.text[s.at] && s.text[s.at] <= '9' {
			s.at++
		}
		return s.at > from
	}
	next := func(set string) bool {
		for i := range len(set) {
			if s.at < len(s.text) && s.text[s.at] == set[i] {
				s.at++
				return true
			}
		}
		return false
	}
	next("-")
	ok := next("0") || digits()
	if ok && next(".") {
		ok = digits()
	}
	if ok && next("eE") {
		next("+-")
		ok = digits()
	}
	if !ok {
		return "", s.fail(start, "%s: want a number", what)
	}
	return string(s.text[start:s.at]), nil
}

// skip takes a value of any kind.
func (s *scanner) skip(depth int) *Error {
	if depth > maxDepth {
		return s.fail(s.at, "nested too deeply")
	}
	switch c := s.peek(); {
	case c == '{':
		return s.object("object", func(string) *Error { return s.skip(depth + 1) })
	case c == '[':
		return s.array("list", func(int) *Error { return s.skip(depth + 1) })
	case c == '"':
		_, err := s.string("value")
		return err
	case c == '-' || '0' <= c && c <= '9':
		_, err := s.number("value")
		return err
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if len(s.text)-s.at >= len(word) && string(s.text[s.at:s.at+len(word)]) == word {
			s.at += len(word)
			return nil
		}
	}
	return s.fail(s.at, "want a value")
}
