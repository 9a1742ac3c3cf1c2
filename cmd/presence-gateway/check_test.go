package main_test

import (
	"cmp"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// checked runs `check` and returns its exit code and what it said, without the breaks of lines.
func checked(t *testing.T, path string, env ...string) (code int, said string) {
	t.Helper()
	p := start(t, env, "check", "--config", path)
	code = p.exit(30 * time.Second)
	for line := range strings.Lines(p.said()) {
		word, _, _ := strings.Cut(line, " ") // a finding, or what follows one below it
		text := strings.TrimLeft(strings.TrimSpace(line), "> ")
		if (word == "" && strings.Contains(text, " ") || word == "ok" || word == "warn" || word == "FAIL") && utf8.RuneCountInString(line) > 81 {
			t.Errorf("wider than 80 columns: %s", line)
		}
	}
	return code, strings.Join(strings.Fields(p.said()), " ")
}

// Each trouble is told apart from the others, with what to do about it.
func TestCheck(t *testing.T) {
	c := startCloud(t)
	users := c.people()
	folder, path, _ := c.configuration(t, users, "")
	group := c.group()
	for _, row := range []struct {
		name, login string // what the application is, as in PUT /sim/login
		env         []string
		secret      string
		code        int
		want        []string
	}{
		{name: "all is well", want: []string{"ok configuration", "ok state_dir", "ok sign-in anonymous callers alone", "ok redis not configured", "ok graph https://127.0.0.1",
			"ok clock agrees", "ok credential client_secret: a token until ", "in 1h0m0s", "ok cloud global", "ok permission granted: Presence.Read.All", "ok read graph.read batch works: one presence"}},
		{name: "single reads", env: []string{"PRESENCE_GRAPH_READ=users"}, want: []string{"ok read graph.read users works"}},
		{name: "nobody watched", env: []string{"PRESENCE_WATCH_USERS=", "PRESENCE_WATCH_ON_DEMAND=true"}, want: []string{"ok read graph.read batch works: asked for someone who cannot be"}},
		{name: "a user that is none", env: []string{"PRESENCE_WATCH_USERS=0e6a1a5e-1111-4222-8333-444455556666"}, want: []string{"warn read", "Graph knows no user 0e6a1a5e"}},
		{name: "permission missing", login: `{"permissions":["User.Read.All"]}`, code: 1, want: []string{"ok credential", "FAIL permission the token holds no Presence.Read.All, only User.Read.All > let an administrator grant", "FAIL read read presences: 403 Forbidden"}},
		{name: "no permission at all", login: `{"permissions":[]}`, code: 1, want: []string{"FAIL permission the token holds no permission at all: nobody consented"}},
		{name: "no consent", login: `{"noConsent":true}`, code: 1, want: []string{"FAIL credential graph.credential.client_id app: nobody has agreed to the application in this tenant (AADSTS7000229) > let an administrator grant admin consent", "FAIL read not tried: there is no token"}},
		{name: "secret expired", login: `{"secretExpired":true}`, code: 1, want: []string{"the client secret has expired (AADSTS7000222) > make a new client secret"}},
		{name: "another secret", secret: "guess", code: 1, want: []string{"Entra does not know the client secret (AADSTS7000215)"}},
		{name: "disabled", login: `{"disabled":true}`, code: 1, want: []string{"the application is disabled (AADSTS7000112)"}},
		{name: "another tenant", env: []string{"PRESENCE_GRAPH_CREDENTIAL_TENANT_ID=fabrikam.onmicrosoft.com"}, code: 1, want: []string{"there is no such tenant in this cloud"}},
		{name: "Graph unreachable", env: []string{"PRESENCE_GRAPH_BASE_URL=https://127.0.0.1:1"}, code: 1, want: []string{"FAIL graph https://127.0.0.1:1 cannot be reached", "connection refused > see that this machine may reach it", "FAIL read read presences: dial tcp"}},
		{name: "login unreachable", env: []string{"PRESENCE_GRAPH_CREDENTIAL_AUTHORITY=https://127.0.0.1:1"}, code: 1, want: []string{"ok graph", "FAIL credential graph.credential.authority https://127.0.0.1:1: it cannot be reached"}},
		{name: "unknown authority", env: []string{"PRESENCE_GRAPH_CREDENTIAL_CA_FILE="}, code: 1, want: []string{"FAIL graph", "signed by an unknown authority > name that authority with graph.credential.ca_file"}},
		{name: "me as an application", env: []string{"PRESENCE_GRAPH_READ=me", "PRESENCE_WATCH_USERS=" + users[0]}, code: 1, want: []string{"FAIL permission graph.read me is the signed-in person's own presence", "FAIL read"}},
		{name: "state_dir not a folder", env: []string{"PRESENCE_STATE_DIR=" + filepath.Join(folder, "secret", "x")}, code: 1, want: []string{"FAIL state_dir", "cannot be written"}},
		{name: "http though tls is off", env: []string{"PRESENCE_PUBLIC_URL=https://presence.example.com"}, want: []string{"warn public_url its own origin is https://presence.example.com, but tls is off"}},
		{name: "groups", env: []string{"PRESENCE_WATCH_GROUPS=" + group}, want: []string{"ok groups " + group}},
		{name: "no such group", env: []string{"PRESENCE_WATCH_GROUPS=0e6a1a5e-1111-4222-8333-444455556666"}, code: 1, want: []string{"FAIL groups 0e6a1a5e-1111-4222-8333-444455556666: the tenant has no such group"}},
		{name: "groups not permitted", login: `{"permissions":["Presence.Read.All"]}`, env: []string{"PRESENCE_WATCH_GROUPS=" + group}, code: 1, want: []string{"FAIL groups", "grant GroupMember.Read.All", "ok read"}},
		{name: "wrong cloud's host", env: []string{"PRESENCE_GRAPH_BASE_URL=https://graph.microsoft.us"}, code: 2, want: []string{"FAIL configuration", "it is the Graph of cloud us-gov-l4, but graph.cloud is global"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			c.steer("PUT", "/sim/login", cmp.Or(row.login, "{}"))
			env := row.env
			if row.secret != "" {
				env = append(env, "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET="+row.secret)
			}
			code, said := checked(t, path, env...)
			for _, want := range row.want {
				if !strings.Contains(said, want) {
					t.Errorf("not said: %s", want)
				}
			}
			if code != row.code || strings.Contains(said, "s3cret") || strings.Contains(said, "eyJ") {
				t.Errorf("exit code %d, want %d; said %s", code, row.code, said)
			}
		})
	}
}

// A certificate that ends soon is a warning.
func TestCheckEnds(t *testing.T) {
	dir := t.TempDir()
	certificate, key := ownCertificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "registered.pem"), public(certificate))
	write(t, filepath.Join(dir, "app.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))+public(certificate))
	c := startCloud(t, "--client-certificate", filepath.Join(dir, "registered.pem"))
	_, path, _ := c.configuration(t, c.people(), "")
	code, said := checked(t, path, "PRESENCE_GRAPH_CREDENTIAL_KIND=client_certificate", "PRESENCE_GRAPH_CREDENTIAL_CERTIFICATE_FILE="+filepath.Join(dir, "app.pem"),
		"PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET_FILE=")
	if want := "warn certificate " + filepath.Join(dir, "app.pem") + " is good until "; code != 0 || !strings.Contains(said, want) || !strings.Contains(said, "0 days from now") {
		t.Errorf("exit code %d; said %s", code, said)
	}
}

// group is the id of a group of the simulation, asked for as anyone asks Graph.
func (c *cloud) group() string {
	c.t.Helper()
	signIn, err := c.client.PostForm(c.authority+"/"+c.tenantID+"/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"},
		"client_id": {"app"}, "client_secret": {"s3cret"}, "scope": {"https://graph.microsoft.com/.default"}})
	if err != nil {
		c.t.Fatal(err)
	}
	defer signIn.Body.Close()
	var token struct {
		Value string `json:"access_token"`
	}
	if err := json.NewDecoder(signIn.Body).Decode(&token); err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.t.Context(), "GET", c.graph+"/v1.0/groups?$top=1", nil)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token.Value)
	answer, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	var groups struct{ Value []person }
	if err := json.NewDecoder(answer.Body).Decode(&groups); err != nil || len(groups.Value) == 0 {
		c.t.Fatal(groups, err)
	}
	return groups.Value[0].ID
}

