package gateway_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// packed is a raw client that offers extensions.
type packed struct {
	*raw
	negotiated string
}

func (w *world) packed(offer string, header ...string) *packed {
	w.t.Helper()
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	x := &packed{raw: &raw{w.t, c, bufio.NewReader(c)}}
	x.write([]byte("GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + wire.Protocol + "\r\nSec-WebSocket-Extensions: " + offer + "\r\n" +
		strings.Join(header, "") + "\r\n"))
	response, err := http.ReadResponse(x.r, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatalf("got %v, %v", response, err)
	}
	x.negotiated = response.Header.Get("Sec-WebSocket-Extensions")
	return x
}

// message reads one message, and tells how long it was on its way if that was compressed; 0: it was not.
func (x *packed) message() (text []byte, sent int) {
	x.t.Helper()
	for {
		first, err := x.r.Peek(1)
		if err != nil {
			x.t.Fatal(err)
		}
		compressed := first[0]&0x40 != 0
		opcode, payload, err := x.nextOf(0x40)
		if err != nil {
			x.t.Fatal(err)
		}
		switch {
		case opcode != 1 && compressed:
			x.t.Fatalf("a control frame is compressed: %d", opcode)
		case opcode != 1:
			continue
		case !compressed:
			return payload, 0
		}
		return inflate(x.t, payload), len(payload)
	}
}

// until reads up to a message of a type.
func (x *packed) until(kind string) (text []byte, sent int) {
	for {
		if text, sent = x.message(); bytes.HasPrefix(text, []byte(`{"type":"`+kind+`"`)) {
			return text, sent
		}
	}
}

// deflateEnd is what a sender leaves away, and an end, so that a reader of files is content.
const deflateEnd = "\x00\x00\xff\xff\x01\x00\x00\xff\xff"

func inflate(t testing.TB, payload []byte) []byte {
	t.Helper()
	text, err := io.ReadAll(flate.NewReader(io.MultiReader(bytes.NewReader(payload), strings.NewReader(deflateEnd))))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// deflated is a masked frame with a text compressed.
func deflated(text string) []byte {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestCompression)
	_, _ = io.WriteString(z, text)
	_ = z.Flush()
	return frame(0xc1, string(bytes.TrimSuffix(b.Bytes(), []byte{0, 0, 0xff, 0xff})))
}

func TestCompressionIsNegotiated(t *testing.T) {
	const both = "permessage-deflate; client_no_context_takeover; server_no_context_takeover"
	on, off := newWorld(t, 1, gateway.Options{Compression: true}), newWorld(t, 1, gateway.Options{})
	for offer, want := range map[string]string{
		"permessage-deflate":                         both,
		"permessage-deflate; client_max_window_bits": both, // browsers
		both: both,
		"permessage-deflate; server_max_window_bits=10":                     "", // cannot be kept
		"permessage-deflate; server_max_window_bits=10, permessage-deflate": both,
		"permessage-deflate; nonsense":                                      "",
		"x-webkit-deflate-frame":                                            "",
	} {
		if got := on.packed(offer).negotiated; got != want {
			t.Errorf("%s: negotiated %q, want %q", offer, got, want)
		}
		if got := off.packed(offer).negotiated; got != "" {
			t.Errorf("%s, where it is off: negotiated %q", offer, got)
		}
	}
	if got := on.packed("").negotiated; got != "" {
		t.Errorf("not offered: negotiated %q", got)
	}
}

// Long messages are compressed for those who asked for it, each for itself; short ones and control frames are not. Who asked
// for nothing and who listens to events get the same states at the same time as they are.
func TestCompressedMessages(t *testing.T) {
	const users = 40
	w := newWorld(t, users, gateway.Options{Compression: true, Flush: 20 * time.Millisecond})
	w.setAll("Busy", upTo(users)...)
	var packers []*packed
	for range 3 {
		x := w.packed("permessage-deflate")
		if hello, sent := x.until(wire.Hello); sent != 0 {
			t.Errorf("compressed: %s", hello)
		}
		x.write(frame(0x81, `{"type":"subscribe","id":1,"users":`+ids(upTo(users)...)+`}`))
		snapshot, sent := x.until(wire.Snapshot)
		if !json.Valid(snapshot) || sent == 0 || sent > len(snapshot)/4 {
			t.Errorf("a snapshot of %d bytes took %d: %.80s", len(snapshot), sent, snapshot)
		}
		packers = append(packers, x)
	}
	plain, listener := w.dial(), w.listen("users="+strings.NewReplacer("[", "", "]", "", `"`, "").Replace(ids(upTo(users)...)))
	plain.subscribe(upTo(users)...)
	listener.want(wire.Status)
	listener.want(wire.Snapshot)
	for round := range 20 {
		availability := []string{"Away", "Busy"}[round%2]
		w.setAll(availability, upTo(users)...)
		for _, x := range packers {
			for got := 0; got < users; {
				delta, sent := x.until(wire.Delta)
				var m wire.Message
				if err := json.Unmarshal(delta, &m); err != nil || (sent == 0) != (len(delta) < 512) {
					t.Fatalf("%v: %d bytes took %d: %.80s", err, len(delta), sent, delta)
				}
				got += len(m.Presences)
			}
		}
		for got := 0; got < users; {
			got += len(plain.want(wire.Delta).Presences)
		}
		for got := 0; got < users; {
			got += len(listener.want(wire.Delta).Presences)
		}
	}
}

