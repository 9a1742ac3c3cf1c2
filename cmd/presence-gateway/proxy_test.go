package main_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// proxies are those of docs/proxies.md, as the page has them.
var proxies = []struct {
	name, block string
	adapt       func(text, dir, public, backend string) (file string)
	command     func(file string) []string
}{
	{"nginx", "nginx", func(text, dir, public, backend string) string {
		text = strings.NewReplacer("127.0.0.1:8080", backend, "listen 443", "listen "+public, "/etc/ssl/presence.pem", dir+"/cert.pem",
			"/etc/ssl/presence.key", dir+"/key.pem").Replace(text)
		scratch := ""
		for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
			scratch += kind + "_temp_path " + dir + "/" + kind + ";\n"
		}
		return "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log " + dir + "/error.log;\nevents {}\nhttp {\naccess_log off;\n" + scratch + text + "}\n"
	}, func(file string) []string { return []string{"nginx", "-c", file} }},
	{"haproxy", "haproxy", func(text, dir, public, backend string) string {
		return strings.NewReplacer("127.0.0.1:8080", backend, "0.0.0.0:443", public, "/etc/ssl/presence.both.pem", dir+"/both.pem").Replace(text)
	}, func(file string) []string { return []string{"haproxy", "-db", "-f", file} }},
}

// The documented proxies end TLS before a real gateway: pages, reads, events and WebSockets pass, a foreign origin does not,
// and what a client says of itself counts for nothing.
func TestBehindProxies(t *testing.T) {
	page, err := os.ReadFile("../../docs/proxies.md")
	if err != nil {
		t.Fatal(err)
	}
	tn := startTenant(t, "--users", "5")
	for _, proxy := range proxies {
		t.Run(proxy.name, func(t *testing.T) {
			if _, err := exec.LookPath(proxy.name); err != nil {
				if out, err := exec.Command("../../scripts/need.sh", proxy.name).CombinedOutput(); err != nil && os.Getenv("CI") == "" {
					t.Skipf("not here, and not to be had: %s", out)
				}
			}
			dir, public := t.TempDir(), freePort(t)
			certFile, keyFile := certify(t, dir, 1)
			write(t, filepath.Join(dir, "both.pem"), slurp(t, certFile)+slurp(t, keyFile))
			g := startGateway(t, tn, t.TempDir(), "public_url: https://"+public+"\ntrusted_proxies: [127.0.0.1/32]\n"+
				"gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: \"*\"}], drain: 1s, drain_delay: 0}\n")
			_, text, _ := strings.Cut(string(page), "```"+proxy.block+"\n")
			text, _, _ = strings.Cut(text, "```")
			file := filepath.Join(dir, "proxy.conf")
			write(t, file, proxy.adapt(text, dir, public, g.address))
			runProxy(t, proxy.command(file))

			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(slurp(t, certFile)))
			b := &behind{t: t, public: public, roots: roots, gateway: g, tenant: tn}
			eventually(t, 10*time.Second, "the proxy", func() bool { return serialAt(public) == 1 })
			b.serves()
			b.smuggles()
		})
	}
}

func runProxy(t *testing.T, words []string) {
	t.Helper()
	command := exec.Command(words[0], words[1:]...)
	out, err := os.Create(filepath.Join(t.TempDir(), "said"))
	if err != nil {
		t.Fatal(err)
	}
	command.Stdout, command.Stderr = out, out
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Signal(syscall.SIGTERM)
		_ = command.Wait()
		if t.Failed() {
			t.Logf("%s said %s", words[0], slurp(t, out.Name()))
		}
	})
}

func slurp(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// behind is a gateway behind a proxy.
type behind struct {
	t       *testing.T
	public  string
	roots   *x509.CertPool
	gateway *gatewayProcess
	tenant  *tenant
}

func (b *behind) client() *http.Client {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: b.roots}, ForceAttemptHTTP2: true}
	b.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 20 * time.Second}
}

func (b *behind) get(c *http.Client, path string, header ...string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), "GET", "https://"+b.public+path, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := c.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response, string(text)
}

