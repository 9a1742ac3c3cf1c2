package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
)

// socket is a connection below TLS. While HTTP is spoken it is a connection like any other. Once it streams, Write
// gives the kernel what it takes without waiting and keeps the remainder, so that it never blocks and never writes
// part of what it was given; whoever owns the connection calls flush until nothing remains.
//
// Where the kernel cannot be asked in this way, a goroutine pumps the remainder as long as there is one.
type socket struct {
	net.Conn
	raw       syscall.RawConn // nil: pump
	streaming atomic.Bool

	mu      sync.Mutex
	rest    []byte // what Write took and the kernel did not
	held    bool   // collecting, see hold
	pumping bool
	broken  error
	given   int64 // bytes the kernel took

	// One attempt to write; fields, so that an attempt allocates nothing.
	attempt func(fd uintptr) bool
	chunk   []byte
	wrote   int
	failure error
}

func newSocket(c net.Conn) *socket {
	s := &socket{Conn: c}
	if tcp, ok := c.(*net.TCPConn); ok && nonBlocking {
		s.raw, _ = tcp.SyscallConn()
	}
	return s
}

// stream ends blocking writes. Nothing may be writing.
func (s *socket) stream() {
	if s.raw != nil {
		s.attempt = func(fd uintptr) bool {
			s.wrote, s.failure = tryWrite(fd, s.chunk)
			return true // whatever came of it: never wait
		}
	}
	s.tighten()
	s.streaming.Store(true)
}

// tighten lets the kernel hold little of what is sent.
func (s *socket) tighten() {
	if s.raw != nil {
		_ = s.raw.Control(keepSendBufferSmall)
	}
}

// acknowledged returns how many bytes the peer's side has ever taken, where that can be told.
func (s *socket) acknowledged() (n int64, known bool) {
	if s.raw != nil {
		_ = s.raw.Control(func(fd uintptr) { n, known = acknowledgedBytes(fd) })
	}
	return n, known
}

// Write takes all of p, or returns why the connection is broken.
func (s *socket) Write(p []byte) (int, error) {
	if !s.streaming.Load() {
		return s.Conn.Write(p)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	if len(s.rest) == 0 && !s.held && s.raw != nil {
		n = s.offer(p)
	}
	if s.broken != nil {
		return 0, s.broken
	}
	if n < len(p) {
		s.rest = append(s.rest, p[n:]...)
	}
	if s.raw == nil && !s.pumping {
		s.pumping = true
		go s.pump()
	}
	return len(p), nil
}

// offer gives p to the kernel and returns how much it took.
func (s *socket) offer(p []byte) int {
	s.chunk = p
	err := s.raw.Write(s.attempt)
	s.chunk = nil
	if err != nil { // the descriptor is closed
		s.wrote, s.failure = 0, err
	}
	if s.failure != nil {
		s.broken, s.rest = s.failure, nil
		return 0
	}
	s.given += int64(s.wrote)
	return s.wrote
}

// flush offers the remainder again and reports whether some is left.
func (s *socket) flush() (left bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) > 0 && s.raw != nil && s.broken == nil {
		if n := s.offer(s.rest); n == len(s.rest) {
			s.rest = nil
		} else if s.broken == nil {
			s.rest = s.rest[n:]
		}
	}
	return len(s.rest) > 0, s.broken
}

// hold collects what is written until release writes it in one go: a frame is many records of TLS.
func (s *socket) hold() {
	s.mu.Lock()
	s.held = true
	s.mu.Unlock()
}

func (s *socket) release() error {
	s.mu.Lock()
	s.held = false
	s.mu.Unlock()
	_, err := s.flush()
	return err
}

// pending reports whether something was written that the kernel did not take yet.
func (s *socket) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rest) > 0
}

// taken returns how many bytes have left for good: taken by the peer's side, as far as can be told. Only its
// differences mean something.
func (s *socket) taken() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	queued := 0
	if s.raw != nil {
		_ = s.raw.Control(func(fd uintptr) { queued = unacknowledged(fd) })
	}
	return s.given - int64(queued)
}

// widen lets the kernel take a remainder at once, so that a peer that reads on later still learns how it ended.
func (s *socket) widen() {
	if s.raw != nil {
		_ = s.raw.Control(widenSendBuffer)
	}
}

func (s *socket) pump() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.rest) > 0 && s.broken == nil {
		chunk := s.rest
		s.mu.Unlock()
		n, err := s.Conn.Write(chunk)
		s.mu.Lock()
		s.given += int64(n)
		s.rest, s.broken = s.rest[n:], err
	}
	s.rest, s.pumping = nil, false
}

// CloseWrite ends the sending side, where the connection knows how.
func (s *socket) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

type socketKey struct{}

// withSocket notes the socket of a connection in its context.
func withSocket(ctx context.Context, c net.Conn) context.Context {
	if secure, ok := c.(*tls.Conn); ok {
		c = secure.NetConn()
	}
	if s, ok := c.(*socket); ok {
		return context.WithValue(ctx, socketKey{}, s)
	}
	return ctx
}

// socketOf returns the socket that a request has for itself; nil where it is unknown, or shared as in HTTP/2.
func socketOf(r *http.Request) *socket {
	s, _ := r.Context().Value(socketKey{}).(*socket)
	if r.ProtoMajor != 1 {
		return nil
	}
	return s
}

// socketListener accepts sockets.
type socketListener struct{ net.Listener }

func (l socketListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newSocket(c), nil
}
