// Package web serves what browsers load from a gateway: the dashboard at "/", the badge and its client at "/widget.js",
// and their hashed assets. The files are built from src into dist and committed, so that a Go build needs no Node.
//
// It promises that nothing it serves loads anything from elsewhere, or runs under anything but a strict content security
// policy. It does not serve data: the page reads people and presences from the gateway's own calls, which judge who may.
package web

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

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
// handler is safe for concurrent use; all files are kept in memory, plain and compressed.
func New(o Options) http.Handler {
	p := &pages{files: embedded().files, ancestors: ancestors(o.FrameAncestors), authority: authority(o.Authority)}
	switch p.ancestors {
	case "'none'":
		p.framing = "DENY"
	case "*":
	default: // there is no way to name others
		p.framing = "SAMEORIGIN"
	}
	return p
}

type pages struct {
	files     map[string]*file // by request path; "/" is "/index.html"
	ancestors string
	framing   string // the same for browsers that do not know frame-ancestors; empty: every page may frame
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
		if strings.HasPrefix(name, "/assets/widget-") { // so that a page that pinned another version is told that it is gone
			w.Header().Set("Access-Control-Allow-Origin", "*")
		}
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
	if f.public { // pages of every origin load it, with or without CORS
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	} else {
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
	}
	switch name {
	case "/index.html":
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Security-Policy", p.policy(r.Host))
		if p.framing != "" {
			h.Set("X-Frame-Options", p.framing)
		}
		h.Set("Cross-Origin-Opener-Policy", "same-origin") // people sign in by leaving and coming back, never in a window beside
		h.Set("Permissions-Policy", permissions)
	case widget:
		// Nobody holds a long copy of it: a fix arrives within minutes.
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

// permissions are what the dashboard uses of what a browser can do beyond showing it, a wall screen above all; nobody
// within it gets any of it, nor the rest.
const permissions = "camera=(), display-capture=(), fullscreen=(self), geolocation=(), microphone=(), payment=(), screen-wake-lock=(self), usb=()"

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
		"; base-uri 'none'; form-action 'none'; frame-ancestors " + p.ancestors + "; require-trusted-types-for 'script'; trusted-types 'none'"
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
