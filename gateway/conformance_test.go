package gateway_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// conformance is one case: bytes in, frames out. Cases are named by the number that the Autobahn test suite gives them.
// Where that expects an echo, a ping message is answered here; where it expects the connection to be failed, the code
// is 4400, the application's own for 1002 and 1007.
type conformance struct {
	number string
	writes [][]byte
	want   []string // "ping N": the pong message of number N; "error": bad_message; "pong X": a control frame
	code   int      // that it ends with; 0: it stays open
}

const (
	fin      = 0x80
	opText   = 0x1
	opBinary = 0x2
	opClose  = 0x8
	opPing   = 0x9
	opPong   = 0xa
)

// message returns a ping message of a number, of so many bytes; the shortest for less.
func message(number, size int) string {
	short := fmt.Sprintf(`{"type":"ping","id":%d}`, number)
	if size <= len(short) {
		return short
	}
	padded := fmt.Sprintf(`{"type":"ping","id":%d,"x":""}`, number)
	return padded[:len(padded)-2] + strings.Repeat("*", max(0, size-len(padded))) + `"}`
}

// one is a message in one frame.
func one(number, size int) []byte { return frame(fin|opText, message(number, size)) }

// fragments cuts a message into frames of so many bytes.
func fragments(opcode byte, payload string, size int) (all []byte) {
	for first := opcode; ; first = 0 {
		if len(payload) <= size {
			return append(all, frame(fin|first, payload)...)
		}
		all = append(all, frame(first, payload[:size])...)
		payload = payload[size:]
	}
}

// chopped is the same bytes in writes of so many each.
func chopped(all []byte, size int) (writes [][]byte) {
	return slices.Collect(slices.Chunk(all, size))
}

func joined(frames ...[]byte) []byte { return slices.Concat(frames...) }

func closing(code uint16, reason string) []byte {
	return frame(fin|opClose, string([]byte{byte(code >> 8), byte(code)})+reason)
}

// waysOf returns a case as it is, frame by frame, and octet by octet, with the numbers in turn.
func waysOf(section string, first int, want []string, code int, frames ...[]byte) []conformance {
	return []conformance{
		{number: fmt.Sprintf("%s.%d", section, first), writes: [][]byte{joined(frames...)}, want: want, code: code},
		{number: fmt.Sprintf("%s.%d", section, first+1), writes: frames, want: want, code: code},
		{number: fmt.Sprintf("%s.%d", section, first+2), writes: chopped(joined(frames...), 1), want: want, code: code},
	}
}

func (c conformance) run(t *testing.T, w *world) {
	if c.code == 1009 { // what goes on sending is read for a while
		t.Parallel()
	}
	x := w.raw()
	x.t = t
	go func() {
		for _, p := range c.writes {
			if _, err := x.Conn.Write(p); err != nil {
				return
			}
		}
		if c.code == 0 { // it is alive, and nothing else was said
			x.write(frame(fin|opText, `{"type":"ping","id":999999}`))
		}
	}()
	want := c.want
	if c.code == 0 {
		want = append(slices.Clone(want), "ping 999999")
	}
	var got []string
	for start := time.Now(); ; {
		opcode, payload, err := x.next()
		var timeout net.Error
		switch {
		case errors.As(err, &timeout) && timeout.Timeout(), time.Since(start) > 15*time.Second: // heartbeats are no end
			t.Fatalf("heard %q, then nothing; want %q and %d", got, want, c.code)
		case err != nil:
			if !errors.Is(err, io.EOF) || c.code != 1006 {
				t.Errorf("heard %q, then %v; want %q and %d", got, err, want, c.code)
			}
			return
		case opcode == opClose:
			code := 1005
			if len(payload) >= 2 {
				code = int(payload[0])<<8 | int(payload[1])
			}
			if code != c.code || !slices.Equal(got, want) {
				t.Errorf("heard %q and %d (%s), want %q and %d", got, code, payload[min(2, len(payload)):], want, c.code)
			}
			x.write(closing(uint16(max(code, 1000)), ""))
			if _, _, err := x.next(); err == nil {
				t.Error("something follows the close frame")
			}
			return
		case opcode == opPong:
			got = append(got, "pong "+string(payload))
		case opcode == opText:
			got = append(got, said(t, payload)...)
		default:
			t.Errorf("opcode %d", opcode)
		}
		if c.code == 0 && len(got) > 0 && got[len(got)-1] == "ping 999999" {
			if !slices.Equal(got, want) {
				t.Errorf("heard %q, want %q", got, want)
			}
			return
		}
	}
}

