package main_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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

// cloud is a `simulate` process over TLS, with its sign-in.
type cloud struct {
	*process
	graph, authority, tenantID, caFile string
	client                             *http.Client
}

func startCloud(t testing.TB, arguments ...string) *cloud {
	t.Helper()
	c := &cloud{caFile: filepath.Join(t.TempDir(), "ca.pem")}
	c.process = start(t, nil, append([]string{"simulate", "--listen", "127.0.0.1:0", "--tls", "--ca-file", c.caFile,
		"--client-id", "app", "--client-secret", "s3cret", "--users", "20"}, arguments...)...)
	after := func(line, word string) string {
		_, rest, _ := strings.Cut(line, word)
		return strings.TrimRight(strings.Fields(rest)[0], ",")
	}
	signIn := c.awaitLine("Sign-in on", 20*time.Second)
	c.graph = after(c.awaitLine("Simulated tenant", time.Second), " on ")
	c.authority, c.tenantID = after(signIn, "Sign-in on "), after(signIn, "tenant_id ")
	pem, err := os.ReadFile(c.caFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	c.client = &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
	return c
}

// steer calls the simulation's switches.
func (c *cloud) steer(method, path, body string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.graph+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode >= 300 {
		c.t.Fatalf("%s %s: %s", method, path, response.Status)
	}
}

func (c *cloud) get(path string, into any) {
	c.t.Helper()
	response, err := c.client.Get(c.graph + path)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		c.t.Fatal(err)
	}
}

// configuration watches the simulation's groups with a client secret, whose file is in the folder that is returned.
func (c *cloud) configuration(t testing.TB, users []string, extra string) (folder, path, address string) {
	t.Helper()
	folder, address = t.TempDir(), freePort(t)
	path = filepath.Join(folder, "config.yaml")
	write(t, filepath.Join(folder, "secret"), "s3cret\n")
	write(t, path, fmt.Sprintf(`listen: %s
admin_listen: ""
state_dir: %s
graph:
  base_url: %q
  interval: 500ms
  credential: {tenant_id: %s, client_id: app, client_secret_file: %s, authority: %q, ca_file: %s}
watch: {users: [%s]}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}], drain: 1s, drain_delay: 0}
%s`, address, filepath.Join(folder, "state"), c.graph, c.tenantID, filepath.Join(folder, "secret"), c.authority, c.caFile, strings.Join(users, ", "), extra))
	return folder, path, address
}

// people returns the ids of the simulation's people.
func (c *cloud) people() (ids []string) {
	c.t.Helper()
	var answer struct{ Value []person }
	c.get("/sim/users?top=1000", &answer)
	for _, p := range answer.Value {
		ids = append(ids, p.ID)
	}
	return ids
}

// A whole sign-in with a client secret over TLS, a login on an address of its own, and a token that Graph revokes
// meanwhile: clients see presences, and nothing of the rest.
func TestSignInWithSecret(t *testing.T) {
	c := startCloud(t, "--login-listen", "127.0.0.1:0")
	if c.graph == c.authority {
		t.Fatalf("Graph and sign-in are both on %s", c.graph)
	}
	users := c.people()
	folder, path, address := c.configuration(t, users, "")
	g := start(t, nil, "serve", "--config", path)
	eventually(t, 15*time.Second, "readiness", func() bool {
		status, _ := request(t, "GET", "http://"+address+"/v1/presences/"+users[0], "")
		return status == http.StatusOK
	})
	client := dial(t, address)
	client.send(map[string]any{"type": "subscribe", "id": 1, "users": users})
	change := func(want string) {
		t.Helper()
		c.steer("PUT", "/sim/users/"+users[3]+"/presence", fmt.Sprintf(`{"availability":%q}`, want))
		if _, err := client.until(10*time.Second, func(m wire.Message) bool {
			if m.Type == wire.Status && m.State != "live" {
				t.Errorf("told %s %s", m.State, m.Reason)
			}
			return availability(m, users[3]) == want
		}); err != nil {
			t.Fatalf("%s did not arrive: %v (%d)", want, err, websocket.CloseStatus(err))
		}
	}
	change("DoNotDisturb")
	var before, after struct{ Issued, WithClaims, Challenged int }
	c.get("/sim/login", &before)
	c.steer("POST", "/sim/login/revoke", "")
	change("Away")
	change("Busy")
	c.get("/sim/login", &after)
	if before.Issued != 1 || after.Issued != 2 || after.WithClaims != 1 || after.Challenged == 0 {
		t.Errorf("before the challenge %+v, after it %+v", before, after)
	}
	// A new secret's file is tried while the token still lasts, so that a bad one is known in time.
	write(t, filepath.Join(folder, "secret"), "an0ther")
	g.awaitLine("AADSTS7000215", 10*time.Second)
	change("Away")
	write(t, filepath.Join(folder, "secret"), "s3cret")
	eventually(t, 15*time.Second, "a sign-in with the mended file", func() bool {
		c.get("/sim/login", &after)
		return after.Issued > 2
	})
	change("DoNotDisturb")
	if strings.Contains(g.said(), "s3cret") || strings.Contains(g.said(), "an0ther") || strings.Contains(g.said(), "eyJ") {
		t.Error("the log holds a secret or a token")
	}
}
