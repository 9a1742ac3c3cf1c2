package gateway_test

import (
	"strings"
	"testing"

	"github.com/presence-gateway/presence-gateway/gateway"
)

// The descriptions are served to everyone, beside whatever pages there are.
func TestDescriptionsAreServed(t *testing.T) {
	w := newWorld(t, 1, gateway.Options{})
	for path, begins := range map[string]string{"/asyncapi.yaml": "asyncapi: 3.", "/openapi.yaml": "openapi: 3.1."} {
		if a := w.call("GET", path, "", "Origin", "https://elsewhere.example"); a.status != 200 || !strings.HasPrefix(a.body, begins) {
			t.Errorf("%s: %d %.40s", path, a.status, a.body)
		}
	}
}