// said tells what a message of the server is, of those that answer.
func said(t *testing.T, payload []byte) []string {
	var m wire.Message
	if err := json.Unmarshal(payload, &m); err != nil {
		t.Errorf("%v in %s", err, payload)
	}
	switch m.Type {
	case wire.Pong:
		return []string{"ping " + m.ID.String()}
	case wire.Failure:
		if m.Code != wire.BadMessage {
			return []string{string(m.Code)}
		}
		return []string{"error"}
	}
	return nil
}

// What RFC 6455 says of a server, by the sections of the Autobahn test suite. A client that keeps to it notices nothing
// of those who do not.
func TestConformance(t *testing.T) {
	w := newWorld(t, 3, gateway.Options{Limits: gateway.Limits{MessagesPerSecond: 1_000_000}})
	w.set(0, "Busy")
	healthy := w.dial()
	healthy.subscribe(0)
	total := 0
	for _, section := range []struct {
		name  string
		cases []conformance
	}{
		{"1 framing", framing()}, {"2 pings and pongs", pings()}, {"3 reserved bits", reservedBits()}, {"4 opcodes", opcodes()},
		{"5 fragmentation", fragmentation()}, {"6 UTF-8", utf8Cases()}, {"7 close", closes()}, {"9 limits", limits()},
		{"10 auto-fragmentation", []conformance{{number: "10.1.1", writes: [][]byte{fragments(opText, message(1, 65536), 1300)}, want: []string{"ping 1"}}}},
	} {
		t.Run(section.name, func(t *testing.T) {
			for _, c := range section.cases {
				t.Run(c.number, func(t *testing.T) { c.run(t, w) })
			}
		})
		total += len(section.cases)
		w.set(0, "Away")
		healthy.want(wire.Delta)
		w.set(0, "Busy")
		healthy.want(wire.Delta)
	}
	t.Logf("%d cases", total)
	if total < 250 {
		t.Errorf("only %d cases", total)
	}
}

func framing() (all []conformance) {
	sizes := []int{0, 125, 126, 127, 128, 65535, 65536, 65536}
	for i, size := range sizes {
		number := i + 1
		payload, want := message(number, size), fmt.Sprintf("ping %d", number)
		if size == 0 {
			payload, want = "", "error"
		}
		chop := 1 << 20
		if i == len(sizes)-1 {
			chop = 997
		}
		all = append(all,
			conformance{number: fmt.Sprintf("1.1.%d", number), writes: chopped(frame(fin|opText, payload), chop), want: []string{want}},
			conformance{number: fmt.Sprintf("1.2.%d", number), writes: chopped(frame(fin|opBinary, payload), chop), want: []string{"error"}})
	}
	return all
}

func pings() (all []conformance) {
	full := strings.Repeat("\xfe", 125)
	ten, tenPongs := []byte(nil), []string(nil)
	for i := range 10 {
		payload := fmt.Sprintf("payload %d", i)
		ten, tenPongs = append(ten, frame(fin|opPing, payload)...), append(tenPongs, "pong "+payload)
	}
	return []conformance{
		{number: "2.1", writes: [][]byte{frame(fin|opPing, "")}, want: []string{"pong "}},
		{number: "2.2", writes: [][]byte{frame(fin|opPing, "Hello, world!")}, want: []string{"pong Hello, world!"}},
		{number: "2.3", writes: [][]byte{frame(fin|opPing, "\x00\xff\xfe\xfd\xfc\xfb\x00\xff")}, want: []string{"pong \x00\xff\xfe\xfd\xfc\xfb\x00\xff"}},
		{number: "2.4", writes: [][]byte{frame(fin|opPing, full)}, want: []string{"pong " + full}},
		{number: "2.5", writes: [][]byte{frame(fin|opPing, full+"\xfe")}, code: 4400},
		{number: "2.6", writes: chopped(frame(fin|opPing, full), 1), want: []string{"pong " + full}},
		{number: "2.7", writes: [][]byte{frame(fin|opPong, "")}},
		{number: "2.8", writes: [][]byte{frame(fin|opPong, "unasked for")}},
		{number: "2.9", writes: [][]byte{joined(frame(fin|opPong, "unasked for"), frame(fin|opPing, "asked"))}, want: []string{"pong asked"}},
		{number: "2.10", writes: [][]byte{ten}, want: tenPongs},
		{number: "2.11", writes: chopped(ten, 1), want: tenPongs},
	}
}

