package gateway_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/graphapi"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

const upgrade = "GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
	"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + wire.Protocol + "\r\n\r\n"

// wireTo is a connection to a world in a bubble.
func (w *world) wireTo() net.Conn {
	w.t.Helper()
	c, err := w.client.Transport.(*http.Transport).DialContext(context.Background(), "tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	return c
}

// pour writes text in pieces, one each while, and goes on until all is written or the other side is gone.
func pour(c net.Conn, text string, size int, each time.Duration) {
	for len(text) > 0 {
		n := min(size, len(text))
		if _, err := io.WriteString(c, text[:n]); err != nil {
			return
		}
		text = text[n:]
		time.Sleep(each)
	}
}

// One byte in ten seconds gets nobody far, wherever it drips: refused within 5 s.
func TestDrips(t *testing.T) {
	post := func(path, rest string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + rest
	}
	const sized, chunked = "Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\n"
	const stranger = "Authorization: Bearer stranger\r\n"
	for _, row := range []struct {
		name, begun, drips string
		want               string // status or close code; "": the end without a word
	}{
		{"nothing", "", "", ""},
		{"a request line", "GE", "T / HTTP/1.1\r\n", "400"},
		{"a header", "GET /v1/stream HTTP/1.1\r\nHost: x\r\nX: ", "yyyyyyy", ""},
		{"a query", post("/v1/presences/query", sized), "                ", "408"},
		{"a query in chunks", post("/v1/presences/query", chunked), "1\r\n{\r\n1\r\n \r\n", "408"},
		{"a query for events", post("/v1/events", sized), "                ", "408"},
		{"a read of the facade", post(graphapi.Prefix+"/communications/getPresencesByUserId", sized), "                ", "408"},
		{"of a stranger", post("/v1/events", stranger+sized), "                ", "401"},
		{"of a stranger, in chunks", post("/v1/presences/query", stranger+chunked), "1\r\n{\r\n1\r\n \r\n", "401"},
		{"of a stranger to the facade", post(graphapi.Prefix+"/communications/getPresencesByUserId", stranger+sized), "                ", "401"},
		{"a body where none is wanted", post("/v1/nowhere", sized), "                ", "404"},
		{"a frame's header", upgrade + "\x81", "\xfe\x01\x00\x00\x00\x00\x00", "4400"},
		{"a frame's payload", upgrade + "\x81\xfe\x01\x00\x00\x00\x00\x00{", `"type":"ping"`, "4400"},
		{"a control frame", upgrade + "\x89\xfd\x00\x00\x00\x00p", "iiiiiiing", "4400"},
		{"behind a message", upgrade + string(one(1, 0)) + "\x81", "\xfe\x01\x00\x00\x00\x00\x00", "4400"},
		{"behind a ping", upgrade + string(frame(0x89, "p")) + "\x81", "\xfe\x01\x00\x00\x00\x00\x00", "4400"},
		{"between fragments", upgrade + string(frame(0x01, "{")), string(frame(0x89, "p")) + string(frame(0x80, "}")), "4400"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d := newDoor(nil)
			d.anonymous = true
			inBubble(t, 1, gateway.Options{Door: d}, func(t *testing.T, w *world) {
				c := w.wireTo()
				start := time.Now()
				go func() {
					pour(c, row.begun, max(1, len(row.begun)), 10*time.Second)
					pour(c, row.drips, 1, 10*time.Second)
				}()
				got := ended(t, c, strings.HasPrefix(row.begun, upgrade))
				if got != row.want || time.Since(start) > 5*time.Second {
					t.Errorf("ended with %q after %v, want %q within 5 s", got, time.Since(start), row.want)
				}
			})
		})
	}
}

