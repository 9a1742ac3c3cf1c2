package main_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Graph and the login come back with certificates of other authorities, and later ca_file names these: the gateway goes
// on without a restart, with its reads and with its sign-in.
func TestAuthoritiesAreReplaced(t *testing.T) {
	dir, graphAt, loginAt := t.TempDir(), freePort(t), freePort(t)
	simulated := func(name, listen string, more ...string) *process {
		p := start(t, nil, append([]string{"simulate", "--listen", listen, "--users", "20", "--tls", "--ca-file", filepath.Join(dir, name)}, more...)...)
		p.awaitLine("https://", 20*time.Second)
		return p
	}
	app := []string{"--client-id", "app", "--client-secret", "s3cret"}
	graph, login := simulated("graph", graphAt), simulated("login", loginAt, app...)
	trusted := filepath.Join(dir, "trusted")
	publish := func(names ...string) {
		var text []byte
		for _, name := range names {
			content, err := os.ReadFile(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			text = append(text, content...)
		}
		write(t, trusted, string(text))
	}
	publish("graph", "login")
	users := startTenant(t, "--users", "20").people() // the same people
	secret, address := filepath.Join(dir, "secret"), freePort(t)
	write(t, secret, "s3cret\n")
	config := filepath.Join(dir, "config.yaml")
	write(t, config, fmt.Sprintf(`listen: %s
admin_listen: ""
state_dir: %s
graph:
  base_url: "https://%s"
  interval: 500ms
  credential: {tenant_id: 11111111-2222-4333-8444-555555555555, client_id: app, client_secret_file: %s, authority: "https://%s", ca_file: %s}
watch: {users: [%s]}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}], drain: 1s, drain_delay: 0}
`, address, filepath.Join(dir, "state"), graphAt, secret, loginAt, trusted, users[3].ID))
	g := start(t, nil, "serve", "--config", config)
	g.awaitLine("reads succeed", 15*time.Second)
	for _, p := range []*process{graph, login} {
		p.signal(syscall.SIGKILL)
		<-p.ended
	}
	simulated("graph2", graphAt)
	simulated("login2", loginAt, app...)
	g.awaitLine("read presences: tls: failed to verify certificate", 20*time.Second)
	write(t, secret, "s3cret") // another content, so that a sign-in is tried
	g.awaitLine(`"reason":"untrusted"`, 10*time.Second)
	publish("graph", "login", "graph2", "login2")
	g.awaitLine("certificate authorities read again", 5*time.Second)
	eventually(t, 10*time.Second, "a sign-in at the new login", func() bool { return strings.Count(g.said(), "signed in") == 2 })
	eventually(t, 10*time.Second, "a read of the new Graph", func() bool {
		status, _ := request(t, "GET", "http://"+address+"/v1/presences/"+users[3].ID+"?maxAge=300ms", "")
		return status == http.StatusOK
	})
}