func reservedBits() (all []conformance) {
	bits := func(n byte) byte { return n << 4 }
	pinged := frame(fin|opPing, "")
	return []conformance{
		{number: "3.1", writes: [][]byte{frame(fin|bits(1)|opText, message(1, 0))}, code: 4400},
		{number: "3.2", writes: [][]byte{joined(one(1, 0), frame(fin|bits(2)|opText, message(2, 0)), pinged)}, want: []string{"ping 1"}, code: 4400},
		{number: "3.3", writes: [][]byte{one(1, 0), frame(fin|bits(3)|opText, message(2, 0)), pinged}, want: []string{"ping 1"}, code: 4400},
		{number: "3.4", writes: chopped(joined(one(1, 0), frame(fin|bits(4)|opText, message(2, 0)), pinged), 1), want: []string{"ping 1"}, code: 4400},
		{number: "3.5", writes: [][]byte{frame(fin|bits(5)|opBinary, "\x00\xff")}, code: 4400},
		{number: "3.6", writes: [][]byte{frame(fin|bits(6)|opPing, "Hello, world!")}, code: 4400},
		{number: "3.7", writes: [][]byte{frame(fin|bits(7)|opClose, "")}, code: 4400},
		{number: "3 RSV1 in the middle of a message", writes: [][]byte{joined(frame(opText, "{"), frame(fin|0x40, "}"))}, code: 4400},
	}
}

func opcodes() (all []conformance) {
	for section, first := range map[string]byte{"4.1": 3, "4.2": 11} {
		for i := range byte(5) {
			reserved := fin | (first + i)
			c := conformance{number: fmt.Sprintf("%s.%d", section, i+1), code: 4400}
			switch i {
			case 0:
				c.writes = [][]byte{frame(reserved, "")}
			case 1:
				c.writes = [][]byte{frame(reserved, "reserved")}
			case 2:
				c.writes, c.want = [][]byte{joined(one(1, 0), frame(reserved, ""), frame(fin|opPing, ""))}, []string{"ping 1"}
			case 3:
				c.writes, c.want = [][]byte{one(1, 0), frame(reserved, "reserved"), frame(fin|opPing, "")}, []string{"ping 1"}
			case 4:
				c.writes, c.want = chopped(joined(one(1, 0), frame(reserved, "reserved"), frame(fin|opPing, "")), 1), []string{"ping 1"}
			}
			all = append(all, c)
		}
	}
	return all
}

func fragmentation() (all []conformance) {
	m := message(1, 0)
	half, rest := m[:9], m[9:]
	whole, pinged := []string{"ping 1"}, frame(fin|opPing, "between")
	all = []conformance{
		{number: "5.1", writes: [][]byte{joined(frame(opPing, "frag"), frame(fin, "ment"))}, code: 4400},
		{number: "5.2", writes: [][]byte{joined(frame(opPong, "frag"), frame(fin, "ment"))}, code: 4400},
	}
	all = append(all, waysOf("5", 3, whole, 0, frame(opText, half), frame(fin, rest))...)
	all = append(all, waysOf("5", 6, []string{"pong between", "ping 1"}, 0, frame(opText, half), pinged, frame(fin, rest))...)
	all = append(all, waysOf("5", 9, nil, 4400, frame(fin, "nothing before"), one(1, 0))...)
	all = append(all, waysOf("5", 12, nil, 4400, frame(0, "nothing before"), one(1, 0))...)
	twice := func(first byte) []byte {
		return joined(frame(first, "nothing before"), one(1, 0), frame(first, "nothing before"), one(2, 0))
	}
	var five, fivePinged [][]byte
	var heard []string
	for i := range 5 {
		f := frame(0, m[i*4:i*4+4])
		switch i {
		case 0:
			f = frame(opText, m[:4])
		case 4:
			f = frame(fin, m[16:])
		}
		five = append(five, f)
		fivePinged = append(fivePinged, f)
		if i < 4 {
			fivePinged, heard = append(fivePinged, frame(fin|opPing, fmt.Sprint(i))), append(heard, fmt.Sprintf("pong %d", i))
		}
	}
	heard = append(heard, "ping 1")
	return append(all, []conformance{
		{number: "5.15", writes: [][]byte{joined(frame(opText, half), frame(fin, rest), frame(0, "nothing before"), one(2, 0))}, want: whole, code: 4400},
		{number: "5.16", writes: [][]byte{twice(0)}, code: 4400},
		{number: "5.17", writes: [][]byte{twice(fin)}, code: 4400},
		{number: "5.18", writes: [][]byte{joined(frame(opText, half), frame(fin|opText, rest))}, code: 4400},
		{number: "5.19", writes: [][]byte{joined(fivePinged...)}, want: heard},
		{number: "5.20", writes: fivePinged, want: heard},
		{number: "5 five fragments, octet by octet", writes: chopped(joined(five...), 1), want: whole},
		{number: "5 an empty fragment first, between and last", writes: [][]byte{joined(frame(opText, ""), frame(0, half), frame(0, ""), frame(0, rest), frame(fin, ""))}, want: whole},
		{number: "5 a close between fragments", writes: [][]byte{joined(frame(opText, half), closing(1000, ""), frame(fin, rest))}, code: 1000},
		{number: "5 binary inside text", writes: [][]byte{joined(frame(opText, half), frame(fin|opBinary, rest))}, code: 4400},
	}...)
}