func (b *behind) serves() {
	t, c := b.t, b.client()
	own := "https://" + b.public
	id := b.tenant.people()[0].ID
	if r, text := b.get(c, "/"); r.StatusCode != 200 || r.ProtoMajor != 2 || !strings.Contains(text, "<title>") {
		t.Errorf("the page: %s %s %.200s", r.Proto, r.Status, text)
	}
	if r, text := b.get(c, "/v1/presences/"+id, "Origin", own); r.StatusCode != 200 || r.Header.Get("Access-Control-Allow-Origin") != own {
		t.Errorf("a read: %s %v %s", r.Status, r.Header, text)
	}
	for _, foreign := range []string{"https://evil.example.com", "null", "http://" + b.public, "http://" + b.gateway.address} {
		if r, text := b.get(c, "/v1/presences/"+id, "Origin", foreign); r.StatusCode != 403 {
			t.Errorf("a page of %s: %s %s", foreign, r.Status, text)
		}
		if r, _ := b.get(c, "/v1/presences/"+id, "Origin", foreign, "X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example.com"); r.StatusCode != 403 {
			t.Errorf("a page of %s that says it is forwarded: %s", foreign, r.Status)
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	dial := func(origin string) (*websocket.Conn, *http.Response, error) {
		return websocket.Dial(ctx, "wss://"+b.public+"/v1/stream", &websocket.DialOptions{HTTPClient: c,
			Subprotocols: []string{"presence.v1.json"}, HTTPHeader: http.Header{"Origin": {origin}}})
	}
	if ws, r, err := dial("https://evil.example.com"); err == nil {
		_ = ws.CloseNow()
		t.Error("a foreign page has a WebSocket")
	} else if r == nil || r.StatusCode != 403 {
		t.Errorf("a foreign page: %v", err)
	}
	ws, _, err := dial(own)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if err := ws.Write(ctx, websocket.MessageText, []byte(`{"type":"subscribe","users":["`+id+`"]}`)); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, "GET", own+"/v1/events?users="+id, nil)
	if err != nil {
		t.Fatal(err)
	}
	events, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer events.Body.Close()
	lines := bufio.NewScanner(events.Body)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "event: snapshot") {
	}
	for {
		_, text, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), `"snapshot"`) {
			break
		}
	}
	news := "Through-" + b.public // which is new, whoever came before
	b.tenant.setPresence(id, "Busy", news)
	for lines.Scan() && !strings.Contains(lines.Text(), news) {
	}
	if !strings.Contains(lines.Text(), news) {
		t.Errorf("the events end: %v", lines.Err())
	}
	for {
		_, text, err := ws.Read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(text), news) {
			break
		}
	}
}

// smuggles tries to hide a request in another: nobody may see two answers where the proxy saw one request, and whoever
// comes next gets their own.
func (b *behind) smuggles() {
	const hidden = "GET /v1/hidden-canary HTTP/1.1\r\nHost: x\r\n\r\n"
	post := func(headers, body string) string {
		return "POST /v1/presences/query HTTP/1.1\r\nHost: " + b.public + "\r\nContent-Type: application/json\r\n" + headers + "\r\n" + body
	}
	length := func(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }
	chunked := "0\r\n\r\n" + hidden
	attempts := map[string]string{
		"CL.TE":              post(length(len(chunked))+"Transfer-Encoding: chunked\r\n", chunked),
		"TE.CL":              post("Transfer-Encoding: chunked\r\n"+length(4), fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden)),
		"two lengths":        post(length(0)+length(len(hidden)), hidden),
		"a list of lengths":  post(fmt.Sprintf("Content-Length: 0, %d\r\n", len(hidden)), hidden),
		"a signed length":    post("Content-Length: +0\r\n", hidden),
		"a hex length":       post("Content-Length: 0x0\r\n", hidden),
		"a negative length":  post("Content-Length: -1\r\n", hidden),
		"TE with a tab":      post(length(len(chunked))+"Transfer-Encoding:\tchunked\r\n", chunked),
		"TE with a space":    post(length(len(chunked))+"Transfer-Encoding : chunked\r\n", chunked),
		"TE in a fold":       post(length(len(chunked))+"Transfer-Encoding:\r\n chunked\r\n", chunked),
		"TE unknown":         post(length(len(chunked))+"Transfer-Encoding: xchunked\r\n", chunked),
		"TE twice":           post(length(len(chunked))+"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked),
		"TE in HTTP/1.0":     strings.Replace(post(length(len(chunked))+"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\n", chunked), "HTTP/1.1", "HTTP/1.0", 1),
		"a bare line feed":   post(length(len(chunked))+"X: y\nTransfer-Encoding: chunked\r\n", chunked),
		"a chunk too long":   post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"+hidden+"\r\n0\r\n\r\n"),
		"a null in a header": post(length(len(hidden))+"X: \x00\r\n", hidden),
		"a length of a GET":  "GET /v1/settings HTTP/1.1\r\nHost: " + b.public + "\r\n" + length(len(hidden)) + "\r\n" + hidden,
		"an upgrade that is none": "GET /v1/stream HTTP/1.1\r\nHost: " + b.public + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
			"Sec-WebSocket-Version: 9\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + length(len(hidden)) + "\r\n" + hidden,
		"an upgrade to h2c": "GET /v1/settings HTTP/1.1\r\nHost: " + b.public + "\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n" +
			length(len(hidden)) + "\r\n" + hidden,
	}
	c := b.client()
	for name, attempt := range attempts {
		got := b.raw(attempt)
		if answers := strings.Count(got, "HTTP/1.1 ") + strings.Count(got, "HTTP/1.0 "); answers > 1 || strings.Contains(got, "nothing is here") {
			b.t.Errorf("%s: %d answers:\n%s", name, answers, got)
		}
		if strings.Contains(got, " 101 ") {
			b.t.Errorf("%s: switched protocols", name)
		}
		for range 3 { // over what connections the proxy keeps to the gateway
			if r, text := b.get(c, "/v1/settings"); r.StatusCode != 200 || !strings.Contains(text, `"version"`) {
				b.t.Errorf("%s: the next one got %s %s", name, r.Status, text)
			}
		}
	}
}

// raw says text to the proxy over TLS, as HTTP/1.1, and returns all that comes back.
func (b *behind) raw(text string) string {
	b.t.Helper()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 5 * time.Second}, "tcp", b.public, &tls.Config{RootCAs: b.roots, NextProtos: []string{"http/1.1"}})
	if err != nil {
		b.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(300 * time.Millisecond))
	_, _ = io.WriteString(c, text)
	got, _ := io.ReadAll(c) // until it is closed, or nothing more comes
	return string(got)
}
