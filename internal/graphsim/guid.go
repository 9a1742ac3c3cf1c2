package graphsim

import (
	"encoding/hex"
	"errors"
)

// guid is a GUID in the byte order in which it is written.
type guid [16]byte

var errGUID = errors.New("not a GUID of the form 8-4-4-4-12")

// parseGUID accepts 8-4-4-4-12 hexadecimal digits in any letter case.
func parseGUID(s string) (guid, error) {
	var g guid
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return g, errGUID
	}
	var digits [32]byte
	n := copy(digits[:], s[:8])
	n += copy(digits[n:], s[9:13])
	n += copy(digits[n:], s[14:18])
	n += copy(digits[n:], s[19:23])
	copy(digits[n:], s[24:])
	if _, err := hex.Decode(g[:], digits[:]); err != nil {
		return g, errGUID
	}
	return g, nil
}

func (g guid) append(dst []byte) []byte {
	var b [36]byte
	hex.Encode(b[:8], g[:4])
	b[8] = '-'
	hex.Encode(b[9:13], g[4:6])
	b[13] = '-'
	hex.Encode(b[14:18], g[6:8])
	b[18] = '-'
	hex.Encode(b[19:23], g[8:10])
	b[23] = '-'
	hex.Encode(b[24:], g[10:])
	return append(dst, b[:]...)
}

func (g guid) String() string { return string(g.append(nil)) }

// sum folds g into one number, so that a set of ids can be recognised whatever
// its order.
func (g guid) sum() uint64 {
	var a, b uint64
	for i := range 8 {
		a, b = a<<8|uint64(g[i]), b<<8|uint64(g[8+i])
	}
	return mix(a, b)
}
