package gateway_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
)

// BenchmarkFacade reports what a read costs the server, without the network: reads a second that one core answers, and how
// long the slowest of a hundred takes. In e2e/sdk are the same reads by Graph's own SDK, over TLS.
func BenchmarkFacade(b *testing.B) {
	const users = 5000
	w := newWorld(b, users, gateway.Options{})
	w.setAll("Busy", upTo(users)...)
	handler := w.server.Handler()
	for name, request := range map[string]func() *http.Request{
		"one user": func() *http.Request {
			return httptest.NewRequest("GET", "/graph/v1.0/users/"+user(7).String()+"/presence", nil)
		},
		"650 users": func() *http.Request {
			r := httptest.NewRequest("POST", "/graph/v1.0/communications/getPresencesByUserId", strings.NewReader(`{"ids":`+ids(upTo(650)...)+`}`))
			r.Header.Set("Content-Type", "application/json")
			return r
		},
	} {
		b.Run(name, func(b *testing.B) {
			took := make([]time.Duration, 0, 1<<20)
			before := processorTime()
			for b.Loop() {
				r := request()
				r.Host = "127.0.0.1"
				start := time.Now()
				answer := httptest.NewRecorder()
				handler.ServeHTTP(answer, r)
				took = append(took, time.Since(start))
				if answer.Code != http.StatusOK {
					b.Fatal(fmt.Sprint(answer.Code, answer.Body))
				}
			}
			spent := processorTime() - before
			slices.Sort(took)
			b.ReportMetric(float64(len(took))/spent.Seconds(), "reads/s/core")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
	}
}
