package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/describe/describetest"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
	"github.com/presence-gateway/presence-gateway/hub"
)

// What breaks the WebSocket protocol closes that connection with 4400, and touches no other.
func TestBrokenFrames(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	w.set(0, "Busy")
	healthy := w.dial()
	healthy.subscribe(0)
	for name, bytes := range map[string][]byte{
		"unmasked":                   {0x81, 0x02, '{', '}'},
		"RSV1":                       frame(0xc1, "{}"),
		"RSV2":                       frame(0xa1, "{}"),
		"RSV3":                       frame(0x91, "{}"),
		"reserved opcode":            frame(0x83, "{}"),
		"reserved control opcode":    frame(0x8b, ""),
		"fragmented control":         frame(0x09, ""),
		"large control":              frame(0x89, strings.Repeat("x", 126)),
		"continuation of nothing":    frame(0x80, "x"),
		"text inside a message":      append(frame(0x01, "{"), frame(0x81, "}")...),
		"close with one byte":        frame(0x88, "x"),
		"close with a reserved code": frame(0x88, "\x03\xec"),
		"close with code 999":        frame(0x88, "\x03\xe7"),
	} {
		t.Run(name, func(t *testing.T) {
			x := w.raw()
			x.write(bytes)
			if code := x.closed(); code != 4400 {
				t.Errorf("closed with %d, want 4400", code)
			}
		})
	}
	t.Run("length 2^63", func(t *testing.T) {
		x := w.raw()
		x.write([]byte{0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
		if code := x.closed(); code != 4400 && code != 1009 {
			t.Errorf("closed with %d", code)
		}
	})
	t.Run("length 2^62", func(t *testing.T) {
		x := w.raw()
		x.write([]byte{0x81, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
		x.write(bytes.Repeat([]byte("x"), 1<<20+10))
		if code := x.closed(); code != 1009 {
			t.Errorf("closed with %d, want 1009", code)
		}
	})
	w.set(0, "Away")
	healthy.want(wire.Delta)
}

func TestPeerClosesInOrder(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	x := w.raw()
	x.write(frame(0x88, "\x03\xe8bye"))
	if code := x.closed(); code != 1000 {
		t.Errorf("answered with %d, want 1000", code)
	}
}

// A message that is wrong is answered; the connection and its subscriptions stay.
func TestBadMessages(t *testing.T) {
	w := newWorld(t, 2, gateway.Options{Limits: gateway.Limits{MessagesPerSecond: 1000}})
	w.setAll("Busy", 0, 1)
	c := w.dial()
	c.subscribe(0)
	var million strings.Builder
	for i := range 26_000 {
		fmt.Fprintf(&million, `"%s",`, user(i))
	}
	for name, row := range map[string]struct {
		text string
		code wire.Code
		id   string
	}{
		"empty":          {"", wire.BadMessage, ""},
		"no JSON":        {"hello", wire.BadMessage, ""},
		"deep":           {`{"type":"ping","x":` + strings.Repeat("[", 100_000), wire.BadMessage, ""},
		"wrong type":     {`{"type":"subscribe","id":4,"users":7}`, wire.BadMessage, "4"},
		"too many":       {`{"type":"subscribe","id":5,"users":[` + strings.TrimSuffix(million.String(), ",") + `]}`, wire.TooManyUsers, "5"},
		"unknown type":   {`{"type":"dance","id":6}`, wire.Unsupported, "6"},
		"no type":        {`{"id":7}`, wire.BadMessage, "7"},
		"a ping of many": {`{"type":"ping","id":8,"users":` + ids(upTo(101)...) + `}`, wire.TooManyUsers, "8"},
	} {
		t.Run(name, func(t *testing.T) {
			c.t = t
			c.send(row.text)
			if e := c.want(wire.Failure); e.Code != row.code || e.ID.String() != row.id || e.Message == "" {
				t.Errorf("got %+v, want %s for %q", e, row.code, row.id)
			}
		})
	}
	c.t = t
	if err := c.ws.Write(context.Background(), websocket.MessageBinary, []byte(`{"type":"ping"}`)); err != nil {
		t.Fatal(err)
	}
	if e := c.want(wire.Failure); e.Code != wire.BadMessage {
		t.Errorf("binary: %+v", e)
	}
	c.send(`{"type":"unsubscribe","id":9,"users":` + ids(1) + `}`) // never watched
	c.want(wire.Ack)
	w.setAll("Away", 0, 1)
	if d := c.want(wire.Delta); len(d.Presences) != 1 || d.Presences[0].ID != user(0) {
		t.Errorf("subscriptions changed: %+v", d)
	}
}

func TestTooLarge(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Limits: gateway.Limits{MessageBytes: 1000}})
	c := w.dial()
	c.send(`{"type":"ping","x":"` + strings.Repeat("x", 1000-22) + `"}`)
	c.want(wire.Pong)
	c.send(`{"type":"ping","x":"` + strings.Repeat("x", 1000-21) + `"}`)
	if code := c.ends(); code != websocket.StatusMessageTooBig {
		t.Errorf("closed with %d, want 1009", code)
	}
	x := w.raw() // one that goes on sending is told too
	x.write(frame(0x81, strings.Repeat("x", 500_000)))
	x.write(frame(0x81, strings.Repeat("x", 200_000)))
	if code := x.closed(); code != 1009 {
		t.Errorf("closed with %d, want 1009", code)
	}
}

func TestUsersPerConnection(t *testing.T) {
	w := newWorld(t, 20, gateway.Options{Limits: gateway.Limits{UsersPerConnection: 10}})
	c := w.dial()
	c.subscribe(upTo(8)...)
	c.send(`{"type":"subscribe","id":2,"users":` + ids(8, 9, 10) + `}`)
	if e := c.want(wire.Failure); e.Code != wire.TooManyUsers {
		t.Errorf("got %+v", e)
	}
	c.subscribe(upTo(10)...) // eight of them are watched
	c.send(`{"type":"subscribe","id":3,"users":"*"}`)
	if s := c.snapshot(); len(s.Pending) != 10 {
		t.Errorf(`"*" gave %d more, want 10`, len(s.Pending))
	}
	w.set(10, "Busy")
	c.want(wire.Delta)
}

func TestMessageRate(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Limits: gateway.Limits{MessagesPerSecond: 10}})
	c := w.dial()
	for i := range 100 {
		if c.ws.Write(context.Background(), websocket.MessageText, fmt.Appendf(nil, `{"type":"ping","id":%d}`, i)) != nil {
			break
		}
	}
	limited := 0
	for {
		m, err := c.read()
		if err != nil {
			if code := websocket.CloseStatus(err); code != 4429 {
				t.Errorf("ended by %v, want 4429", err)
			}
			break
		}
		if m.Code == wire.RateLimited {
			limited++
		}
	}
	if limited == 0 {
		t.Error("was not warned")
	}
	calm := w.dial() // a client that was warned and slows down stays
	for i := range 14 {
		calm.send(fmt.Sprintf(`{"type":"ping","id":%d}`, i))
	}
	limited = 0
	for range 14 {
		if calm.next().Code == wire.RateLimited {
			limited++
		}
	}
	time.Sleep(500 * time.Millisecond) // what a bucket needs to fill is time itself
	calm.send(`{"type":"ping"}`)
	calm.want(wire.Pong)
	if limited == 0 {
		t.Error("14 messages at once were let through")
	}
}

