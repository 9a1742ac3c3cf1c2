package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
)

// FuzzRequest throws whole requests at the server: none makes it fail, each refusal is a problem, or Graph's, and what a page of
// another origin asks stays unread.
func FuzzRequest(f *testing.F) {
	id := user(0).String()
	for _, seed := range []string{
		"GET /v1/presences/" + id + "?maxAge=3s HTTP/1.1\r\nHost: 127.0.0.1\r\nIf-None-Match: W/\"1.A\", *\r\n\r\n",
		"GET /v1/presences?users=" + id + ",x&groups=" + id + " HTTP/1.1\r\nHost: [::1]:80\r\nX-Forwarded-For: 10.0.0.1, ::1\r\nX-Forwarded-Host: a, b\r\nX-Forwarded-Proto: https\r\n\r\n",
		"POST /v1/presences/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 12\r\n\r\n{\"users\":[]}",
		"GET /v1/directory?search=a&groups=" + id + "&next=1 HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n\r\n",
		"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Protocol: bearer.,ticket.\r\n\r\n",
		"HEAD /v1/events?users=" + id + " HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: a-b-c-d\r\n\r\n",
		"POST /graph/v1.0/$batch HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
		"OPTIONS /v1/tickets HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: null\r\n\r\n",
		"GET /v1/settings HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: https://a.example.com:\r\nAuthorization: Bearer a.b.c\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	server, err := gateway.New(loadedHub(), gateway.Options{Anonymous: true, Policy: everyone, Origins: []string{"https://allowed.example.com"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if err != nil || r.URL == nil {
			return
		}
		if r.URL.Path == "/v1/events" && r.Method != http.MethodHead {
			return // it would go on
		}
		r.RemoteAddr = "192.0.2.1:1"
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if w.Code == http.StatusInternalServerError {
			t.Fatalf("%q: %s", text, w.Body)
		}
		if w.Code >= 400 && r.Method != http.MethodHead && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%q: %d %s", text, w.Code, w.Body)
		}
		const allowed = "https://allowed.example.com"
		if shown := w.Header().Get("Access-Control-Allow-Origin"); strings.HasPrefix(r.URL.Path, "/v1/") && shown != "" && !strings.EqualFold(strings.TrimSuffix(shown, ":443"), allowed) &&
			!strings.Contains(shown, r.Host) {
			t.Fatalf("%q: shown to %s", text, shown)
		}
	})
}

// FuzzFrames throws bytes at a WebSocket of a running server: it ends them or answers, and never fails itself.
func FuzzFrames(f *testing.F) {
	for _, seed := range [][]byte{frame(0x81, `{"type":"ping","id":1}`), frame(0x01, "{"), frame(0x89, "p"), closing(1000, "bye"), frame(0xc1, "x"),
		joined(frame(0x01, `{"type":"sub`), frame(0x8a, ""), frame(0x80, `scribe","users":"*"}`)), {0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		f.Add(seed)
	}
	w := newWorld(f, 1, gateway.Options{Heartbeat: time.Hour})
	f.Fuzz(func(t *testing.T, sent []byte) {
		c, err := net.Dial("tcp", w.addr)
		if err != nil {
			t.Skip(err) // so many connections leave no port
		}
		_ = c.(*net.TCPConn).SetLinger(0)
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		x := &raw{t, c, bufio.NewReader(c)}
		x.write([]byte(upgrade))
		if _, err := http.ReadResponse(x.r, nil); err != nil {
			t.Fatal(err)
		}
		go func() {
			x.write(sent)
			_ = c.(*net.TCPConn).CloseWrite()
		}()
		for {
			opcode, payload, err := x.next()
			if err != nil {
				return
			}
			if opcode == opClose && len(payload) >= 2 {
				if code := int(payload[0])<<8 | int(payload[1]); code == 1011 {
					t.Fatalf("%q: it failed", sent)
				}
				_, _ = io.Copy(io.Discard, x.r)
				return
			}
		}
	})
}
