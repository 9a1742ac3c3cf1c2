package gateway_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// raw is a WebSocket client that can be as rude as it likes.
type raw struct {
	t testing.TB
	net.Conn
	r *bufio.Reader
}

func (w *world) raw() *raw {
	w.t.Helper()
	return w.rawBuffered(0)
}

// rawBuffered connects with a receive buffer of a size, from the first offer of a window on; 0: the system's.
func (w *world) rawBuffered(size int) *raw {
	w.t.Helper()
	dialer := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		if size == 0 {
			return nil
		}
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size) })
	}}
	c, err := dialer.Dial("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.Close() })
	x := &raw{w.t, c, bufio.NewReader(c)}
	x.write([]byte("GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + wire.Protocol + "\r\n\r\n"))
	response, err := http.ReadResponse(x.r, nil)
	if err != nil || response.StatusCode != http.StatusSwitchingProtocols {
		w.t.Fatalf("got %v, %v", response, err)
	}
	if response.Header.Get("Sec-WebSocket-Extensions") != "" {
		w.t.Error("an extension was negotiated")
	}
	return x
}

func (x *raw) write(p []byte) { _, _ = x.Conn.Write(p) }

// frame returns a masked frame; first is FIN, RSV and opcode.
func frame(first byte, payload string) []byte {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	b = append(b, 0, 0, 0, 0)
	return append(b, payload...)
}

// next reads one frame.
func (x *raw) next() (opcode byte, payload []byte, err error) { return x.nextOf(0) }

// nextOf reads one frame, which may have the reserved bits that were agreed on.
func (x *raw) nextOf(agreed byte) (opcode byte, payload []byte, err error) {
	_ = x.SetReadDeadline(time.Now().Add(20 * time.Second))
	var head [2]byte
	if _, err := io.ReadFull(x.r, head[:]); err != nil {
		return 0, nil, err
	}
	if head[0]&0x80 == 0 || head[0]&0x70&^agreed != 0 || head[1]&0x80 != 0 {
		x.t.Fatalf("frame %x: servers send whole, plain frames", head)
	}
	size := uint64(head[1])
	switch size {
	case 126:
		var more [2]byte
		_, err = io.ReadFull(x.r, more[:])
		size = uint64(binary.BigEndian.Uint16(more[:]))
	case 127:
		var more [8]byte
		_, err = io.ReadFull(x.r, more[:])
		size = binary.BigEndian.Uint64(more[:])
	}
	if err != nil {
		return 0, nil, err
	}
	if size > wire.MaxFrame {
		x.t.Fatalf("a frame of %d bytes", size)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(x.r, payload)
	return head[0] & 0xf, payload, err
}

// closed reads up to the close frame and returns its code, and then expects the end; 1006 without one.
func (x *raw) closed() int {
	for {
		opcode, payload, err := x.next()
		if err != nil {
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				x.t.Error("still open")
			}
			return 1006
		}
		if opcode == 8 {
			x.write(frame(0x88, string(payload[:min(2, len(payload))])))
			if _, _, err := x.next(); err == nil {
				x.t.Error("something follows the close frame")
			}
			if len(payload) < 2 {
				return 1005
			}
			return int(binary.BigEndian.Uint16(payload))
		}
	}
}
