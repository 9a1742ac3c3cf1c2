package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/web"
)

func get(t *testing.T, h http.Handler, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestPageLoadsOnlyItsOwnFiles(t *testing.T) {
	h := web.Handler()
	page := get(t, h, "GET", "/")
	if page.StatusCode != http.StatusOK || page.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Fatalf("GET /: %d %s", page.StatusCode, page.Header.Get("Content-Type"))
	}
	html := body(t, page)
	links := regexp.MustCompile(`(?:src|href)="([^"#][^"]*)"`).FindAllStringSubmatch(html, -1)
	if len(links) < 3 {
		t.Fatalf("the page names %d files", len(links))
	}
	for _, l := range links {
		if !strings.HasPrefix(l[1], "assets/") {
			t.Errorf("the page loads %q, which is no asset of its own", l[1])
			continue
		}
		asset := get(t, h, "GET", "/"+l[1])
		if asset.StatusCode != http.StatusOK || asset.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d, Cache-Control %q", l[1], asset.StatusCode, asset.Header.Get("Cache-Control"))
		}
	}
	if regexp.MustCompile(`<script>|<style|\sstyle=|\son[a-z]+=`).MatchString(html) {
		t.Error("the page holds inline script or style, which its policy forbids")
	}
}

func TestPolicy(t *testing.T) {
	tests := []struct {
		name    string
		options web.Options
		host    string
		want    string
		framing string // X-Frame-Options, for browsers that know no frame-ancestors
	}{
		{"none may frame", web.Options{}, "gw.example.com", "frame-ancestors 'none';", "DENY"},
		{"some may frame", web.Options{FrameAncestors: []string{"https://intranet.example.com", "http://[::1]:8000"}}, "gw.example.com",
			"frame-ancestors 'self' https://intranet.example.com http://[::1]:8000;", "SAMEORIGIN"},
		{"people sign in elsewhere", web.Options{Authority: "https://login.example.com"}, "gw.example.com",
			"connect-src 'self' ws://gw.example.com wss://gw.example.com https://login.example.com;", "DENY"},
		{"an authority cannot add a directive", web.Options{Authority: "https://a.example; script-src *"}, "gw.example.com",
			"connect-src 'self' ws://gw.example.com wss://gw.example.com;", "DENY"},
		{"all may frame", web.Options{FrameAncestors: []string{"*"}}, "gw.example.com", "frame-ancestors *;", ""},
		{"an origin cannot add a directive", web.Options{FrameAncestors: []string{"https://a.example; script-src *", "null"}}, "gw.example.com",
			"frame-ancestors 'none';", "DENY"},
		{"own WebSocket", web.Options{}, "127.0.0.1:8080", "connect-src 'self' ws://127.0.0.1:8080 wss://127.0.0.1:8080;", "DENY"},
		{"IPv6", web.Options{}, "[::1]:8080", "connect-src 'self' ws://[::1]:8080 wss://[::1]:8080;", "DENY"},
		{"a host cannot add a source", web.Options{}, "evil.example *", "connect-src 'self';", "DENY"},
		{"a host cannot add a directive", web.Options{}, "a;script-src *", "connect-src 'self';", "DENY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = tt.host
			w := httptest.NewRecorder()
			web.New(tt.options).ServeHTTP(w, r)
			if got := w.Header().Get("X-Frame-Options"); got != tt.framing {
				t.Errorf("X-Frame-Options %q, want %q", got, tt.framing)
			}
			policy := w.Header().Get("Content-Security-Policy")
			for _, want := range []string{tt.want, "default-src 'none';", "script-src 'self';", "style-src 'self';", "img-src 'self';",
				"base-uri 'none';", "form-action 'none';", "require-trusted-types-for 'script'; trusted-types 'none'"} {
				if !strings.Contains(policy, want) {
					t.Errorf("policy lacks %q:\n%s", want, policy)
				}
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	h := web.Handler()
	for _, path := range []string{"/", "/widget.js"} {
		r := get(t, h, "GET", path)
		if r.Header.Get("X-Content-Type-Options") != "nosniff" || r.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", path, r.Header)
		}
	}
	if got := get(t, h, "GET", "/").Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("/: Cache-Control %q", got)
	}
	if got := get(t, h, "GET", "/").Header.Get("Permissions-Policy"); !strings.Contains(got, "screen-wake-lock=(self)") || !strings.Contains(got, "fullscreen=(self)") || !strings.Contains(got, "camera=()") {
		t.Errorf("/: Permissions-Policy %q", got)
	}
	if got := get(t, h, "GET", web.Files()["dashboard.js"].Path).Header; got.Get("Access-Control-Allow-Origin") != "" || got.Get("Cross-Origin-Resource-Policy") != "same-origin" {
		t.Errorf("the dashboard's script is there for other origins: %v", got)
	}
	widget := get(t, h, "GET", "/widget.js", "Origin", "https://intranet.example.com")
	if widget.Header.Get("Access-Control-Allow-Origin") != "*" || widget.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("widget.js is not readable from every origin: %v", widget.Header)
	}
	if got := widget.Header.Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("widget.js: Content-Type %q", got)
	}
	if get(t, h, "GET", "/").Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("the page is readable from other origins")
	}
}