// A person signs in from the terminal.
func TestCheckWaitsForAPerson(t *testing.T) {
	t.Parallel()
	c := startCloud(t)
	users := c.people()
	_, path, _ := c.configuration(t, users, "")
	p := start(t, []string{"PRESENCE_GRAPH_CREDENTIAL_KIND=device_code", "PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET_FILE="}, "check", "--config", path)
	line := p.awaitLine("and enter the code", 10*time.Second)
	code := line[strings.LastIndexByte(line, ' ')+1:]
	c.steer("POST", "/sim/login/approve", fmt.Sprintf(`{"code":%q,"user":%q}`, code, users[0]))
	if exit := p.exit(30 * time.Second); exit != 0 || !strings.Contains(p.said(), "device_code: a token until") {
		t.Errorf("exit code %d, said %s", exit, p.said())
	}
}

// The read of a check counts: one more than the record leaves is not made, and none beside a process that reads.
func TestCheckKeepsTheBudget(t *testing.T) {
	tn := startTenant(t, "--users", "5")
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	admin := freePort(t)
	write(t, path, fmt.Sprintf(`listen: %s
admin_listen: %s
state_dir: %s
graph: {base_url: %q, credential: {kind: token_file}, budget: {requests: 2, window: 10m}}
watch: {users: [%s]}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}], drain: 1s, drain_delay: 0}
`, freePort(t), admin, filepath.Join(dir, "state"), tn.url, tn.people()[0].ID))
	token := "PRESENCE_GRAPH_CREDENTIAL_TOKEN=any"
	if code, said := checked(t, path, token); code != 0 {
		t.Fatalf("exit code %d, said %s", code, said)
	}
	if code, said := checked(t, path, token); code != 1 || !strings.Contains(said, "FAIL read not tried: the budget is spent, 1 of 2 requests in the last 10m") || tn.stats().Reads != 1 {
		t.Errorf("exit code %d after %d reads, said %s", code, tn.stats().Reads, said)
	}

	other := "PRESENCE_STATE_DIR=" + filepath.Join(dir, "other")
	start(t, []string{token, other, "PRESENCE_GRAPH_BUDGET_REQUESTS=1500", "PRESENCE_GRAPH_BUDGET_WINDOW=30s"}, "serve", "--config", path)
	eventually(t, 10*time.Second, "a read", func() bool {
		_, metrics := request(t, "GET", "http://"+admin+"/metrics", "")
		return strings.Contains(metrics, `code="200"`) && strings.Contains(metrics, `presence_degraded{reason="graph_unavailable"} 0`)
	})
	if code, said := checked(t, path, token, other); code != 0 || !strings.Contains(said, "ok read another process holds the record of spent reads and reads with this budget: its reads succeed") {
		t.Errorf("exit code %d, said %s", code, said)
	}
	if code, said := checked(t, path, token, other, "PRESENCE_ADMIN_LISTEN="); code != 1 || !strings.Contains(said, "warn read another process holds the record") {
		t.Errorf("exit code %d, said %s", code, said)
	}
}