// Pings are answered up to a rate, and a flood ends the connection.
func TestPingFlood(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	x := w.raw()
	go func() {
		for range 1000 {
			x.write(frame(0x89, "p"))
		}
		x.write(frame(0x81, `{"type":"ping","id":7}`))
	}()
	pongs := 0
	for {
		opcode, payload, err := x.next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(payload), `"id":7`) {
			t.Fatal("after a thousand pings it is open")
		}
		if opcode == 10 {
			pongs++
		}
		if pongs > 40 {
			t.Fatal("a flood of pings is answered")
		}
		if opcode == 8 {
			if code := int(payload[0])<<8 | int(payload[1]); code != 4429 {
				t.Errorf("closed with %d, want 4429", code)
			}
			break
		}
	}
	if pongs == 0 {
		t.Error("no ping was answered")
	}
}

// Empty fragments without end neither cost much nor go on for long.
func TestFragmentFlood(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	t.Parallel()
	w := newWorld(t, 1, gateway.Options{})
	x := w.raw()
	x.write(frame(0x01, "{"))
	ended := make(chan int, 1)
	go func() { ended <- x.closed() }()
	flood := bytes.Repeat(frame(0x00, ""), 10_000)
	start, sent := time.Now(), 0
	for {
		n, err := x.Conn.Write(flood)
		sent += n
		if err != nil {
			break
		}
		if time.Since(start) > 20*time.Second {
			t.Fatal("still taken in")
		}
	}
	if code := <-ended; code != 4400 && code != 1006 {
		t.Errorf("closed with %d, want 4400", code)
	}
	t.Logf("%d empty fragments taken in %v", sent/6, time.Since(start))
	if sent > 20<<20 {
		t.Errorf("%d bytes were taken", sent)
	}
}

