package presence

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
)

// Version orders the states of one user: by generation, then by Graph's sequence number as bytes, then by an
// order. The zero Version belongs to a user never read.
//
// Graph documents its number as a "lexicographically sortable String stamp" and nothing more, so it is never
// parsed. Generation rises when a sequence went back for good; order is used only where Graph's number does
// not tell: where there is none, or the content changed under an equal one.
type Version struct {
	Generation uint32
	Sequence   string
	Order      uint64
}

// ErrVersion says that a string is no version.
var ErrVersion = errors.New("not a version")

// IsZero reports whether v belongs to a user never read.
func (v Version) IsZero() bool { return v == Version{} }

// Compare returns -1, 0 or +1. It agrees with comparing the texts byte by byte.
func (v Version) Compare(other Version) int {
	return cmp.Or(
		cmp.Compare(v.Generation, other.Generation),
		strings.Compare(v.Sequence, other.Sequence),
		cmp.Compare(v.Order, other.Order),
	)
}

// The text of a version is the generation as eight hexadecimal digits, a dot, the escaped sequence number, and,
// where there is an order, "!", the number of its hexadecimal digits, and these. It is printable ASCII without
// quotes, and its bytes sort as Compare does: "!" is below everything an escaped number holds, so that a number
// sorts before the longer ones it begins.

// AppendText appends the text form. It never fails.
func (v Version) AppendText(dst []byte) ([]byte, error) {
	const hexits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, hexits[v.Generation>>shift&15])
	}
	dst = append(dst, '.')
	for i := 0; i < len(v.Sequence); i++ {
		c := v.Sequence[i]
		if class := escape(c); class != 0 {
			dst = append(dst, class, hexits[c>>4], hexits[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	if v.Order != 0 {
		digits := strconv.FormatUint(v.Order, 16)
		dst = append(dst, '!', hexits[len(digits)-1])
		dst = append(dst, digits...)
	}
	return dst, nil
}

// escape returns 0 for a letter or digit, which stands for itself, and else the mark that precedes the byte's two
// hexadecimal digits. Each mark sorts where the bytes it stands for do: below the digits, between digits and
// capitals, between capitals and small letters, above them.
func escape(c byte) byte {
	switch {
	case c < '0':
		return '-'
	case c <= '9':
		return 0
	case c < 'A':
		return ':'
	case c <= 'Z':
		return 0
	case c < 'a':
		return '_'
	case c <= 'z':
		return 0
	}
	return '~'
}

// MarshalText returns the text form. It never fails.
func (v Version) MarshalText() ([]byte, error) { return v.AppendText(make([]byte, 0, 32)) }

// String returns the text form.
func (v Version) String() string {
	text, _ := v.AppendText(make([]byte, 0, 32))
	return string(text)
}

// ParseVersion reads the text form. The error is always [ErrVersion].
func ParseVersion(s string) (Version, error) {
	if len(s) < 9 || s[8] != '.' {
		return Version{}, ErrVersion
	}
	generation, err := strconv.ParseUint(s[:8], 16, 32)
	if err != nil {
		return Version{}, ErrVersion
	}
	v := Version{Generation: uint32(generation)}
	escaped, order, ordered := strings.Cut(s[9:], "!")
	if ordered {
		if len(order) < 2 || int(nibble(order[0])) != len(order)-2 {
			return Version{}, ErrVersion
		}
		if v.Order, err = strconv.ParseUint(order[1:], 16, 64); err != nil || v.Order == 0 {
			return Version{}, ErrVersion
		}
	}
	sequence := make([]byte, 0, len(escaped))
	for i := 0; i < len(escaped); i++ {
		c := escaped[i]
		if escape(c) != 0 {
			if i+2 >= len(escaped) || nibble(escaped[i+1]) > 15 || nibble(escaped[i+2]) > 15 {
				return Version{}, ErrVersion
			}
			plain := nibble(escaped[i+1])<<4 | nibble(escaped[i+2])
			if escape(plain) != c {
				return Version{}, ErrVersion
			}
			c = plain
			i += 2
		}
		sequence = append(sequence, c)
	}
	v.Sequence = string(sequence)
	if v.String() != s { // one text for each version: no capitals, no leading zeros
		return Version{}, ErrVersion
	}
	return v, nil
}
