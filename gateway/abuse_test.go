package gateway_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// What a request may not look like. Each row is a connection of its own: the statuses that come back, in order, and whether
// the server then ends it, as it must wherever two readers of the bytes could see two requests in them.
func TestRequestsOutOfOrder(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	w.set(0, "Busy")
	healthy := w.dial()
	healthy.subscribe(0)
	const hidden = "GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n"
	chunked := "0\r\n\r\n" + hidden
	get := func(target, headers string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: 127.0.0.1\r\n" + headers + "\r\n"
	}
	post := func(headers, body string) string {
		return "POST /v1/presences/query HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body
	}
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	tenThousand := "/v1/presences?users=" + strings.TrimSuffix(strings.Repeat(user(0).String()+",", 10_000), ",")
	many := "/v1/presences?" + strings.TrimSuffix(strings.Repeat("users=x&", 7000), "&")
	for name, row := range map[string]struct {
		request string
		want    string // statuses, and "end"
	}{
		"TE and CL":             {post(length(len(chunked))+"Transfer-Encoding: chunked\r\n", chunked), "400 end"},
		"two lengths":           {post(length(0)+length(len(hidden)), hidden), "400 end"},
		"a list of lengths":     {post(fmt.Sprintf("Content-Length: 0, %d\r\n", len(hidden)), hidden), "400 end"},
		"a signed length":       {post("Content-Length: +0\r\n", hidden), "400 end"},
		"a hex length":          {post("Content-Length: 0x0\r\n", hidden), "400 end"},
		"a negative length":     {post("Content-Length: -1\r\n", hidden), "400 end"},
		"an endless length":     {post("Content-Length: 99999999999999999999\r\n", hidden), "400 end"},
		"TE before a colon":     {post("Transfer-Encoding : chunked\r\n", chunked), "400 end"},
		"TE unknown":            {post("Transfer-Encoding: xchunked\r\n", chunked), "501 end"},
		"TE twice":              {post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked), "501 end"},
		"TE of a list":          {post("Transfer-Encoding: gzip, chunked\r\n", chunked), "501 end"},
		"a chunk's size":        {post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"+hidden), "400 end"},
		"a chunk's end":         {post("Transfer-Encoding: chunked\r\n", "1\r\n{"+hidden), "400 end"},
		"an endless extension":  {post("Transfer-Encoding: chunked\r\n", "1;"+strings.Repeat("x", 9000)+"\r\n{\r\n"+chunked), "400 end"},
		"a fold":                {get("/v1/settings", "X: a\r\n b: c\r\n"), "200"},
		"a NUL":                 {get("/v1/settings", "X: \x00\r\n"), "400 end"},
		"a bare return":         {get("/v1/settings", "X: a\rY: b\r\n"), "400 end"},
		"a nameless header":     {get("/v1/settings", ": b\r\n"), "400 end"},
		"a space in a name":     {get("/v1/settings", "X y: b\r\n"), "400 end"},
		"no colon":              {get("/v1/settings", "xyz\r\n"), "400 end"},
		"no host":               {"GET /v1/settings HTTP/1.1\r\n\r\n", "400 end"},
		"two hosts":             {get("/v1/settings", "Host: y\r\n"), "400 end"},
		"a host that is none":   {"GET /v1/settings HTTP/1.1\r\nHost: x/y\r\n\r\n", "400 end"},
		"a space in the target": {get("/v1/set tings", ""), "400 end"},
		"a control character":   {get("/v1/\x01", ""), "400 end"},
		"an escape":             {get("/v1/%zz", ""), "400 end"},
		"an escaped NUL":        {get("/v1/presences/%00", ""), "400"},
		"an escaped line":       {get("/v1/presences/%0d%0aX:%20y", ""), "400"},
		"dots":                  {get("/v1/../v1/settings", ""), "404"},
		"escaped slashes":       {get("/v1%2fsettings", ""), "200"},
		"two slashes":           {get("//v1/settings", ""), "404"},
		"an absolute target":    {get("http://other/v1/settings", ""), "200"},
		"CONNECT":               {"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
		"TRACE":                 {"TRACE /v1/settings HTTP/1.1\r\nHost: x\r\n\r\n", "405"},
		"no method":             {" /v1/settings HTTP/1.1\r\nHost: x\r\n\r\n", "400 end"},
		"HTTP/0.9":              {"GET /v1/settings\r\n\r\n", "400 end"},
		"HTTP/3.0":              {"GET /v1/settings HTTP/3.0\r\nHost: x\r\n\r\n", "505 end"},
		"HTTP/2 begun":          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "404 end"},
		"TLS":                   {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", "400 end"},
		"ten thousand ids":      {get(tenThousand, ""), "431 end"},
		"many parameters":       {get(many, ""), "400"},
		"a long header":         {get("/v1/settings", "X: "+strings.Repeat("y", 100<<10)+"\r\n"), "431 end"},
		"many headers":          {get("/v1/settings", strings.Repeat("X: y\r\n", 20_000)), "431 end"},
		"a body for an upgrade": {strings.Replace(upgrade, "\r\n\r\n", "\r\n"+length(len(hidden))+"\r\n"+hidden, 1), "101"},
		"h2c":                   {get("/v1/settings", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"), "200"},
		"a token in the URL":    {get("/v1/presences/"+user(0).String()+"?access_token=x", ""), "400"},
		"a ticket in the URL":   {get("/v1/events?ticket=x&users="+user(0).String(), ""), "400"},
		"expecting more":        {get("/v1/settings", "Expect: 200-ok\r\n"), "417 end"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := exchange(t, w.addr, row.request); got != row.want {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
	w.set(0, "Away")
	healthy.want(wire.Delta)
}

// exchange says something and tells the statuses that come back.
func exchange(t *testing.T, addr, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	go func() { _, _ = io.WriteString(c, request) }()
	var all []string
	for r := bufio.NewReader(c); ; {
		wait := 10 * time.Second
		if len(all) > 0 { // whatever else comes has come with the first
			wait = 100 * time.Millisecond
		}
		_ = c.SetReadDeadline(time.Now().Add(wait))
		response, err := http.ReadResponse(r, nil)
		var late net.Error
		switch {
		case errors.As(err, &late) && late.Timeout():
			return strings.Join(all, " ")
		case err != nil:
			return strings.Join(append(all, "end"), " ")
		}
		all = append(all, fmt.Sprint(response.StatusCode))
		if response.StatusCode == http.StatusSwitchingProtocols {
			return strings.Join(all, " ")
		}
		if response.StatusCode != http.StatusContinue {
			_, _ = io.Copy(io.Discard, response.Body)
		}
	}
}

// Compression is negotiated with nobody, however it is offered: what is packed small would have to be unpacked large.
func TestNoExtension(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	for _, offer := range []string{"permessage-deflate", "permessage-deflate; client_max_window_bits; server_no_context_takeover", "x-webkit-deflate-frame, permessage-deflate"} {
		_, response, err := w.tryDial(func(o *websocket.DialOptions) { o.HTTPHeader.Set("Sec-WebSocket-Extensions", offer) })
		if err != nil || response.Header.Get("Sec-WebSocket-Extensions") != "" {
			t.Errorf("%s: negotiated %q, %v", offer, response.Header.Get("Sec-WebSocket-Extensions"), err)
		}
	}
}

// However many addresses they come from, no more than so many connections wait for their sign-in.
func TestStrangersInAll(t *testing.T) {
	if n := gateway.StrangersLetIn(); n != 5000 {
		t.Errorf("%d were let in, want 5000", n)
	}
}
