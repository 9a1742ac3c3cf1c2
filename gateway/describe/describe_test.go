package describe_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway/describe"
)

func TestHandler(t *testing.T) {
	h := describe.Handler(http.NotFoundHandler())
	ask := func(method, path, match string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, nil)
		r.Header.Set("If-None-Match", match)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for path, want := range map[string][]byte{"/asyncapi.yaml": describe.AsyncAPI, "/openapi.yaml": describe.OpenAPI} {
		a := ask("GET", path, "")
		if a.Code != 200 || !bytes.Equal(a.Body.Bytes(), want) || a.Header().Get("Content-Type") != "application/yaml" ||
			a.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, a.Code, a.Header())
		}
		if a := ask("GET", path, a.Header().Get("ETag")); a.Code != 304 {
			t.Errorf("%s again: %d", path, a.Code)
		}
		if a := ask("HEAD", path, ""); a.Code != 200 || a.Body.Len() != 0 {
			t.Errorf("HEAD %s: %d", path, a.Code)
		}
	}
	for _, other := range [][2]string{{"GET", "/"}, {"POST", "/openapi.yaml"}, {"GET", "/openapi.yaml/"}} {
		if a := ask(other[0], other[1], ""); a.Code != 404 {
			t.Errorf("%v: %d", other, a.Code)
		}
	}
}
