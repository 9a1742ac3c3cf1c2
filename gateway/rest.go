package gateway

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// endpoint answers a request, or returns why not: a [problem], a [wire.Error], or a fault of ours.
type endpoint func(w http.ResponseWriter, r *http.Request) error

// Handler answers everything but the operator's endpoints. It works behind any listener; [Server.Serve] brings one
// that suits it.
func (s *Server) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, done := receive(r)
		defer done()
		awaitBody(w, r)
		defer func() {
			if p := recover(); p != nil {
				s.logPanic(p)
				writeProblem(w, &problem{Status: http.StatusInternalServerError, Detail: "the server failed; it has been noted"})
			}
		}()
		switch {
		case below(r.URL.Path, "/v1"):
			if err := s.api(w, r); err != nil {
				s.fail(w, err)
			}
		case below(r.URL.Path, "/graph"):
			if err := s.graph(w, r); err != nil {
				s.fail(w, err)
			}
		default:
			s.options.Pages.ServeHTTP(w, r)
		}
	})
}

func below(path, root string) bool {
	rest, found := strings.CutPrefix(path, root)
	return found && (rest == "" || rest[0] == '/')
}

// fail writes an error.
func (s *Server) fail(w http.ResponseWriter, err error) {
	var known *problem
	var bad *wire.Error
	switch {
	case errors.As(err, &known):
	case errors.As(err, &bad):
		known = &problem{Status: http.StatusBadRequest, Detail: bad.Message}
	default:
		s.logPanic(err)
		known = &problem{Status: http.StatusInternalServerError, Detail: "the server failed; it has been noted"}
	}
	writeProblem(w, known)
}

// api answers under /v1.
func (s *Server) api(w http.ResponseWriter, r *http.Request) error {
	if !s.origins.allow(r) {
		return &problem{Status: http.StatusForbidden, Detail: "Origin: pages from there may not use this server; " +
			"see public_url and gateway.origins"}
	}
	methods := s.route(r.URL.Path)
	if methods == nil {
		return &problem{Status: http.StatusNotFound, Detail: "nothing is here"}
	}
	allowed := methods.list()
	s.permit(w, r, allowed)
	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	answer := methods[method]
	if answer == nil {
		w.Header().Set("Allow", allowed)
		return &problem{Status: http.StatusMethodNotAllowed, Detail: r.URL.Path + " answers " + allowed}
	}
	if r.URL.Path != "/v1/settings" && !s.awaitLoaded(r.Context()) {
		return &problem{Status: http.StatusServiceUnavailable, Detail: "starting: who is watched is not known yet", RetryAfter: 1}
	}
	return answer(w, r)
}

// permit tells a browser that a page of an allowed origin may read the answer.
func (s *Server) permit(w http.ResponseWriter, r *http.Request, allowed string) {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return
	}
	h.Set("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Expose-Headers", "ETag, Age, Retry-After, request-id, client-request-id")
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", allowed)
		h.Set("Access-Control-Allow-Headers", allowedHeaders)
		h.Set("Access-Control-Max-Age", "600")
	}
}

// allowedHeaders is what pages may send: what the API reads, and what Graph's SDKs and event readers add.
const allowedHeaders = "Authorization, Cache-Control, client-request-id, ConsistencyLevel, Content-Type, FeatureFlag, If-None-Match, " +
	"Last-Event-ID, Prefer, SdkVersion"

// methods is what a path answers.
type methods map[string]endpoint

func (m methods) list() string {
	list := []string{http.MethodOptions}
	for method := range m {
		list = append(list, method)
		if method == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

func (s *Server) route(path string) methods {
	switch path {
	case "/v1/stream":
		return methods{http.MethodGet: s.stream}
	case "/v1/presences":
		return methods{http.MethodGet: s.listPresences}
	case "/v1/events":
		return methods{http.MethodGet: s.events, http.MethodPost: s.events}
	case "/v1/presences/query":
		return methods{http.MethodPost: s.queryPresences}
	case "/v1/directory":
		return methods{http.MethodGet: s.listDirectory}
	case "/v1/settings":
		return methods{http.MethodGet: s.settings}
	case "/v1/stats":
		return methods{http.MethodGet: s.stats}
	case "/v1/tickets":
		return methods{http.MethodPost: s.ticket}
	}
	if id, found := strings.CutPrefix(path, "/v1/presences/"); found && id != "" && !strings.Contains(id, "/") {
		return methods{http.MethodGet: s.onePresence}
	}
	return nil
}
