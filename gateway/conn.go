package gateway

import (
	"context"
	"errors"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// What a connection is bounded by, besides [Limits].
const (
	signInTime    = 5 * time.Second
	strangerBytes = 64 << 10        // of a message, before the sign-in
	messageTime   = 4 * time.Second // from a frame's or message's first byte to its last, and a second more
	slowestLine   = 16 << 10        // for each so many bytes of a message that have come,
	messageStep   = 512             // looked at whenever so many have
	maxFragments  = 4096            // of a message, before they are held against
	leastFragment = 16              // bytes on average
	lingerTime    = 5 * time.Second // from our close frame to the peer's
	maxReplies    = 16              // waiting, until no further message is read
	pingRate      = 5               // pings a second that are answered
	pingBurst     = 20
	maxPings      = 100       // unanswered in one go, until the connection ends
	intakeRate    = 256 << 10 // bytes a second
	intakeSpare   = 256 << 10 // bytes beyond one message in one go
	intakePause   = 20 * time.Millisecond
	rateEpisode   = time.Second // how long excess may go on, once rate_limited was said
)

// conn is one client's WebSocket, or stream of events.
type conn struct {
	server  *Server
	writer  *writer
	outlet  outlet       // frames, or that of events
	events  *eventStream // nil: a WebSocket
	frames  frames
	ws      *websocket.Conn
	packed  bool // compression was negotiated; set before it is served
	number  uint64
	address string // of the peer, or its network; see origins.caller

	unanswered atomic.Int32 // pings of ours since the last pong

	// Of the reading goroutine.
	messages bucket
	excess   int       // messages refused in one episode
	limited  time.Time // when the first of them was
	refused  time.Time // when the last was
	pings    bucket
	ignored  int  // pings
	within   bool // a message: some of it has come

	mu        sync.Mutex
	waiting   bool           // for the sign-in
	who       auth.Principal // zero until signed in
	caller    string         // who answers for made-up ids: the subject, or the address
	warnAt    time.Duration  // before the end of the sign-in
	warned    bool
	grant     *grant            // nil until signed in
	sub       *hub.Subscription // nil until signed in, and after the end
	all       bool              // watches "*"
	groups    map[presence.ID]struct{}
	held      map[presence.ID]struct{} // asked for, and not let in yet: see strangers
	replies   []reply
	moves     *notice       // the last of them that tells of groups; nil: none that could be added to
	parts     int           // of them, those composed part by part
	room      chan struct{} // closed when replies have gone; nil while nobody waits
	statusDue bool
	reason    error // why it ends; nil while it lives
	gone      bool  // it has ended
	patience  *time.Timer

	writing writing // the writer's own
}

// serve lives the life of a connection: it reads until the end, whoever brings it about.
func (c *conn) serve() {
	c.end(c.read())
	// The peer may still be sending: unless that is read too, the kernel would reset the connection and our close
	// frame with it. Whatever it says, it is told that nothing follows.
	c.frames.closeWrite()
	c.frames.deaf = false
	_ = c.frames.SetReadDeadline(time.Time{}) // whatever time it had before; the end has its own
	_, _ = io.Copy(io.Discard, struct{ io.Reader }{&c.frames})
	_ = c.ws.CloseNow()
	c.leave()
}

// read takes messages until there are no more, and returns why.
func (c *conn) read() (reason error) {
	defer func() {
		if r := recover(); r != nil {
			c.server.logPanic(r)
			reason = errInternal
		}
	}()
	for {
		c.awaitRoom()
		c.frames.rest()
		kind, r, err := c.ws.Reader(context.Background())
		if err != nil {
			return reasonOf(err)
		}
		c.within = true
		message, err := c.readMessage(r) // kept by nobody: clients are many and say little
		if err != nil {
			return reasonOf(err)
		}
		c.within = false
		if kind == websocket.MessageText && !utf8.Valid(message) {
			return errNoText
		}
		if err := c.handle(kind, message); err != nil {
			return err
		}
	}
}

// readMessage reads one message to its end, which the library insists on. What has come of it buys time for the rest, so that
// slow lines get through, and bytes that drip do not.
func (c *conn) readMessage(r io.Reader) (dst []byte, err error) {
	limit := c.server.limits.MessageBytes
	if !c.signedIn() {
		limit = min(limit, strangerBytes)
	}
	began, extended := time.Now(), -messageStep
	came, charged := c.frames.came, int64(0)
	for fragments := 0; ; fragments++ {
		if fragments > maxFragments && len(dst)/fragments < leastFragment {
			return dst, errFragments
		}
		if len(dst)-extended >= messageStep {
			extended = len(dst)
			_ = c.frames.SetReadDeadline(began.Add(messageTime + time.Duration(extended)*time.Second/slowestLine))
		}
		if len(dst) == cap(dst) {
			dst = append(dst, make([]byte, max(512, len(dst)))...)[:len(dst)]
		}
		n, err := r.Read(dst[len(dst):min(cap(dst), limit+1)]) // the library waits until it can fill this
		dst = dst[:len(dst)+n]
		if swollen := int64(len(dst)) - (c.frames.came - came); c.packed && swollen > charged { // what comes out costs as what comes in
			c.frames.intake.spend(float64(swollen - charged))
			charged = swollen
		}
		switch {
		case len(dst) > limit:
			return dst, errTooLarge
		case errors.Is(err, io.EOF):
			return dst, nil
		case err != nil:
			return dst, err
		}
	}
}

// awaitRoom waits until replies are few, or the connection ends.
func (c *conn) awaitRoom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.reason == nil && (c.parts > 0 || len(c.replies) >= maxReplies) {
		if c.room == nil {
			c.room = make(chan struct{})
		}
		room := c.room
		c.mu.Unlock()
		<-room
		c.mu.Lock()
	}
}

