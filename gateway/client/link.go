package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

const (
	patience    = 10 * time.Second // for a connection to get to its hello, and for a message to be taken in
	silence     = 2.5              // heartbeats without a word
	putOff      = time.Second      // after rate_limited
	mostMessage = wire.MaxFrame
)

// link is one connection, from its handshake to its end.
type link struct {
	client *Client
	log    *zap.Logger
	ws     *websocket.Conn

	heartbeat time.Duration
	limits    limits
	greeted   time.Time // when hello came
	last      time.Time // when the last message came
	goodbye   time.Duration
	silent    *time.Timer

	// Guarded by Client.mu.
	token   string   // that it signed in with
	status  *message // the gateway's last word on it
	synced  bool     // everything wanted at its beginning was answered
	pausing time.Time
}

// held is how long the connection was good.
func (l *link) held() time.Duration { return l.last.Sub(l.greeted) }

// live connects and follows the gateway until the connection ends. The error says why it did.
func (l *link) live(ctx context.Context) error {
	c := l.client
	if err := l.dial(ctx); err != nil {
		return err
	}
	defer l.ws.CloseNow()
	ctx, cancel := context.WithCancelCause(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel(nil)
	l.silent = time.AfterFunc(patience, func() { cancel(ErrSilent) })
	defer l.silent.Stop()

	err := l.read(ctx, &working)
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if closeCode(err) == codeSignIn {
		c.refusal = l.token
	}
	for _, p := range c.pinged {
		p.end(ErrNotLive)
	}
	c.pinged = nil
	return err
}

// dial signs in and makes the connection.
func (l *link) dial(ctx context.Context) error {
	o := l.client.options
	token := o.APIKey
	if o.Token != nil {
		var err error
		if token, err = o.Token(ctx); err != nil {
			return fmt.Errorf("client: token: %w", err)
		}
	}
	l.client.mu.Lock()
	refused := token == l.client.refusal && token != ""
	l.token = token
	l.client.mu.Unlock()
	if refused {
		return ErrSameToken
	}
	header := http.Header{}
	for name, values := range o.Header {
		header[name] = values
	}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ws, answer, err := websocket.Dial(ctx, l.client.url, &websocket.DialOptions{ //nolint:bodyclose // the library closes it
		Subprotocols: []string{wire.Protocol}, HTTPHeader: header, HTTPClient: o.HTTPClient})
	switch {
	case err != nil && answer != nil && answer.StatusCode != http.StatusSwitchingProtocols:
		return &HandshakeError{Status: answer.StatusCode}
	case err != nil:
		return fmt.Errorf("client: connect: %w", err)
	}
	ws.SetReadLimit(mostMessage)
	l.ws = ws
	return nil
}

// read takes messages until the connection ends. What it starts is added to working.
func (l *link) read(ctx context.Context, working *sync.WaitGroup) error {
	for {
		kind, text, err := l.ws.Read(ctx)
		if err != nil {
			return closing(err)
		}
		m, err := decode(text)
		if err == nil && (kind != websocket.MessageText || (l.greeted.IsZero() && m.Type != wire.Hello && types[m.Type])) {
			err = ErrProtocol
		}
		if err != nil {
			return err // without a close handshake, which would wait for whoever speaks like that
		}
		l.last = time.Now()
		switch m.Type {
		case wire.Hello:
			if !l.greeted.IsZero() {
				continue
			}
			l.greet(&m)
			working.Go(func() { l.write(ctx) })
		case wire.Expiring:
			if l.client.options.Token != nil {
				working.Go(func() { l.renew(ctx, time.Duration(m.InSeconds)*time.Second) })
			}
		case wire.Goodbye:
			l.goodbye = max(time.Millisecond, time.Duration(m.ReconnectAfterMs)*time.Millisecond)
			l.client.mu.Lock()
			l.client.anew = m.Reason != wire.Draining
			l.client.mu.Unlock()
		default:
			l.take(&m)
		}
		if l.heartbeat > 0 {
			l.silent.Reset(time.Duration(silence * float64(l.heartbeat)))
		}
	}
}

// greet begins with a gateway that knows nothing yet.
func (l *link) greet(m *message) {
	l.greeted = l.last
	l.heartbeat = time.Duration(m.HeartbeatSeconds * float64(time.Second))
	l.limits = m.Limits.withDefaults()
	c := l.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.table.link++
	c.wants.open()
	c.table.anew, c.anew = c.anew, false
	c.outbox, c.pinged, c.refusal = nil, map[int]*ping{}, ""
	c.ping(nil)
	signal(c.call)
}

// write tells the gateway what is wanted, no faster than half of what it allows.
func (l *link) write(ctx context.Context) {
	pace := max(1, float64(l.limits.MessagesPerSecond)/2)
	allowance, filled := pace, time.Now()
	for {
		now := time.Now()
		allowance, filled = min(pace, allowance+now.Sub(filled).Seconds()*pace), now
		wait := time.Duration((1 - allowance) / pace * float64(time.Second))
		if allowance >= 1 {
			text, pause := l.next()
			if wait = pause; text != nil {
				allowance--
				sending, cancel := context.WithTimeout(ctx, patience)
				err := l.ws.Write(sending, websocket.MessageText, text)
				cancel()
				if err != nil {
					_ = l.ws.CloseNow() // the reader says why
					return
				}
				continue
			}
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return
		case <-due:
			continue
		case <-l.client.call:
		}
	}
}

// next returns the next message for the gateway, or how long to wait for one; 0: until called.
func (l *link) next() (text []byte, wait time.Duration) {
	c := l.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.outbox) > 0 {
		text, c.outbox = c.outbox[0], c.outbox[1:]
		return text, 0
	}
	if wait := time.Until(l.pausing); wait > 0 {
		return nil, wait
	}
	r := c.wants.next(l.limits, &c.table)
	if r == nil {
		l.sync()
		return nil, 0
	}
	c.wants.lastID++
	c.wants.requests[c.wants.lastID] = r
	return r.text(c.wants.lastID), 0
}

// text is the request on the wire.
func (r *request) text(id int) []byte {
	m := map[string]any{"type": wire.Subscribe, "id": id}
	if r.leave {
		m["type"] = wire.Unsubscribe
	}
	switch {
	case r.everyone:
		m["users"] = "*"
	case r.group != "":
		m["groups"] = []string{r.group}
	default:
		m["users"] = r.users
	}
	if len(r.known) > 0 {
		m["known"] = r.known
	}
	text, _ := json.Marshal(m) // strings, numbers and maps of them always can be
	return text
}

// renew signs in again on this connection, until it is done or too late: then the gateway closes with 4401.
func (l *link) renew(ctx context.Context, within time.Duration) {
	pause := min(10*time.Second, max(100*time.Millisecond, within/20))
	l.client.mu.Lock()
	held := l.token
	l.client.mu.Unlock()
	for ctx.Err() == nil {
		token, err := l.client.options.Token(ctx)
		if err == nil && token != "" && token != held {
			text, _ := json.Marshal(map[string]any{"type": wire.Authenticate, "token": token})
			l.client.mu.Lock()
			l.token = token
			l.client.outbox = append(l.client.outbox, text)
			l.client.mu.Unlock()
			signal(l.client.call)
			return
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			l.log.Warn("the sign-in ends soon, and there is no new token yet", zap.Error(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}
