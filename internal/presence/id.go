package presence

import (
	"bytes"
	"encoding/hex"
	"errors"
)

// Shards is the number of parts into which users are divided. It is part of what other processes rely on and
// never changes.
const Shards = 64

// ID is the object id of an Entra user, a GUID.
type ID [16]byte

// ErrID says that a string is no user id.
var ErrID = errors.New("not a user id: want a GUID such as fa8bf3dc-eca7-46b7-bad1-db199b62afc3")

// ParseID reads a GUID in its 8-4-4-4-12 form, in any letter case. The error is always [ErrID].
func ParseID(s string) (ID, error) { return parseID(s) }

func parseID[T string | []byte](s T) (ID, error) {
	var id ID
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return ID{}, ErrID
	}
	for i, at := range digits {
		high, low := nibble(s[at]), nibble(s[at+1])
		if high > 15 || low > 15 {
			return ID{}, ErrID
		}
		id[i] = high<<4 | low
	}
	return id, nil
}

// digits says where in the text each byte stands.
var digits = [len(ID{})]uint8{0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34}

func nibble(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// AppendText appends the lower-case form. It never fails.
func (id ID) AppendText(dst []byte) ([]byte, error) {
	dst = hex.AppendEncode(dst, id[0:4])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, id[4:6])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, id[6:8])
	dst = append(dst, '-')
	dst = hex.AppendEncode(dst, id[8:10])
	dst = append(dst, '-')
	return hex.AppendEncode(dst, id[10:16]), nil
}

// String returns the lower-case form.
func (id ID) String() string {
	text, _ := id.AppendText(make([]byte, 0, 36))
	return string(text)
}

// MarshalText returns the lower-case form. It never fails.
func (id ID) MarshalText() ([]byte, error) { return id.AppendText(make([]byte, 0, 36)) }

// UnmarshalText is [ParseID], without a copy.
func (id *ID) UnmarshalText(text []byte) error {
	parsed, err := parseID(text)
	if err == nil {
		*id = parsed
	}
	return err
}

// Compare orders ids by their bytes.
func (id ID) Compare(other ID) int { return bytes.Compare(id[:], other[:]) }

// IsZero reports whether id is the zero GUID, which names nobody.
func (id ID) IsZero() bool { return id == ID{} }

// Shard returns the part, 0 to [Shards]-1, that id belongs to. GUIDs are mostly random, but not in their version
// and variant bits, and some directories hand out sequential ones: all bytes take part (FNV-1a, folded).
func (id ID) Shard() int {
	hash := uint32(2166136261)
	for _, b := range id {
		hash = (hash ^ uint32(b)) * 16777619
	}
	return int((hash ^ hash>>16) % Shards)
}