// A header that drips is cut, and holds up nobody.
func TestSlowHandshake(t *testing.T) {
	if testing.Short() {
		t.Skip("takes five seconds")
	}
	t.Parallel()
	w := newWorld(t, 1, gateway.Options{})
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, "GET /v1/stream HTTP/1.1\r\n")
	w.dial()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.ReadAll(c); err != nil {
		t.Errorf("still open: %v", err)
	}
}

func TestHandshakeRefused(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	get := func(path string, header http.Header) (*http.Response, string) {
		r, _ := http.NewRequest("GET", w.url("http", path), nil)
		if header != nil {
			r.Header = header
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		describetest.Answer(t, "GET", path, response.StatusCode, response.Header, body)
		if kind := response.Header.Get("Content-Type"); kind != "application/problem+json" {
			t.Errorf("%s answered as %s: %s", path, kind, body)
		}
		return response, string(body)
	}
	if r, _ := get("/v1/stream", nil); r.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("without an upgrade: %d", r.StatusCode)
	}
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"12"}}
	if r, body := get("/v1/stream", upgrade); r.StatusCode != http.StatusBadRequest || !strings.Contains(body, "version") {
		t.Errorf("version 12: %d %s", r.StatusCode, body)
	}
	if r, body := get("/v1/stream?access_token=canary", upgrade); r.StatusCode != http.StatusBadRequest || strings.Contains(body, "canary") || !strings.Contains(body, "never in the URL") {
		t.Errorf("token in the URL: %d %s", r.StatusCode, body)
	}
}

func TestHandshakeClosed(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	for name, row := range map[string]struct {
		set  func(*websocket.DialOptions)
		code websocket.StatusCode
	}{
		"no subprotocol":    {func(o *websocket.DialOptions) { o.Subprotocols = nil }, 4400},
		"another":           {func(o *websocket.DialOptions) { o.Subprotocols = []string{"presence.v2.json"} }, 4400},
		"token":             {func(o *websocket.DialOptions) { o.HTTPHeader.Set("Authorization", "Bearer x") }, 4401},
		"not a bearer":      {func(o *websocket.DialOptions) { o.HTTPHeader.Set("Authorization", "Basic x") }, 4401},
		"token subprotocol": {func(o *websocket.DialOptions) { o.Subprotocols = append(o.Subprotocols, "bearer.x") }, 4401},
		"ticket":            {func(o *websocket.DialOptions) { o.Subprotocols = append(o.Subprotocols, "ticket.x") }, 4401},
	} {
		t.Run(name, func(t *testing.T) {
			c, response, err := w.tryDial(row.set)
			if err != nil {
				t.Fatal(err)
			}
			if p := response.Header.Get("Sec-WebSocket-Protocol"); p != "" && p != wire.Protocol {
				t.Errorf("selected %q", p)
			}
			if _, err := c.read(); websocket.CloseStatus(err) != row.code {
				t.Errorf("got %v, want %d before anything else", err, row.code)
			}
		})
	}
	c := w.dial()
	c.send(`{"type":"authenticate","id":1,"token":"x"}`)
	if code := c.ends(); code != 4401 {
		t.Errorf("authenticate closed with %d, want 4401", code)
	}
}

func TestConnectionLimit(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{Limits: gateway.Limits{Connections: 2}})
	first, second := w.dial(), w.dial()
	third, _, err := w.tryDial()
	if err != nil {
		t.Fatal(err)
	}
	if code := third.ends(); code != 4429 {
		t.Errorf("closed with %d, want 4429", code)
	}
	_ = first.ws.Close(websocket.StatusNormalClosure, "")
	eventually(t, "there is room again", func() bool {
		c, _, err := w.tryDial()
		if err != nil {
			return false
		}
		m, err := c.read()
		return err == nil && m.Type == wire.Hello
	})
	second.send(`{"type":"ping"}`)
	second.want(wire.Pong)
}

func TestNobodyIsRefused(t *testing.T) {
	for _, o := range []gateway.Options{{}, {Policy: everyone}} {
		if _, err := gateway.New(hub.New(hub.Options{}), o); err == nil || !strings.Contains(err.Error(), "gateway.auth.anonymous") {
			t.Errorf("%+v: got %v", o, err)
		}
	}
}

// A client may send with its handshake.
func TestEarlyMessage(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	c, err := net.Dial("tcp", w.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	early := strings.Repeat("x", 3000)
	_, _ = c.Write(append([]byte("GET /v1/stream HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: "+wire.Protocol+"\r\n\r\n"),
		frame(0x81, `{"type":"ping","id":77,"x":"`+early+`"}`)...))
	x := &raw{t, c, bufio.NewReader(c)}
	if _, err := http.ReadResponse(x.r, nil); err != nil {
		t.Fatal(err)
	}
	for {
		_, payload, err := x.next()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(payload), `"pong","id":77`) {
			return
		}
	}
}
