package gateway_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/hub"
)

// pipes is a listener without a network, for tests in a bubble of their own time.
type pipes struct {
	calls chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.calls:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.over) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.calls <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// inBubble runs a test with a world whose time passes at once.
func inBubble(t *testing.T, users int, o gateway.Options, test func(*testing.T, *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, hub: hub.New(hub.Options{})}
		w.describe(users)
		o.Anonymous = o.Door == nil
		if o.Policy == nil {
			o.Policy = everyone
		}
		var err error
		if w.server, err = gateway.New(w.hub, o); err != nil {
			t.Fatal(err)
		}
		listener := &pipes{calls: make(chan net.Conn), over: make(chan struct{})}
		w.client = &http.Client{Transport: &http.Transport{DialContext: listener.dial, DisableKeepAlives: true}}
		w.addr = "127.0.0.1:1"
		ctx, stop := context.WithCancel(context.Background())
		w.stop = stop
		w.ended.Go(func() {
			if err := w.server.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		w.ended.Go(func() {
			if err := w.server.Serve(ctx, listener); err != nil {
				t.Error(err)
			}
		})
		defer func() {
			w.end()
			time.Sleep(time.Minute) // what lingers ends
		}()
		test(t, w)
	})
}

// through makes a client of a world in a bubble dial there.
func (w *world) through(o *websocket.DialOptions) {
	if w.client != nil {
		o.HTTPClient = w.client
	}
}