// Whoever names brotli gets it, whoever takes gzip that, and nobody what they do not take.
func TestCompressed(t *testing.T) {
	h := web.Handler()
	tags := map[string]string{}
	for coding, accepted := range map[string][]string{
		"br":   {"br", "gzip, deflate, br, zstd", "br;q=0.1, gzip", "BR"},
		"gzip": {"gzip", "br;q=0, gzip;q=0.8", "*", "GZIP", "br;q=0, *"},
		"":     {"", "gzip;q=0", "*;q=0", "identity", "gzip;q=0, *", ";;,", "brotli", "br;q=0"},
	} {
		for _, path := range []string{"/widget.js", "/", web.Files()["dashboard.css"].Path} {
			want := body(t, get(t, h, "GET", path, "Accept-Encoding", "identity"))
			for _, accept := range accepted {
				r := get(t, h, "GET", path, "Accept-Encoding", accept)
				if r.Header.Get("Content-Encoding") != coding || r.Header.Get("Vary") != "Accept-Encoding" {
					t.Errorf("%s, %q: headers %v, want %q", path, accept, r.Header, coding)
					continue
				}
				if other, known := tags[r.Header.Get("ETag")]; known && other != path+coding {
					t.Errorf("%s, %q: the tag of %s", path, accept, other)
				}
				tags[r.Header.Get("ETag")] = path + coding
				if got := body(t, r); r.Header.Get("Content-Length") != strconv.Itoa(len(got)) || unpacked(t, coding, got, want) != want {
					t.Errorf("%s, %q: not the file, or not as long as said", path, accept)
				}
			}
		}
	}
}

// unpacked is what a compressed text stands for, but for brotli: it was made of the file want by the program that can read
// it, and is held against it by build.mjs --check. Here it is smaller than anything gzip makes.
func unpacked(t *testing.T, coding, text, want string) string {
	t.Helper()
	var zipped bytes.Buffer
	z, _ := gzip.NewWriterLevel(&zipped, gzip.BestCompression)
	_, _ = io.WriteString(z, want)
	_ = z.Close()
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		plain, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		return string(plain)
	case "br":
		if len(text) == 0 || len(text) > zipped.Len() {
			return ""
		}
		return want
	}
	return text
}

func TestConditional(t *testing.T) {
	h := web.Handler()
	for _, accept := range []string{"identity", "gzip", "br"} {
		for _, path := range []string{"/", "/widget.js"} {
			tag := get(t, h, "GET", path, "Accept-Encoding", accept).Header.Get("ETag")
			r := get(t, h, "GET", path, "Accept-Encoding", accept, "If-None-Match", tag)
			if tag == "" || r.StatusCode != http.StatusNotModified || body(t, r) != "" {
				t.Errorf("%s (%s) with tag %q: %d", path, accept, tag, r.StatusCode)
			}
			if r.Header.Get("Cache-Control") == "" {
				t.Errorf("%s: 304 without Cache-Control", path)
			}
		}
	}
}

func TestMethodsAndPaths(t *testing.T) {
	h := web.Handler()
	for _, path := range []string{"/", "/widget.js"} {
		whole := get(t, h, "GET", path)
		head := get(t, h, "HEAD", path)
		if head.StatusCode != http.StatusOK || body(t, head) != "" || head.Header.Get("Content-Length") != whole.Header.Get("Content-Length") {
			t.Errorf("HEAD %s: %d %v", path, head.StatusCode, head.Header)
		}
		post := get(t, h, "POST", path)
		if post.StatusCode != http.StatusMethodNotAllowed || post.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d", path, post.StatusCode)
		}
	}
	for _, path := range []string{"/index.html", "/assets", "/assets/", "/assets/none.js", "/web.go", "/dist/index.html", "/widget.js/", "//", "/..%2fweb.go", "/favicon.ico"} {
		if r := get(t, h, "GET", path); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, r.StatusCode)
		}
	}
}

func TestSizes(t *testing.T) {
	h := web.Handler()
	size := func(path string) int {
		return len(body(t, get(t, h, "GET", path, "Accept-Encoding", "gzip")))
	}
	if n := size("/widget.js"); n > 12<<10 {
		t.Errorf("widget.js is %d bytes compressed, more than 12 KB", n)
	}
	page := size("/")
	for _, l := range regexp.MustCompile(`"(assets/[^"]*)"`).FindAllStringSubmatch(body(t, get(t, h, "GET", "/")), -1) {
		page += size("/" + l[1])
	}
	if page > 90<<10 {
		t.Errorf("the page is %d bytes compressed, more than 90 KB", page)
	}
}
