package web_test

import (
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/web"
)

func integrityOf(text string) string {
	sum := sha512.Sum384([]byte(text))
	return "sha384-" + base64.StdEncoding.EncodeToString(sum[:])
}

// Every file that pages load can be pinned: it stands under a name that never means anything else, and its integrity is
// that of what is sent.
func TestFilesCanBePinned(t *testing.T) {
	h, files := web.Handler(), web.Files()
	for _, name := range []string{"widget.js", "dashboard.js", "dashboard.css", "operator.js", "icon.svg"} {
		built, found := files[name]
		if !found {
			t.Errorf("%s has no name that holds a hash", name)
			continue
		}
		r := get(t, h, "GET", built.Path, "Accept-Encoding", "identity")
		if r.StatusCode != http.StatusOK || r.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %d, %v", built.Path, r.StatusCode, r.Header)
		}
		if got := integrityOf(body(t, r)); got != built.Integrity {
			t.Errorf("%s: integrity %s, is %s", built.Path, built.Integrity, got)
		}
	}
	pinned := get(t, h, "GET", files["widget.js"].Path, "Origin", "https://intranet.example.com")
	if pinned.Header.Get("Access-Control-Allow-Origin") != "*" || pinned.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("a pinned widget is not readable from every origin, which integrity needs: %v", pinned.Header)
	}
	if r := get(t, h, "GET", files["list.js"].Path, "Origin", "https://intranet.example.com"); r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("what a list needs is not readable from every origin: %v", r.Header)
	}
	if r := get(t, h, "GET", files["dashboard.js"].Path, "Origin", "https://intranet.example.com"); r.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("the dashboard's own script is readable from every origin: %v", r.Header)
	}
	if body(t, pinned) != body(t, get(t, h, "GET", "/widget.js")) {
		t.Error("the pinned widget is another one")
	}
	if r := get(t, h, "GET", regexp.MustCompile("-[0-9a-f]+").ReplaceAllString(files["widget.js"].Path, "-000000000000")); r.StatusCode != http.StatusNotFound || r.Header.Get("Cache-Control") != "no-store" || r.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("one of another version: %d, %v", r.StatusCode, r.Header)
	}
	for name := range files {
		if strings.HasPrefix(name, "chunk") || strings.HasSuffix(name, ".br") || strings.HasSuffix(name, ".gz") {
			t.Errorf("%s is no file of its own", name)
		}
	}
	for _, path := range []string{"/widget.js.br", "/widget.js.gz", files["dashboard.js"].Path + ".br"} {
		if r := get(t, h, "GET", path); r.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %d", path, r.StatusCode)
		}
	}
}

// The page takes nothing for its scripts and styles but what they were built as.
func TestPagePinsItsFiles(t *testing.T) {
	h := web.Handler()
	html := body(t, get(t, h, "GET", "/"))
	pinned := 0
	for _, tag := range regexp.MustCompile(`<(?:script|link)[^>]*>`).FindAllString(html, -1) {
		path := regexp.MustCompile(`(?:src|href)="(assets/[^"]*\.(?:js|css))"`).FindStringSubmatch(tag)
		if path == nil {
			continue
		}
		integrity := regexp.MustCompile(`integrity="([^"]*)"`).FindStringSubmatch(tag)
		if want := integrityOf(body(t, get(t, h, "GET", "/"+path[1]))); integrity == nil || integrity[1] != want {
			t.Errorf("%s: want integrity %s", tag, want)
		}
		pinned++
	}
	if pinned < 2 {
		t.Errorf("%d files are pinned", pinned)
	}
}
