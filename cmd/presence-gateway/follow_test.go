package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/presence-gateway/presence-gateway/gateway/wire"
)

// hash is what an API keys file holds of a key.
func hash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// The running gateway follows its file: who sees whom within 10 s, also through a symbolic link; all else is said to need
// a restart, by key. A broken file changes nothing, and is reported. A key that is removed ends its connections.
func TestFollowsItsFiles(t *testing.T) {
	tn := startTenant(t, "--users", "20", "--seed", "5")
	people := tn.people()
	dir := t.TempDir()
	keys, log := filepath.Join(dir, "keys.yaml"), filepath.Join(dir, "audit.log")
	write(t, keys, "- {name: wall, sha256: "+hash("secret of the wall")+"}\n- {name: boss, sha256: "+hash("secret of the boss")+"}\n")
	rule := func(allow string) string { return "{who: {keys: [wall]}, allow: " + allow + "}" }
	gatewayPart := func(policy, more string) string {
		return fmt.Sprintf("gateway: {auth: {api_keys_file: %s, operator_role: boss}, audit_file: %s, policy: [%s], heartbeat: 1s, drain: 2s, drain_delay: 100ms%s}\n", keys, log, policy, more)
	}
	before := gatewayPart(rule(`"*"`), "")
	g := startGateway(t, tn, t.TempDir(), before, "PRESENCE_GATEWAY_AUTH_ANONYMOUS=false")
	change := func(to string) {
		t.Helper()
		text, err := os.ReadFile(g.config)
		if err != nil {
			t.Fatal(err)
		}
		whole, _, _ := strings.Cut(string(text), "gateway:")
		next := filepath.Join(t.TempDir(), "config.yaml")
		write(t, next, whole+to)
		link := g.config + ".next" // as a mounted configuration is exchanged
		if err := os.Symlink(next, link); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(link, g.config); err != nil {
			t.Fatal(err)
		}
	}
	as := func(key string) *client {
		t.Helper()
		ws, _, err := websocket.Dial(t.Context(), "ws://"+g.address+"/v1/stream", &websocket.DialOptions{Subprotocols: []string{wire.Protocol},
			HTTPHeader: http.Header{"Authorization": {"Bearer " + key}}})
		if err != nil {
			t.Fatal(err)
		}
		ws.SetReadLimit(wire.MaxFrame)
		t.Cleanup(func() { ws.CloseNow() })
		return &client{t: t, ws: ws}
	}
	wall := as("secret of the wall")
	wall.send(map[string]any{"type": "subscribe", "id": 1, "users": []string{people[0].ID, people[1].ID}})
	if m, err := wall.until(5*time.Second, func(m wire.Message) bool { return m.Type == wire.Snapshot }); err != nil || len(m.Denied) != 0 {
		t.Fatalf("%+v %v", m, err)
	}
	stats := func() int {
		r, _ := http.NewRequest("GET", "http://"+g.address+"/v1/stats", nil)
		r.Header.Set("Authorization", "Bearer secret of the boss")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if status := stats(); status != http.StatusOK {
		t.Errorf("the operator's figures: %d", status)
	}

	change("gateway: {policy: [{who: {keys: wall}}]}\n")
	g.awaitLine("what it said before stays in force", 10*time.Second)
	change(gatewayPart(rule("{users: ["+people[0].ID+"]}"), ", flush: 1s"))
	if m, err := wall.until(10*time.Second, func(m wire.Message) bool { return m.Type == wire.Gone }); err != nil || len(m.Users) != 1 || m.Users[0].String() != people[1].ID {
		t.Fatalf("narrowed: %+v %v", m, err)
	}
	if line := g.awaitLine("needs a restart", 10*time.Second); !strings.Contains(line, "gateway.flush") || strings.Contains(line, "policy") {
		t.Errorf("said %s", line)
	}
	change(strings.Replace(gatewayPart(rule("{users: ["+people[0].ID+"]}"), ", flush: 1s"), "operator_role: boss", "operator_role: nobody", 1))
	eventually(t, 10*time.Second, "the operator is none any longer", func() bool { return stats() == http.StatusForbidden })
	change(gatewayPart("", ", flush: 1s"))
	if _, err := wall.until(10*time.Second, func(wire.Message) bool { return false }); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("no rule left: %v", err)
	}

	wall = as("secret of the wall")
	write(t, keys, "- {name: boss, sha256: "+hash("secret of the boss")+"}\n")
	if _, err := wall.until(10*time.Second, func(wire.Message) bool { return false }); websocket.CloseStatus(err) != 4401 {
		t.Errorf("a removed key: %v", err)
	}
	text, err := os.ReadFile(log)
	if err != nil || !strings.Contains(string(text), `"event":"watch","subject":"key:wall"`) || strings.Contains(string(text)+g.said(), "secret of") {
		t.Errorf("audit log: %s %v", text, err)
	}
}
