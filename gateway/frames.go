package gateway

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"
)

// The opcodes of RFC 6455 that are met here.
const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
)

// appendFrame appends a whole frame of a server: final and not masked. The opcode may have [reservedCompressed].
func appendFrame(dst []byte, opcode byte, payload []byte) []byte {
	dst = append(dst, 0x80|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, byte(n))
	case n <= 0xffff:
		dst = binary.BigEndian.AppendUint16(append(dst, 126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, 127), uint64(n))
	}
	return append(dst, payload...)
}

// frames is an upgraded connection, above TLS. What is written to it is whole frames, by the writer and, for control
// frames, by the WebSocket library; none is ever torn or mixed with another, and none follows a close frame. Writing
// does not block.
type frames struct {
	net.Conn // the socket, or TLS above it
	socket   *socket
	secure   bool
	last     func() // sends what is still to be said before the peer's close frame is answered

	mu        sync.Mutex
	closed    bool   // a close frame was written
	complaint string // of the library, about what the peer sent

	// Of the reading goroutine.
	library *bufio.Reader // above this
	early   bool          // something came with the request, and lies before it
	intake  bucket        // bytes it may still read
	came    int64         // bytes it has read
	resting bool          // nothing is under way: what comes next may take its time
	deaf    bool          // what comes is not listened to: the connection has ended
}

// upgrade takes over a connection from HTTP.
func (f *frames) upgrade(c net.Conn) {
	f.Conn = c
	under := c
	if secure, ok := c.(*tls.Conn); ok {
		f.secure = true
		under = secure.NetConn()
	}
	s, ok := under.(*socket)
	switch {
	case ok:
	case f.secure: // TLS by a listener of somebody else: what comes out of it cannot be held back, what goes in can
		f.secure = false
		s = newSocket(c)
		f.Conn = s
	default:
		s = newSocket(c)
		f.Conn = s
	}
	s.stream()
	f.socket = s
}

func (f *frames) pending() bool        { return f.socket.pending() }
func (f *frames) flush() (bool, error) { return f.socket.flush() }
func (f *frames) taken() int64         { return f.socket.taken() }

// send writes frames.
func (f *frames) send(whole []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(whole) == 0 {
		return nil
	}
	return f.write(whole)
}

func (f *frames) write(whole []byte) error {
	if !f.secure {
		_, err := f.Conn.Write(whole)
		return err
	}
	f.socket.hold()
	_, err := f.Conn.Write(whole)
	if released := f.socket.release(); err == nil {
		err = released
	}
	return err
}

// close writes a close frame, as the last one.
func (f *frames) close(code websocket.StatusCode, reason string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if code == codeProtocol && f.complaint != "" {
		reason = f.complaint
	}
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	payload = append(payload, reason[:min(len(reason), 123)]...)
	if f.closed {
		return
	}
	f.closed = true
	if f.socket.pending() {
		f.socket.widen()
	}
	_ = f.write(appendFrame(nil, opClose, payload)) // if it cannot be told, it ends all the same
}

// closeWrite ends the sending side, once everything has been sent; otherwise the connection is closed in time.
func (f *frames) closeWrite() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	if secure, ok := f.Conn.(*tls.Conn); ok {
		_ = secure.CloseWrite()
	}
	if !f.socket.pending() {
		_ = f.socket.CloseWrite()
	}
}

// Write takes a control frame of the library: its buffer is larger than one, and flushed after each. A close frame that
// says what is wrong with the peer's is not written: the connection ends with a code of ours, behind the answers to what
// came before. That which answers the peer's own is.
func (f *frames) Write(frame []byte) (int, error) {
	closing := frame[0]&0xf == opClose
	reason, ours := complaint(frame)
	if closing && !ours {
		f.last()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case f.closed:
		return len(frame), nil
	case !closing:
		return len(frame), f.write(frame)
	case ours:
		f.complaint = reason
		return len(frame), nil
	}
	f.closed = true
	if len(frame) > 4 && !utf8.Valid(frame[4:]) { // which the library does not look at
		binary.BigEndian.PutUint16(frame[2:], codeProtocol)
		frame = append(frame[:4:4], "the reason is no UTF-8"...)
		frame[1] = byte(len(frame) - 2)
	}
	return len(frame), f.write(frame)
}

// complaint returns what the library says of the peer's frames. Its words all begin in the same way; what it repeats of a
// peer's close frame it does not begin.
func complaint(closing []byte) (reason string, ours bool) {
	if len(closing) < 4 || websocket.StatusCode(binary.BigEndian.Uint16(closing[2:])) != websocket.StatusProtocolError {
		return "", false
	}
	reason = string(closing[4:])
	return reason, strings.HasPrefix(reason, "received ")
}

// Read reads no faster than a client has reason to write, so that a flood of empty fragments, of which the library
// sees no end, costs next to nothing.
func (f *frames) Read(p []byte) (int, error) {
	if f.deaf {
		return 0, net.ErrClosed
	}
	for {
		now := time.Now()
		if n := f.intake.available(now); n >= 1 {
			break
		}
		time.Sleep(intakePause)
	}
	n, err := f.Conn.Read(p)
	f.intake.spend(float64(n))
	f.came += int64(n)
	if n > 0 && f.resting {
		f.resting = false
		_ = f.SetReadDeadline(time.Now().Add(messageTime))
	}
	return n, err
}

// rest says that nothing is under way. The next byte that comes begins something, which is to end in time, and so is what the
// library has some bytes of already.
func (f *frames) rest() {
	f.resting = !f.early && f.library.Buffered() == 0
	f.early = false
	var until time.Time
	if !f.resting {
		until = time.Now().Add(messageTime)
	}
	_ = f.SetReadDeadline(until)
}

// Sizes of the library's buffers: reads are small and rare, and the largest control frame has 127 bytes.
const readerSize, writerSize = 512, 160

// hijacker hands the library a frames instead of the connection, with small buffers. An answer other than the
// upgrade becomes a problem like all others.
type hijacker struct {
	http.ResponseWriter
	frames *frames
	status int
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, buffered, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	early, _ := buffered.Reader.Peek(buffered.Reader.Buffered())
	early = bytes.Clone(early)
	h.frames.upgrade(c)
	r := bufio.NewReaderSize(bytes.NewReader(early), max(readerSize, len(early)))
	_, _ = r.Peek(len(early)) // the library takes over what is buffered
	h.frames.library, h.frames.early = r, len(early) > 0
	return h.frames, bufio.NewReadWriter(r, bufio.NewWriterSize(h.frames, writerSize)), nil
}

func (h *hijacker) WriteHeader(status int) {
	if h.status = status; status == http.StatusSwitchingProtocols {
		h.ResponseWriter.WriteHeader(status)
	}
}

func (h *hijacker) Write(text []byte) (int, error) {
	writeProblem(h.ResponseWriter, &problem{Status: h.status, Detail: string(bytes.TrimSpace(text))})
	return len(text), nil
}
