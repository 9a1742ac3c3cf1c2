package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Admin answers the operator: metrics, health, and why a badge is what it is. It belongs on a listener of its own,
// for it asks nobody who they are.
func (s *Server) Admin() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.options.Metrics, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", alive)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /debug/users/{id}", s.explain)
	for _, path := range []string{"/metrics", "/livez", "/healthz", "/readyz", "/debug/users/{id}"} {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, &problem{Status: http.StatusMethodNotAllowed, Detail: r.URL.Path + " answers GET and HEAD"})
		})
	}
	mux.HandleFunc("/", notFound)
	return mux
}

func alive(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") }

// ready answers 200 once the server listens, until it drains. An outage of Graph is a line in the body: taking
// gateways out of service would not mend it.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	var lines []string
	red := false
	line := func(bad bool, text string) {
		red = red || bad
		lines = append(lines, text)
	}
	if s.draining.Load() {
		line(true, "draining")
	}
	if s.listening.Load() == 0 && !s.options.Unserved {
		line(true, "not listening")
	}
	if !closed(s.loaded) {
		line(true, "starting: who is watched is not known yet")
	}
	if s.options.Ready != nil {
		ok, text := s.options.Ready()
		line(!ok, text)
	}
	if status := s.hub.Status(); status.Live() {
		line(false, "live")
	} else {
		line(false, "degraded: "+string(status.Reason)+" since "+status.Since.UTC().Format(presence.TimeFormat))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if red {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_, _ = fmt.Fprintln(w, strings.Join(lines, "\n"))
}

// explain answers why a user's badge is what it is, never what it is.
func (s *Server) explain(w http.ResponseWriter, r *http.Request) {
	id, err := presence.ParseID(r.PathValue("id"))
	if err != nil {
		writeProblem(w, &problem{Status: http.StatusBadRequest, Detail: "the path ends in no user id: want a GUID"})
		return
	}
	item := s.hub.Get(nil, id)[0]
	answer := map[string]any{
		"id":          id,
		"watched":     s.hub.Directory().Watched(id),
		"subscribers": s.hub.Watchers(id),
		"state":       "held",
	}
	switch {
	case item.Pending():
		answer["state"] = "pending"
	case item.Gone():
		answer["state"] = "gone"
	}
	if !item.Pending() {
		answer["version"] = item.Version
		answer["observedAt"] = item.ObservedAt.UTC().Format(presence.TimeFormat)
	}
	if s.options.Explain != nil {
		answer["poller"] = s.options.Explain(id)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}
