package gateway_test

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// utf8Cases is section 6: what is text and what is not, as a whole message and inside a string of one.
func utf8Cases() (all []conformance) {
	around := func(payload string) string { return `{"type":"ping","id":1,"x":"` + payload + `"}` }
	const greek, broken = "κόσμε", "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"
	hello := around("Hello-µ@ßöäüàá-UTF-8!!")
	cut := strings.Index(hello, "ö")
	answered := []string{"ping 1"}
	all = []conformance{
		{number: "6.1.1", writes: [][]byte{frame(fin|opText, "")}, want: []string{"error"}},
		{number: "6.1.2", writes: [][]byte{joined(frame(opText, ""), frame(0, ""), frame(fin, ""))}, want: []string{"error"}},
		{number: "6.1.3", writes: [][]byte{joined(frame(opText, ""), frame(0, message(1, 0)), frame(fin, ""))}, want: answered},
		{number: "6.2.1", writes: [][]byte{frame(fin|opText, hello)}, want: answered},
		{number: "6.2.2", writes: [][]byte{joined(frame(opText, hello[:cut]), frame(fin, hello[cut:]))}, want: answered},
		{number: "6.2.3", writes: [][]byte{fragments(opText, hello, 1)}, want: answered},
		{number: "6.2.4", writes: [][]byte{fragments(opText, around(greek), 1)}, want: answered},
		{number: "6.3.1", writes: [][]byte{frame(fin|opText, around(broken))}, code: 4400},
		{number: "6.3.2", writes: [][]byte{fragments(opText, around(broken), 1)}, code: 4400},
		{number: "6.4.1", writes: [][]byte{frame(opText, greek), frame(0, "\xf4\x90\x80\x80"), frame(fin, "edited")}, code: 4400},
		{number: "6.4.2", writes: [][]byte{frame(opText, greek+"\xf4"), frame(0, "\x90\x80\x80"), frame(fin, "edited")}, code: 4400},
		{number: "6.4.3", writes: chopped(frame(fin|opText, greek+"\xf4\x90\x80\x80edited"), len(greek)+6), code: 4400},
		{number: "6.4.4", writes: chopped(frame(fin|opText, greek+"\xf4\x90\x80\x80edited"), len(greek)+7), code: 4400},
	}
	for i, sequences := range utf8Sequences() {
		for j, s := range sequences {
			number := fmt.Sprintf("6.%d.%d", i+5, j+1)
			inside := conformance{number: number, writes: [][]byte{frame(fin|opText, around(s))}, want: answered}
			whole := conformance{number: number + " alone", writes: [][]byte{frame(fin|opText, s)}, want: []string{"error"}}
			switch {
			case !utf8.ValidString(s):
				inside.want, inside.code = nil, 4400
				whole.want, whole.code = nil, 4400
			case s == "\x00": // text, but not inside a string of JSON
				inside.want = []string{"error"}
			}
			all = append(all, inside, whole)
		}
	}
	return all
}

// utf8Sequences is Markus Kuhn's stress test of decoders, in Autobahn's order from 6.5 on.
func utf8Sequences() [][]string {
	const greek = "κόσμε"
	var prefixes []string
	for i := range len(greek) {
		prefixes = append(prefixes, greek[:i+1])
	}
	continuations := []string{"\x80", "\xbf"}
	for n := 2; n <= 6; n++ {
		continuations = append(continuations, strings.Repeat("\x80\xbf", 3)[:n])
	}
	each := func(from, to byte, behind string) string {
		var b strings.Builder
		for c := int(from); c <= int(to); c++ {
			b.WriteByte(byte(c))
			b.WriteString(behind)
		}
		return b.String()
	}
	continuations = append(continuations, each(0x80, 0xbf, ""))
	incomplete := []string{"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"}
	nonCharacters := []string{"\xef\xbf\xbe", "\xef\xbf\xbf"}
	for plane := rune(1); plane <= 16; plane++ {
		nonCharacters = append(nonCharacters, string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	return [][]string{
		5 - 5:  {"hello$world", "hello¢world", "hello€world", "hello𤭢world", greek},
		6 - 5:  prefixes,
		7 - 5:  {"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"},
		8 - 5:  {"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
		9 - 5:  {"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		10 - 5: {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
		11 - 5: {"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80"},
		12 - 5: continuations,
		13 - 5: {each(0xc0, 0xdf, " "), each(0xe0, 0xef, " "), each(0xf0, 0xf7, " "), each(0xf8, 0xfb, " "), each(0xfc, 0xfd, " ")},
		14 - 5: incomplete,
		15 - 5: {strings.Join(slices.Clone(incomplete), "")},
		16 - 5: {"\xfe", "\xff", "\xfe\xfe\xff\xff"},
		17 - 5: {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"},
		18 - 5: {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"},
		19 - 5: {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"},
		20 - 5: {"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
		21 - 5: {"\xed\xa0\x80\xed\xb0\x80", "\xed\xa0\x80\xed\xbf\xbf", "\xed\xad\xbf\xed\xb0\x80", "\xed\xad\xbf\xed\xbf\xbf",
			"\xed\xae\x80\xed\xb0\x80", "\xed\xae\x80\xed\xbf\xbf", "\xed\xaf\xbf\xed\xb0\x80", "\xed\xaf\xbf\xed\xbf\xbf"},
		22 - 5: nonCharacters,
		23 - 5: {"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf"},
	}
}
