package gateway

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// eventOutlet is where the events of one stream go: to the goroutine of its request, which alone writes to it and may
// wait for the peer. Meanwhile the outlet holds little, and nothing new is composed.
type eventOutlet struct {
	control *http.ResponseController
	socket  *socket       // below a stream that has the whole connection; nil: unknown
	wake    chan struct{} // one slot: there is something to write, or an end

	mu      sync.Mutex
	queue   []byte // sent, and not being written yet
	writing bool
	ended   bool // nothing follows the queue
	over    bool // the request is: its response must not be touched any more
	broken  error
	written int64
}

// maxQueue is how much may wait for a stream before it is pending.
const maxQueue = 2 * partBytes

// eventSlice is how much of a stream is written in one go where only the end of a write tells of progress.
const eventSlice = 4 << 10

func newEventOutlet(control *http.ResponseController, s *socket) *eventOutlet {
	if s != nil {
		s.tighten()
	}
	return &eventOutlet{control: control, socket: s, wake: make(chan struct{}, 1)}
}

func (o *eventOutlet) send(events []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken == nil && !o.ended && len(events) > 0 {
		o.queue = append(o.queue, events...)
		o.ring()
	}
	return o.broken
}

func (o *eventOutlet) ring() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// pending reports whether more waits than the request's goroutine is about to take.
func (o *eventOutlet) pending() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pendingLocked()
}

func (o *eventOutlet) pendingLocked() bool {
	return o.broken == nil && len(o.queue) > 0 && (o.writing || len(o.queue) >= maxQueue)
}

func (o *eventOutlet) flush() (left bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.pendingLocked(), o.broken
}

// taken is what the peer's side has acknowledged, where that can be told, or what could be written.
func (o *eventOutlet) taken() int64 {
	if o.socket != nil {
		if acknowledged, known := o.socket.acknowledged(); known {
			return acknowledged
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.written
}

// close says how the stream ends in a comment, which clients pass over and people see.
func (o *eventOutlet) close(code websocket.StatusCode, reason string) {
	_ = o.send([]byte(": " + strconv.Itoa(int(code)) + " " + reason + "\n\n"))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ended = true
	o.ring()
}

// Close ends the stream at once, also within a write.
func (o *eventOutlet) Close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken == nil {
		o.broken = net.ErrClosed
	}
	o.queue = nil
	o.ring()
	if o.over {
		return nil
	}
	return o.control.SetWriteDeadline(time.Now())
}

// finish is called as the request's handler returns, after which net/http owns the response.
func (o *eventOutlet) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.over = true
}

// pump writes what is sent until the stream ends, and returns why: the peer is gone, or nil for an end of ours.
func (o *eventOutlet) pump(ctx context.Context, w http.ResponseWriter) error {
	// The server's own deadline is for answers that end. How long a peer may take nothing is the writer's to judge.
	if err := o.control.SetWriteDeadline(time.Time{}); err != nil {
		return errInternal
	}
	if _, err := w.Write([]byte("retry: " + strconv.FormatInt(firstRetry.Milliseconds(), 10) + "\n\n")); err != nil {
		return errPeerGone
	}
	var spare []byte
	for {
		chunk, more := o.take(spare)
		spare = chunk
		for len(chunk) > 0 {
			n := len(chunk)
			if o.socket == nil {
				n = min(n, eventSlice)
			}
			n, err := w.Write(chunk[:n])
			o.wrote(n)
			if err != nil {
				return errPeerGone
			}
			chunk = chunk[n:]
		}
		if err := o.control.Flush(); err != nil {
			return errPeerGone
		}
		o.idle()
		if cap(spare) > maxQueue {
			spare = nil
		}
		if !more {
			return nil
		}
		select {
		case <-o.wake:
		case <-ctx.Done():
			return errPeerGone
		}
	}
}

// take returns what is to be written now, and whether more may follow. spare is used for what is sent meanwhile.
func (o *eventOutlet) take(spare []byte) (chunk []byte, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	chunk, o.queue = o.queue, spare[:0]
	o.writing = true
	return chunk, !o.ended && o.broken == nil
}

func (o *eventOutlet) wrote(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.written += int64(n)
}

func (o *eventOutlet) idle() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.writing = false
}