// A client that compresses what it says is understood, whether it would keep its dictionary or not.
func TestCompressingClients(t *testing.T) {
	const users = 300
	w := newWorld(t, users, gateway.Options{Compression: true})
	w.setAll("Busy", upTo(users)...)
	for _, mode := range []websocket.CompressionMode{websocket.CompressionNoContextTakeover, websocket.CompressionContextTakeover} {
		c := w.dial(func(o *websocket.DialOptions) { o.CompressionMode, o.CompressionThreshold = mode, 16 })
		got := len(c.subscribe(upTo(users)...).Presences)
		for got < users {
			got += len(c.want(wire.Snapshot).Presences)
		}
		for range 3 {
			c.send(`{"type":"ping","id":2,"x":"` + strings.Repeat("x", 2000) + `"}`)
			c.want(wire.Pong)
		}
		w.setAll("Away", upTo(users)...)
		for got := 0; got < users; {
			got += len(c.want(wire.Delta).Presences)
		}
		w.setAll("Busy", upTo(users)...)
	}
}

// What comes compressed is bounded by what it becomes, is refused where it is damaged or was not agreed on, and costs its
// sender as much as if it had come as it is.
func TestCompressedHostility(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Compression: true, Limits: gateway.Limits{MessageBytes: 64 << 10, MessagesPerSecond: 1000}})
	before := heap()
	for name, row := range map[string]struct {
		offer string
		send  []byte
		code  int
	}{
		"a bomb":            {"permessage-deflate", deflated(strings.Repeat(" ", 100<<20)), 1009},
		"a byte too many":   {"permessage-deflate", deflated(strings.Repeat(" ", 64<<10+1)), 1009},
		"damaged":           {"permessage-deflate", frame(0xc1, "\xff\xff\xff\xff"), 4400},
		"no UTF-8":          {"permessage-deflate", deflated("\"\xff\xff\""), 4400},
		"a compressed ping": {"permessage-deflate", frame(0xc9, ""), 4400},
		"a compressed rest": {"permessage-deflate", append(frame(0x41, "x"), frame(0xc0, "x")...), 4400},
		"RSV2":              {"permessage-deflate", frame(0xa1, "x"), 4400},
		"not agreed on":     {"x", deflated(`{"type":"ping"}`), 4400},
	} {
		x := w.packed(row.offer)
		for {
			if text, _ := x.message(); bytes.HasPrefix(text, []byte(`{"type":"status"`)) {
				break
			}
		}
		x.write(row.send)
		if code := x.closed(); code != row.code {
			t.Errorf("%s: closed with %d, want %d", name, code, row.code)
		}
	}
	if grown := int64(heap()) - int64(before); grown > 16<<20 {
		t.Errorf("memory grew by %d KiB", grown>>10)
	}
	x := w.packed("permessage-deflate")
	x.until(wire.Status)
	began := time.Now()
	ping := deflated(`{"type":"ping","x":"` + strings.Repeat(" ", 60<<10) + `"}`)
	x.write(bytes.Repeat(ping, 10))
	for range 10 {
		x.until(wire.Pong)
	}
	if took := time.Since(began); took < 700*time.Millisecond { // 600 KiB at 256 KiB a second, 320 of them at once
		t.Errorf("600 KiB that came as %d bytes were taken in within %v", 10*len(ping), took)
	}
}

// Before the sign-in a message may become no longer than one that comes as it is.
func TestStrangersBomb(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Compression: true, Door: newDoor(map[string]auth.Principal{}), Policy: signedIn})
	x := w.packed("permessage-deflate")
	x.until(wire.Hello)
	x.write(deflated(fmt.Sprintf(`{"type":"ping","x":%q}`, strings.Repeat(" ", 65<<10))))
	if code := x.closed(); code != 1009 {
		t.Errorf("closed with %d, want 1009", code)
	}
}
