package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const gatewayID = "22222222-3333-4444-8555-666666666666" // the gateway's registration

// mint returns a token of the simulated sign-in.
func (c *cloud) mint(body string) string {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), "POST", c.graph+"/sim/login/token", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	response, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct{ Token string }
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Token == "" {
		c.t.Fatalf("%s: %s, %v", body, response.Status, err)
	}
	return answer.Token
}

func asKey(name, key string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("- {name: %s, sha256: %s}\n", name, hex.EncodeToString(sum[:]))
}

// guarded is a configuration that lets in people and applications of the simulation, and holders of API keys.
func guarded(t *testing.T, c *cloud, users []string) (path, keys, address string) {
	folder, path, address := c.configuration(t, users, "")
	keys = filepath.Join(folder, "keys.yaml")
	write(t, keys, asKey("wall", "key-one-canary"))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(text), `gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}]`, fmt.Sprintf(
		`gateway: {auth: {api_keys_file: %s, jwt: {issuer: "%s/%s/v2.0", audience: %s, required_scope: Presence.Subscribe, required_role: All}}, policy: [{who: {everyone: true}, allow: "*"}]`,
		keys, c.authority, c.tenantID, gatewayID), 1))
	return path, keys, address
}

// People with a token, applications with a role and services with a key come in, nobody else does; what the sign-in service
// and the file say changes meanwhile.
func TestCallersSignIn(t *testing.T) {
	c := startCloud(t, "--api-id", gatewayID)
	users := c.people()
	path, keys, address := guarded(t, c, users)
	if code, said := checked(t, path); code != 0 || !strings.Contains(said, "ok api keys "+keys+": 1, of 1 callers") || !strings.Contains(said, "ok issuer keys 1 for RS256 at https://127.0.0.1") {
		t.Errorf("check ended with %d and said %s", code, said)
	}
	g := start(t, nil, "serve", "--config", path)
	ask := func(token string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+"/v1/presences/"+users[0], nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0
		}
		response.Body.Close()
		return response.StatusCode
	}
	anna := fmt.Sprintf(`{"user":%q}`, users[1])
	token := c.mint(anna)
	eventually(t, 15*time.Second, "the person to see a presence", func() bool { return ask(token) == http.StatusOK })
	for name, row := range map[string]struct {
		token string
		want  int
	}{
		"nothing": {"", 401}, "a guess": {"guess", 401}, "the key": {"key-one-canary", 200}, "its hash": {strings.TrimSuffix(asKey("", "key-one-canary")[19:], "}\n"), 401}, "an application": {c.mint(`{"roles":["All"]}`), 200},
		"an application without the role": {c.mint(`{}`), 401}, "another scope": {c.mint(fmt.Sprintf(`{"user":%q,"scopes":["Other"]}`, users[1])), 401},
		"made for Graph": {c.mint(fmt.Sprintf(`{"user":%q,"audience":"https://graph.microsoft.com"}`, users[1])), 401},
		"expired":        {c.mint(fmt.Sprintf(`{"user":%q,"expiresInSeconds":-100}`, users[1])), 401}, "another tenant": {c.mint(fmt.Sprintf(`{"user":%q,"claims":{"tid":%q}}`, users[1], gatewayID)), 401},
		"altered": {token[:len(token)-4] + "AAAA", 401},
	} {
		if status := ask(row.token); status != row.want {
			t.Errorf("%s: %d, want %d", name, status, row.want)
		}
	}
	// The sign-in service signs with another key at once, and then cannot be reached.
	c.steer("POST", "/sim/login/keys/roll", `{"withdraw":true}`)
	if status := ask(c.mint(anna)); status != 200 {
		t.Errorf("with the new key: %d", status)
	}
	c.steer("PUT", "/sim/login/keys", `{"status":503}`)
	for _, forged := range []string{`{"header":{"kid":"one"}}`, `{"header":{"kid":"two"}}`} {
		if status := ask(c.mint(strings.Replace(forged, "{", `{"roles":["All"],`, 1))); status != 401 {
			t.Errorf("forged: %d", status)
		}
	}
	if status := ask(c.mint(anna)); status != 200 {
		t.Errorf("while the sign-in service is away: %d", status)
	}
	var counted struct{ Keys int }
	c.get("/sim/login", &counted)
	if counted.Keys > 4 {
		t.Errorf("the keys were fetched %d times: once by check, at the start, and for the new key", counted.Keys)
	}
	// Keys: a second one, then the first withdrawn, then a broken file.
	write(t, keys, asKey("wall", "key-one-canary")+asKey("wall", "key-two-canary"))
	eventually(t, 10*time.Second, "the second key", func() bool { return ask("key-two-canary") == 200 })
	write(t, keys, asKey("wall", "key-two-canary"))
	eventually(t, 10*time.Second, "the first key's end", func() bool { return ask("key-one-canary") == 401 })
	write(t, keys, asKey("wall", "key-two-canary")+"- {name: desk, sha256: 12}\n")
	g.awaitLine(keys+":2: sha256: want 64 hexadecimal digits", 10*time.Second)
	if status := ask("key-two-canary"); status != 200 {
		t.Errorf("with a broken file: %d", status)
	}
	for _, secret := range []string{"eyJ", "canary"} {
		if strings.Contains(g.said(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
	// As it stands now nothing starts, and check says why.
	if code, said := checked(t, path); code != 2 || !strings.Contains(said, keys+":2: sha256") {
		t.Errorf("check of a broken file ended with %d and said %s", code, said)
	}
	second := start(t, nil, "serve", "--config", path)
	if code := second.exit(10 * time.Second); code != 2 || !strings.Contains(second.said(), keys+":2: sha256") {
		t.Errorf("a second one ended with %d: %s", code, second.said())
	}
	write(t, keys, "[]")
	code, said := checked(t, path)
	for _, want := range []string{"warn api keys " + keys + " holds no key", "FAIL issuer keys they cannot be fetched: https://127.0.0.1", "it answered 503"} {
		if code != 1 || !strings.Contains(said, want) {
			t.Errorf("check ended with %d and did not say %s: %s", code, want, said)
		}
	}
}