// makeRoom lets the reading goroutine go on; c.mu is held.
func (c *conn) makeRoom() {
	if c.room != nil {
		close(c.room)
		c.room = nil
	}
}

// owe queues replies; c.mu is held.
func (c *conn) owe(replies ...reply) {
	if c.reason != nil {
		return
	}
	for _, r := range replies {
		if _, whole := r.(text); !whole {
			c.parts++
		}
	}
	c.replies = append(c.replies, replies...)
	c.writer.call(c)
}

// oweNews queues what was captured before something else; c.mu is held.
func (c *conn) oweNews(news *hub.News) {
	if len(news.Items)+len(news.Left) > 0 {
		c.owe(&catchUp{items: news.Items, left: news.Left})
	}
}

// tell queues a message.
func (c *conn) tell(payload []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.owe(text(payload))
}

// refuse answers a request with an error.
func (c *conn) refuse(id string, e *wire.Error) { c.tell(wire.AppendError(nil, id, e)) }

// end closes the connection, once: what is composed already goes out, a close frame follows, and the peer has a
// while to answer it.
func (c *conn) end(reason error, last ...text) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.endLocked(reason, last...)
}

func (c *conn) endLocked(reason error, last ...text) {
	if c.reason != nil {
		return
	}
	c.reason = reason
	out := c.words()
	for _, t := range last {
		out = c.appendMessage(out, t)
	}
	c.makeRoom()
	if c.patience != nil {
		c.patience.Stop()
	}
	if closing := closings[reason]; closing.reason != "" {
		_ = c.outlet.send(out)
		c.outlet.close(closing.code, closing.reason)
	}
	c.patience = time.AfterFunc(lingerTime, func() { _ = c.outlet.Close() })
	c.writer.call(c)
}

// words takes the replies that are whole messages, and drops the others; c.mu is held.
func (c *conn) words() (out []byte) {
	for _, r := range c.replies {
		if t, whole := r.(text); whole {
			out = c.appendMessage(out, t)
		}
	}
	c.replies = nil
	return out
}

// lastWords sends the replies that are whole messages ahead of the answer to the peer's close frame.
func (c *conn) lastWords() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.reason == nil && c.parts == 0 {
		_ = c.outlet.send(c.words())
	}
}

// appendMessage appends a whole message as the peer reads it.
func (c *conn) appendMessage(dst []byte, payload []byte) []byte {
	if c.events != nil {
		return appendEvent(dst, payload)
	}
	return appendFrame(dst, opText, payload)
}

// leave gives back what the connection holds.
func (c *conn) leave() {
	c.mu.Lock()
	c.gone = true
	c.patience.Stop()
	if c.sub != nil {
		c.sub.Close()
		c.sub = nil
	}
	if c.grant != nil {
		c.grant.holders.Add(-1)
	}
	if c.waiting {
		c.waiting = false
		c.server.connections.arrived(c.address)
	}
	reason, who := c.reason, c.who
	c.mu.Unlock()
	if who.Anonymous || who.SignedIn() {
		c.server.audit.write(auditEnd, who, audited{Address: c.address, Connection: c.name()})
	}
	c.writer.call(c)
	c.server.metrics.disconnects.WithLabelValues(strconv.Itoa(int(codeOf(reason)))).Inc()
	c.server.connections.remove(c, who.Subject)
}

// onPing answers few pings, and none while the peer does not take in what there is.
func (c *conn) onPing(context.Context, []byte) bool {
	c.restBetween()
	if c.pings.take(time.Now()) {
		c.ignored = 0
		return !c.frames.socket.pending()
	}
	if c.ignored++; c.ignored > maxPings {
		c.end(errFlood)
		c.frames.deaf = true // the library would go on with each of the others
	}
	return false
}

func (c *conn) onPong(context.Context, []byte) {
	c.restBetween()
	c.unanswered.Store(0)
}

// restBetween ends the time that a control frame has, unless a message is under way around it.
func (c *conn) restBetween() {
	if !c.within {
		c.frames.rest()
	}
}
