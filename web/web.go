// Package web serves what browsers load from a gateway: the dashboard at "/", the badge and its client at "/widget.js",
// and their hashed assets. The files are built from src into dist and committed, so that a Go build needs no Node.
//
// It promises that nothing it serves loads anything from elsewhere, or runs under anything but a strict content security
// policy. It does not serve data: the page reads people and presences from the gateway's own calls, which judge who may.
package web

import (
	"embed"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Options of the pages. The zero value lets no other site frame the dashboard.
type Options struct {
	// FrameAncestors are the exact origins (scheme, host and port) whose pages may show the dashboard in a frame.
	FrameAncestors []string
	// Authority is the origin of the provider where the dashboard signs people in; empty: they cannot.
	Authority string
}

// Handler serves the pages with the zero Options.
func Handler() http.Handler { return New(Options{}) }

// New returns a handler for "/", "/widget.js" and "/assets/". It answers GET and HEAD, and 404 for every other path. The
// handler is safe for concurrent use and keeps all files, plain and compressed, in memory.
func New(o Options) http.Handler {
	p := &pages{files: map[string]*file{}, ancestors: ancestors(o.FrameAncestors), authority: authority(o.Authority)}
	err := fs.WalkDir(dist, "dist", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := dist.ReadFile(name)
		if err != nil {
			return err
		}
		p.files[strings.TrimPrefix(name, "dist")] = newFile(path.Ext(name), content)
		return nil
	})
	if err != nil {
		// The files are part of the binary: only a broken build gets here.
		panic("web: embedded files: " + err.Error())
	}
	return p
}

type pages struct {
	files     map[string]*file // by request path; "/index.html" is "/"
	ancestors string
	authority string // with a space before it, or empty
}

func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Path
	switch name {
	case "/":
		name = "/index.html"
	case "/index.html":
		name = ""
	}
	f, ok := p.files[name]
	if !ok {
		problem(w, http.StatusNotFound, "nothing is here")
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		problem(w, http.StatusMethodNotAllowed, "this answers GET and HEAD")
		return
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	switch {
	case name == "/index.html":
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", p.policy(r.Host))
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	case name == "/widget.js":
		// Pages of every origin load it, with or without CORS, and hold no long copy of it: a fix arrives within minutes.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Cache-Control", "public, max-age=300, stale-while-revalidate=3600")
	default:
		// A name holds the hash of its content, so what it names never changes.
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	f.serve(w, r)
}

// problem answers with an error, in the form that all of the gateway's have (RFC 9457).
func problem(w http.ResponseWriter, status int, detail string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"type":"about:blank","title":%q,"status":%d,"detail":%q}`, http.StatusText(status), status, detail)
}

// A host as it may stand in a policy: nothing in it can end the directive.
var host = regexp.MustCompile(`^[A-Za-z0-9.\-]+(:[0-9]{1,5})?$|^\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?$`)

// policy is the content security policy of the dashboard. The page's own WebSocket is named beside 'self', because some
// browsers take 'self' for http and https only.
func (p *pages) policy(requested string) string {
	connect := "'self'"
	if host.MatchString(requested) {
		connect += " ws://" + requested + " wss://" + requested
	}
	return "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src " + connect + p.authority +
		"; base-uri 'none'; form-action 'none'; frame-ancestors " + p.ancestors + "; require-trusted-types-for 'script'"
}

// An origin as the policy's grammar takes it. Whatever else was configured is left out rather than let through.
var origin = regexp.MustCompile(`^https?://([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

func ancestors(origins []string) string {
	var allowed []string
	for _, o := range origins {
		if o == "*" {
			return "*"
		}
		if origin.MatchString(o) {
			allowed = append(allowed, o)
		}
	}
	if len(allowed) == 0 {
		return "'none'"
	}
	return "'self' " + strings.Join(allowed, " ")
}

func authority(o string) string {
	if !origin.MatchString(o) {
		return ""
	}
	return " " + o
}
