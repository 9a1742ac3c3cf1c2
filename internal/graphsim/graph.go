package graphsim

import (
	"errors"
	"net/http"
	"strings"
)

// serveGraph answers everything under /v1.0.
func (t *Tenant) serveGraph(w http.ResponseWriter, r *http.Request) {
	c, err := t.newCall(r)
	var a *answer
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		a = c.unread(http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "The request is too large.")
	case errors.Is(err, errEncoding):
		a = c.unread(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "The content encoding is not supported.")
	case err != nil:
		a = c.unread(http.StatusBadRequest, "BadRequest", "The request's body could not be read.")
	case r.Method == http.MethodPost && len(c.path) == 1 && c.path[0] == "$batch":
		a = c.multi()
	default:
		a = c.perform(wholeRequest)
	}
	t.send(w, c, a)
}

// unread answers a request whose body is of no use; a presence read it was all
// the same.
func (c *call) unread(status int, code, message string) *answer {
	if _, k, known := route(c.method, c.path); known && k.presence() {
		c.t.meter.arrive(k, 1, c.t.limit(nil, nil))
	}
	return c.fail(status, code, message)
}

// routes sends a path to Graph, to the switches, or to the login service, whose
// paths begin with any tenant's name.
func (t *Tenant) routes() http.Handler {
	login := http.NewServeMux()
	login.HandleFunc("POST /{tenant}/oauth2/v2.0/token", t.serveToken)
	login.HandleFunc("GET /{tenant}/v2.0/.well-known/openid-configuration", t.serveOpenID)
	login.HandleFunc("GET /{tenant}/discovery/v2.0/keys", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]any{"keys": []any{}})
	})
	controls := http.NewCrossOriginProtection().Handler(t.controls())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch first, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/"); first {
		case "v1.0":
			t.serveGraph(w, r)
		case "sim":
			controls.ServeHTTP(w, r)
		default:
			login.ServeHTTP(w, r)
		}
	})
}
