package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/client"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// pipes is a listener without a network, so that what happens over it can run on a test's own time.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { close(p.closed); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	select {
	case p.conns <- there:
		return here, nil
	case <-p.closed:
		return nil, errors.New("refused")
	}
}

// peer is one connection at a scripted gateway.
type peer struct {
	t       *testing.T
	ws      *websocket.Conn
	number  int       // of the connection, from 1
	at      time.Time // when it came
	request *http.Request
}

// say sends a message; one that cannot be sent any longer is the script's end.
func (p *peer) say(format string, a ...any) {
	_ = p.ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, format, a...))
}

func (p *peer) greet() {
	p.say(`{"type":"hello","protocol":"presence.v1.json","connection":"x","heartbeatSeconds":10,"limits":{"messagesPerSecond":20},"new":{}}`)
	p.say(`{"type":"status","state":"live"}`)
}

type heard struct {
	Type   string            `json:"type"`
	ID     int               `json:"id"`
	Users  any               `json:"users"`
	Groups []string          `json:"groups"`
	Known  map[string]string `json:"known"`
	Token  string            `json:"token"`
}

// hear returns the next message that is no ping; those are answered.
func (p *peer) hear() (m heard, err error) {
	for {
		_, text, err := p.ws.Read(context.Background())
		if err != nil {
			return m, err
		}
		m = heard{}
		if err := json.Unmarshal(text, &m); err != nil {
			p.t.Errorf("%v in %s", err, text)
		}
		if m.Type != "ping" {
			return m, nil
		}
		p.say(`{"type":"pong","id":%d,"at":%q,"observedAt":{}}`, m.ID, time.Now().UTC().Format(time.RFC3339Nano))
	}
}

// drain hears until the connection ends.
func (p *peer) drain() {
	for {
		if _, err := p.hear(); err != nil {
			return
		}
	}
}

// scripted runs a test in a bubble: a client against a gateway that follows a script for each connection. peers are
// all connections so far.
func scripted(t *testing.T, o client.Options, script func(*peer), test func(t *testing.T, c *client.Client, peers func() []*peer)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var peers []*peer
		var scripts sync.WaitGroup
		l := &pipes{make(chan net.Conn), make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			scripts.Add(1)
			defer scripts.Done()
			mu.Lock()
			p := &peer{t: t, number: len(peers) + 1, at: time.Now(), request: r}
			peers = append(peers, p)
			mu.Unlock()
			var err error
			if p.ws, err = websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{wire.Protocol}}); err != nil {
				return
			}
			defer p.ws.CloseNow()
			script(p)
		})}
		ended := make(chan struct{})
		go func() { defer close(ended); _ = server.Serve(l) }()
		transport := &http.Transport{DialContext: l.dial}
		o.HTTPClient = &http.Client{Transport: transport}
		c, err := client.New("http://gateway.test", o)
		if err != nil {
			t.Fatal(err)
		}
		test(t, c, func() []*peer {
			mu.Lock()
			defer mu.Unlock()
			return append([]*peer(nil), peers...)
		})
		transport.CloseIdleConnections()
		_ = server.Close()
		<-ended
		scripts.Wait()
	})
}

// consume reads events until one satisfies, or the loop ends, and returns the loop's error.
func consume(ctx context.Context, c *client.Client, enough func(client.Event) bool) error {
	for event, err := range c.Events(ctx) {
		if err != nil {
			return err
		}
		if enough(event) {
			return nil
		}
	}
	return io.EOF
}