// A Graph whose clock is another, and a token of another cloud, which is not sent.
func TestCheckClockAndCloud(t *testing.T) {
	reads := 0
	graph := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			reads++
		}
		w.Header().Set("Date", time.Now().Add(-10*time.Minute).UTC().Format(http.TimeFormat))
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"value":[]}`)
	}))
	t.Cleanup(graph.Close)
	dir := t.TempDir()
	path := filepath.Join(dir, "c.yaml")
	write(t, path, fmt.Sprintf(`state_dir: %s
graph: {base_url: %q, credential: {kind: token_file}}
watch: {on_demand: true}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}]}
`, dir, graph.URL))
	jwt := func(audience string) string {
		return "PRESENCE_GRAPH_CREDENTIAL_TOKEN=e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"aud":"`+audience+`","roles":["Presence.Read.All"]}`)) + ".x"
	}
	code, said := checked(t, path, jwt("https://graph.microsoft.com"))
	if code != 0 || !strings.Contains(said, "warn clock this machine's is 10m") || reads != 1 {
		t.Errorf("exit code %d, %d reads, said %s", code, reads, said)
	}
	for audience, want := range map[string]string{
		"https://graph.microsoft.us/":  "FAIL cloud the token is for cloud us-gov-l4, but graph.cloud is global > set graph.cloud to us-gov-l4",
		"https://management.azure.com": `FAIL cloud the token is for "https://management.azure.com", not for Graph`,
	} {
		code, said := checked(t, path, jwt(audience))
		if code != 1 || !strings.Contains(said, want) || !strings.Contains(said, "FAIL read not tried") || reads != 1 {
			t.Errorf("exit code %d, %d reads, said %s", code, reads, said)
		}
	}
}