// Pings between the fragments of a message buy it no time.
func TestPingsBuyNoTime(t *testing.T) {
	inBubble(t, 1, gateway.Options{}, func(t *testing.T, w *world) {
		c := w.wireTo()
		start := time.Now()
		go func() {
			pour(c, upgrade+string(frame(0x01, "{")), 1000, time.Second)
			one := string(frame(0x89, "p"))
			pour(c, strings.Repeat(one, 30), len(one), time.Second)
		}()
		if got := ended(t, c, true); got != "4400" || time.Since(start) > 5*time.Second {
			t.Errorf("ended with %q after %v, want 4400 within 5 s", got, time.Since(start))
		}
	})
}

// ended reads a connection up to its end: the status of the answer, or the code of the close frame.
func ended(t *testing.T, c net.Conn, upgraded bool) string {
	t.Helper()
	x := &raw{t, c, bufio.NewReader(c)}
	response, err := http.ReadResponse(x.r, nil)
	if err != nil {
		return ""
	}
	if !upgraded {
		_, _ = io.Copy(io.Discard, response.Body)
		return fmt.Sprint(response.StatusCode)
	}
	for {
		opcode, payload, err := x.next()
		if err != nil {
			return err.Error()
		}
		if opcode == opClose {
			return fmt.Sprint(binary.BigEndian.Uint16(payload))
		}
	}
}

// Whoever has a slow line gets through, and whoever says nothing stays.
func TestSlowLines(t *testing.T) {
	body := `{"users":` + ids(upTo(4000)...) + `}` // 156 KB
	const piece, each = 2 << 10, 100 * time.Millisecond
	t.Run("a query", func(t *testing.T) {
		inBubble(t, 4000, gateway.Options{}, func(t *testing.T, w *world) {
			c := w.wireTo()
			start := time.Now()
			go pour(c, fmt.Sprintf("POST /v1/presences/query HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body), piece, each)
			if got := ended(t, c, false); got != "200" || time.Since(start) < 6*time.Second {
				t.Errorf("got %s after %v", got, time.Since(start))
			}
		})
	})
	t.Run("a message", func(t *testing.T) {
		inBubble(t, 4000, gateway.Options{}, func(t *testing.T, w *world) {
			c := w.wireTo()
			start := time.Now()
			go func() {
				pour(c, upgrade, len(upgrade), 0)
				pour(c, string(frame(0x81, `{"type":"subscribe","id":1,`+body[1:])), piece, each)
				time.Sleep(time.Minute)
				pour(c, string(frame(0x89, "p")), 100, 20*time.Second) // and then nothing, which is no drip
				pour(c, string(frame(0x81, `{"type":"ping","id":2}`)), 100, 0)
			}()
			x := &raw{t, c, bufio.NewReader(c)}
			if _, err := http.ReadResponse(x.r, nil); err != nil {
				t.Fatal(err)
			}
			for {
				_, payload, err := x.next()
				if err != nil {
					t.Fatalf("after %v: %v", time.Since(start), err)
				}
				if strings.Contains(string(payload), `"pong","id":2`) {
					return
				}
			}
		})
	})
	t.Run("a body that has come is forgotten", func(t *testing.T) {
		inBubble(t, 1, gateway.Options{OnDemand: true, ReadWait: 20 * time.Second}, func(t *testing.T, w *world) {
			c := w.wireTo()
			start := time.Now()
			body := `{"users":` + ids(0) + `}`
			go pour(c, fmt.Sprintf("POST /v1/presences/query HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body), 1000, 0)
			if got := ended(t, c, false); got != "200" || time.Since(start) < 20*time.Second {
				t.Errorf("got %s after %v: whoever waits for a read was not waited for", got, time.Since(start))
			}
		})
	})
}

// Who is not known is refused before anything of theirs is read, or each could have the server hold a message's bytes.
func TestStrangersSendNoBodies(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Door: newDoor(map[string]auth.Principal{})})
	for _, path := range []string{"/v1/presences/query", "/v1/events", graphapi.Prefix + "/communications/getPresencesByUserId", graphapi.Prefix + "/$batch"} {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n")
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		response, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil || response.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %v, %v", path, response, err)
		}
	}
}
