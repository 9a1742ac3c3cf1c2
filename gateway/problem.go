package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// problem is an error over HTTP, as of RFC 9457.
type problem struct {
	Type       string `json:"type"`
	Title      string `json:"title"`
	Status     int    `json:"status"`
	Detail     string `json:"detail,omitempty"`
	RetryAfter int    `json:"-"` // seconds; 0: not said
}

// Error returns the detail.
func (p *problem) Error() string { return p.Detail }

func writeProblem(w http.ResponseWriter, p *problem) {
	p.Type, p.Title = "about:blank", http.StatusText(p.Status)
	body, _ := json.Marshal(p) // strings and numbers always can be
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(body)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	writeProblem(w, &problem{Status: http.StatusNotFound, Detail: "nothing is here"})
}
