// Package describe holds the gateway's machine-readable descriptions: AsyncAPI 3 of the WebSocket, OpenAPI 3.1 of
// everything over HTTP. Tests hold every message and answer that they see against them, see package describetest.
package describe

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"time"
)

// AsyncAPI is the description of the stream.
//
//go:embed asyncapi.yaml
var AsyncAPI []byte

// OpenAPI is the description of what is asked over HTTP.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Handler answers GET and HEAD of /asyncapi.yaml and /openapi.yaml, readable from every origin, and leaves everything
// else to next.
func Handler(next http.Handler) http.Handler {
	files := map[string][]byte{"/asyncapi.yaml": AsyncAPI, "/openapi.yaml": OpenAPI}
	tags := map[string]string{}
	for path, content := range files {
		sum := sha256.Sum256(content)
		tags[path] = `"` + hex.EncodeToString(sum[:12]) + `"`
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content, ours := files[r.URL.Path]
		if !ours || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			next.ServeHTTP(w, r)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/yaml") // RFC 9512
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cache-Control", "no-cache")
		h.Set("ETag", tags[r.URL.Path])
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}
