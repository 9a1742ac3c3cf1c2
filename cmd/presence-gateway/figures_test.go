package main_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// operatorFigures is what the test looks at of GET /v1/stats.
type operatorFigures struct {
	Status struct{ State string }
	Budget *struct{ Used, Limit, WindowSeconds, Reserve float64 }
	Hub    struct {
		Kind      string
		Connected bool
	}
	Reading struct {
		From                                                                                string
		AgeSeconds, WatchedUsers, SweepSeconds, CredentialExpiresSeconds, RequestsPerSecond *float64
		Leader                                                                              bool
		Requests                                                                            map[string]float64
		Sweep                                                                               *struct{ StartedAt, EndsAt time.Time }
	}
}

func (g *gatewayProcess) stats(t testing.TB) (f operatorFigures) {
	t.Helper()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://"+g.address+"/v1/stats", nil)
	r.Header.Set("Authorization", "Bearer secret of the operator")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(&f); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", response.Status, err)
	}
	return f
}

// Whichever process a load balancer leads an operator to, the figures are those of the one that reads.
func TestEveryProcessTellsHowTheReadingGoes(t *testing.T) {
	tn := startTenant(t, "--users", "40", "--changes-per-second", "4", "--seed", "7")
	store := redistest.Standalone(t, redistest.Options{})
	keys := filepath.Join(t.TempDir(), "keys")
	write(t, keys, fmt.Sprintf("- {name: operator, sha256: %x}\n", sha256.Sum256([]byte("secret of the operator"))))
	join := func(role string) *gatewayProcess {
		g := launchMember(t, tn, role, "interval: 1s", fmt.Sprintf("addrs: [%q]", store.Addr),
			"PRESENCE_GATEWAY_AUTH_API_KEYS_FILE="+keys, "PRESENCE_GATEWAY_AUTH_OPERATOR_ROLE=operator")
		g.ready(t)
		return g
	}
	reads := func(g *gatewayProcess, from string) {
		t.Helper()
		f := g.stats(t)
		eventually(t, 20*time.Second, "figures from "+from, func() bool {
			f = g.stats(t)
			// One that has just joined is connected once each shard was shown to be current.
			return f.Reading.From == from && f.Reading.RequestsPerSecond != nil && f.Reading.Sweep != nil && f.Hub.Connected
		})
		now := time.Now()
		if b, r := f.Budget, f.Reading; b == nil || b.Used == 0 || b.Limit != 1500 || b.WindowSeconds != 30 || b.Reserve != 150 || *r.WatchedUsers != 40 || *r.SweepSeconds != 1 ||
			*r.RequestsPerSecond <= 0 || r.Requests["200"] == 0 || r.Leader != (from == "this process") || *r.AgeSeconds > 5 || f.Status.State != "live" ||
			r.Sweep.StartedAt.After(now) || now.Sub(r.Sweep.EndsAt).Abs() > 10*time.Second || f.Hub.Kind != "redis" {
			t.Errorf("from %s: %+v %+v", from, f, f.Budget)
		}
	}
	leader := join("all")
	reads(leader, "this process")
	second, gateway := join("all"), join("gateway")
	reads(second, "another process")
	reads(gateway, "another process")
	leader.signal(syscall.SIGKILL)
	reads(second, "this process")
	reads(gateway, "another process")
}