func closes() (all []conformance) {
	m := one(1, 0)
	all = []conformance{
		{number: "7.1.1", writes: [][]byte{joined(m, closing(1000, ""))}, code: 1000, want: []string{"ping 1"}},
		{number: "7.1.2", writes: [][]byte{joined(closing(1000, ""), closing(1000, ""))}, code: 1000},
		{number: "7.1.3", writes: [][]byte{joined(closing(1000, ""), frame(fin|opPing, "late"))}, code: 1000},
		{number: "7.1.4", writes: [][]byte{joined(closing(1000, ""), m)}, code: 1000},
		{number: "7.1.5", writes: [][]byte{joined(frame(opText, "{"), closing(1000, ""), frame(fin, "}"))}, code: 1000},
		{number: "7.1.6", writes: [][]byte{joined(one(1, 256<<10), m, closing(1000, ""), frame(fin|opPing, ""))}, code: 1000, want: []string{"ping 1", "ping 1"}},
		{number: "7.3.1", writes: [][]byte{frame(fin|opClose, "")}, code: 1005},
		{number: "7.3.2", writes: [][]byte{frame(fin|opClose, "a")}, code: 4400},
		{number: "7.3.3", writes: [][]byte{closing(1000, "")}, code: 1000},
		{number: "7.3.4", writes: [][]byte{closing(1000, "Hello World!")}, code: 1000},
		{number: "7.3.5", writes: [][]byte{closing(1000, strings.Repeat("*", 123))}, code: 1000},
		{number: "7.3.6", writes: [][]byte{closing(1000, strings.Repeat("*", 124))}, code: 4400},
		{number: "7.5.1", writes: [][]byte{closing(1000, "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80\x65\x64\x69\x74\x65\x64")}, code: 4400},
		{number: "7.13.1", writes: [][]byte{closing(5000, "")}, code: 4400},
		{number: "7.13.2", writes: [][]byte{closing(65535, "")}, code: 4400},
	}
	for i, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all = append(all, conformance{number: fmt.Sprintf("7.7.%d", i+1), writes: [][]byte{closing(code, "")}, code: int(code)})
	}
	for i, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999} {
		all = append(all, conformance{number: fmt.Sprintf("7.9.%d", i+1), writes: [][]byte{closing(code, "")}, code: 4400})
	}
	return all
}

// limits is what is large. A message of the server's own bound is taken, one above it ends with 1009.
func limits() (all []conformance) {
	const most = 1 << 20
	add := func(number string, writes [][]byte, want string, code int) {
		c := conformance{number: number, writes: writes, code: code}
		if want != "" {
			c.want = []string{want}
		}
		all = append(all, c)
	}
	for kind, opcode := range []byte{opText, opBinary} {
		want := []string{"ping 1", "error"}[kind]
		for i, size := range []int{64 << 10, 256 << 10, most, 4 << 20, 8 << 20, 16 << 20} {
			code, answer := 0, want
			if size > most {
				code, answer = 1009, ""
			}
			add(fmt.Sprintf("9.%d.%d", kind+1, i+1), [][]byte{frame(fin|opcode, message(1, size))}, answer, code)
		}
		for i, size := range []int{64, 256, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, most} {
			add(fmt.Sprintf("9.%d.%d", kind+3, i+1), [][]byte{fragments(opcode, message(1, most), size)}, want, 0)
		}
		for i, size := range []int{64, 128, 256, 512, 1024, 2048} {
			add(fmt.Sprintf("9.%d.%d", kind+5, i+1), chopped(frame(fin|opcode, message(1, most)), size), want, 0)
		}
		for i, size := range []int{0, 16, 64, 256, 1024, 4096} {
			c := conformance{number: fmt.Sprintf("9.%d.%d", kind+7, i+1)}
			for n := range 200 {
				c.writes = append(c.writes, frame(fin|opcode, message(n, size)))
				c.want = append(c.want, []string{fmt.Sprintf("ping %d", n), "error"}[kind])
			}
			all = append(all, c)
		}
	}
	// Whoever cuts a message into single bytes may, as long as it is short.
	add("9 4,000 fragments of a byte", [][]byte{fragments(opText, message(1, 4000), 1)}, "ping 1", 0)
	add("9 5,000 fragments of a byte", [][]byte{fragments(opText, message(1, 5000), 1)}, "", 4429)
	return all
}
