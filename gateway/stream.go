package gateway

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// stream upgrades a request to a WebSocket. What a browser can be told only after the upgrade, it is told by a close
// code. The handler returns at once; the connection lives on in a goroutine of its own.
func (s *Server) stream(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		return &problem{Status: http.StatusUpgradeRequired, Detail: "this is a WebSocket: offer the subprotocol " + wire.Protocol}
	}
	if name := inURL(r); name != "" {
		return &problem{Status: http.StatusBadRequest, Detail: name + ": never in the URL, where it would be logged; " +
			"send it as Authorization, as a second subprotocol, or in an authenticate message"}
	}
	open := s.connections.len()
	if open >= s.limits.Connections+s.limits.Connections/8+16 { // those being told so count too
		return &problem{Status: http.StatusServiceUnavailable, Detail: "too many connections", RetryAfter: 5}
	}
	who, err := s.door.Authenticate(r.Context(), credentialOf(r))
	var refused error
	switch {
	case open >= s.limits.Connections:
		refused = errFull
	case err != nil && !errors.Is(err, auth.ErrSignInRequired):
		refused = s.turnedBack(err)
	case !slices.Contains(subprotocols(r), wire.Protocol):
		refused = errSubprotocol
	}

	c := s.newConn()
	c.address = s.origins.caller(r)
	c.caller = c.address
	compression := websocket.CompressionDisabled
	if s.options.Compression {
		compression = websocket.CompressionNoContextTakeover // or frames could not be shared between connections
	}
	c.ws, err = websocket.Accept(&hijacker{ResponseWriter: w, frames: &c.frames}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{wire.Protocol},
		InsecureSkipVerify: true,        // the origin is judged by origins, more exactly
		CompressionMode:    compression, // of what comes: what goes is the composer's
		OnPingReceived:     c.onPing,
		OnPongReceived:     c.onPong,
	})
	if err != nil {
		return nil //nolint:nilerr // the library has answered, through hijacker
	}
	c.ws.SetReadLimit(-1) // readMessage has its own
	c.packed = w.Header().Get("Sec-WebSocket-Extensions") != ""
	s.connections.add(c)
	s.open(c, who, refused)
	s.log.Debug("connected", zap.Uint64("connection", c.number), zap.String("remote", s.origins.remote(r)))
	go c.serve() // connections waits for it
	return nil
}

func (s *Server) newConn() *conn {
	number := s.numbers.Add(1)
	limits := s.limits
	rate := float64(limits.MessagesPerSecond)
	c := &conn{
		server:   s,
		writer:   s.writers[number%uint64(len(s.writers))],
		number:   number,
		messages: newBucket(rate, rate),
		pings:    newBucket(pingBurst, pingRate),
	}
	c.outlet = &c.frames
	c.frames.last = c.lastWords
	c.frames.intake = newBucket(float64(limits.MessageBytes+intakeSpare), intakeRate)
	return c
}

// name is the connection's in hello and in the audit log.
func (c *conn) name() string { return c.server.name + "-" + strconv.FormatUint(c.number, 36) }

// open says hello and lets the caller in, or says why not.
func (s *Server) open(c *conn, who auth.Principal, refused error) {
	select {
	case <-s.closing:
		refused = errDraining
	default:
	}
	known := who.Anonymous || who.SignedIn()
	if refused == nil && !known && !s.connections.expect(c.address) {
		refused = errFull
	}
	if refused != nil {
		c.end(refused, s.farewell(refused)...)
		return
	}
	hello := wire.AppendHello(nil, c.name(), s.heartbeat, wire.Limits{
		UsersPerMessage:    wire.MaxUsers,
		UsersPerConnection: s.limits.UsersPerConnection,
		MessageBytes:       s.limits.MessageBytes,
		MessagesPerSecond:  s.limits.MessagesPerSecond,
	})
	if known {
		if err := c.signIn(who, hello); err != nil {
			c.end(err)
		}
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = true
	c.owe(text(hello))
	if c.reason == nil {
		c.patience = time.AfterFunc(signInTime, c.overdue)
	}
}

// farewell returns what is said before the server closes for this reason. The clients' returns are spread over a
// second for each thousand of them.
func (s *Server) farewell(reason error) []text {
	switch {
	case errors.Is(reason, errDraining):
		return []text{wire.AppendGoodbye(nil, wire.Draining, s.spread())}
	case errors.Is(reason, errRights):
		return []text{wire.AppendGoodbye(nil, wire.RightsChanged, s.spread())}
	}
	return nil
}
