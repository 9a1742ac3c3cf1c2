package sdk_test

import (
	"slices"
	"testing"
	"time"

	msgraphsdk "github.com/microsoftgraph/msgraph-sdk-go"
)

// BenchmarkSDK reports what the same calls of the SDK take against the gateway and against the tenant itself, over TLS, one
// after the other. Most of it is the SDK's own work.
func BenchmarkSDK(b *testing.B) {
	h := newHouse(b)
	h.ask("PUT", h.graph+"/sim/faults", `{"limit":{"requests":10000000}}`, nil)
	for _, to := range []struct {
		name   string
		client *msgraphsdk.GraphServiceClient
	}{
		{"gateway", client(b, h.gateway+"/graph/v1.0", apiKey)},
		{"tenant", client(b, h.graph+"/v1.0", h.graphToken())},
	} {
		measured(b, to.name+" one user", func() error {
			_, err := to.client.Users().ByUserId(h.ids[7]).Presence().Get(b.Context(), nil)
			return err
		})
		measured(b, to.name+" 650 users", func() error {
			_, err := list(b, to.client, h.ids[:650]...)
			return err
		})
	}
}

func measured(b *testing.B, name string, call func() error) {
	b.Run(name, func(b *testing.B) {
		var took []time.Duration
		for b.Loop() {
			start := time.Now()
			if err := call(); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	})
}
