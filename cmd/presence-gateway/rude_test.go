package main_test

import (
	"bufio"
	bytesOrder "encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// rude is a client that keeps to nothing, over a connection of its own.
type rude struct {
	net.Conn
	r *bufio.Reader
}

// call opens a connection; window is the size of its receive buffer, 0 for the system's.
func call(t testing.TB, address string, window int) *rude {
	t.Helper()
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
		if window == 0 {
			return nil
		}
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, window) })
	}}
	c, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return &rude{c, bufio.NewReaderSize(c, 512)}
}

// upgrade asks for a WebSocket, with further header lines.
func (x *rude) upgrade(t testing.TB, lines string) *http.Response {
	t.Helper()
	x.say("GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: " + wire.Protocol + "\r\n" + lines + "\r\n")
	_ = x.SetReadDeadline(time.Now().Add(10 * time.Second))
	response, err := http.ReadResponse(x.r, nil)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

func (x *rude) say(text string) { _, _ = io.WriteString(x, text) }

// frame is a masked frame; first is FIN, reserved bits and opcode.
func frame(first byte, payload string) string {
	b := []byte{first}
	switch n := len(payload); {
	case n < 126:
		b = append(b, 0x80|byte(n))
	case n <= 0xffff:
		b = bytesOrder.BigEndian.AppendUint16(append(b, 0x80|126), uint16(n))
	default:
		b = bytesOrder.BigEndian.AppendUint64(append(b, 0x80|127), uint64(n))
	}
	return string(append(b, 0, 0, 0, 0)) + payload
}

// pester writes text again and again until the other side has had enough.
func (x *rude) pester(text string) {
	_ = x.SetWriteDeadline(time.Now().Add(20 * time.Second))
	for {
		if _, err := io.WriteString(x, text); err != nil {
			return
		}
	}
}

// next reads a frame.
func (x *rude) next() (opcode byte, payload []byte, err error) {
	var head [10]byte
	if _, err = io.ReadFull(x.r, head[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	switch size {
	case 126:
		_, err = io.ReadFull(x.r, head[2:4])
		size = uint64(bytesOrder.BigEndian.Uint16(head[2:]))
	case 127:
		_, err = io.ReadFull(x.r, head[2:10])
		size = bytesOrder.BigEndian.Uint64(head[2:])
	}
	if err != nil {
		return 0, nil, err
	}
	if size > wire.MaxFrame {
		return 0, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(x.r, payload)
	return head[0] & 0xf, payload, err
}

// refused reads up to the end of a WebSocket and tells its close code, or what there was instead.
func (x *rude) refused(within time.Duration) string {
	_ = x.SetReadDeadline(time.Now().Add(within))
	for {
		opcode, payload, err := x.next()
		switch {
		case errors.Is(err, io.EOF):
			return "the end"
		case err != nil:
			return err.Error()
		case opcode == 8 && len(payload) >= 2:
			return strconv.Itoa(int(bytesOrder.BigEndian.Uint16(payload)))
		}
	}
}

// answered reads the answer to a request and tells its status, or what there was instead.
func (x *rude) answered(within time.Duration) string {
	_ = x.SetReadDeadline(time.Now().Add(within))
	response, err := http.ReadResponse(x.r, nil)
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "the end"
	case err != nil:
		return err.Error()
	}
	_, _ = io.Copy(io.Discard, response.Body)
	return strconv.Itoa(response.StatusCode)
}
