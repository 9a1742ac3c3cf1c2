package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// The shipped example says of itself that it holds every key with its default.
func TestExampleIsTheDefaults(t *testing.T) {
	text, err := os.ReadFile("../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	got, given, problems := config.Decode("config.example.yaml", text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	want := config.Default()
	// An empty list in the file and none in the defaults are the same.
	if got, want := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); got != want {
		t.Errorf("example:\n%s\ndefaults:\n%s", got, want)
	}
	for key := range config.Keys() {
		if _, ok := given[key]; !ok {
			t.Errorf("%s is missing from the example", key)
		}
	}
}

func TestVariablesAreUnambiguous(t *testing.T) {
	seen := map[string]string{}
	for key, variable := range config.Keys() {
		if other, twice := seen[variable]; twice {
			t.Errorf("%s and %s are both set by %s", key, other, variable)
		}
		seen[variable] = key
	}
}

// least is a valid configuration, on whose lines tests build.
func least(t *testing.T) string {
	t.Helper()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("t0ken"), 0o600); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`graph:
  credential: {kind: token_file, token_file: "%s"}
watch:
  users: [fa8bf3dc-eca7-46b7-bad1-db199b62afc3]
gateway:
  auth: {anonymous: true}
  policy:
    - who: {anonymous: true}
      allow: "*"
`, token)
}

func TestLeast(t *testing.T) {
	c, notices, err := config.Parse("c.yaml", []byte(least(t)), nil)
	if err != nil || len(notices) > 0 {
		t.Fatal(err, notices)
	}
	if rule := c.Gateway.Policy[0]; !rule.Who.Anonymous || !rule.Allow.All || rule.Set(presence.OutOfOffice) != presence.OutOfOffice {
		t.Errorf("policy: got %+v", rule)
	}
	if got := c.Watch.Users[0].String(); got != "fa8bf3dc-eca7-46b7-bad1-db199b62afc3" {
		t.Errorf("watch.users: got %s", got)
	}
}

func TestEverythingCanBeSaid(t *testing.T) {
	text := strings.Replace(least(t), "  policy:\n", `  origins: ["https://a.example", "http://b.example:8080", "*"]
  limits: {connections: 1_000}
  flush: 0
  heartbeat: 2s
  policy:
    - who: {anonymous: true}
      allow: {users: [&anna FA8BF3DC-ECA7-46B7-BAD1-DB199B62AFC3, *anna], groups: [0e6a1a5e-1111-4222-8333-444455556666]}
      fields: [since]
`, 1)
	text = strings.Replace(text, "watch:\n", "watch:\n  groups: [0e6a1a5e-1111-4222-8333-444455556666]\n", 1) + `privacy: {fields: [outOfOffice, since]}
listen: "[::1]:0"
trusted_proxies: [10.1.2.3/8]
log: # nothing below
hub:
  redis:
`
	c, _, err := config.Parse("c.yaml", []byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Gateway.Flush != 0 || c.Gateway.Heartbeat != 2*time.Second || c.Gateway.Limits.Connections != 1000 {
		t.Errorf("gateway: got %+v", c.Gateway)
	}
	if got := c.Gateway.Policy[0].Set(c.Privacy.Set()); got != presence.SinceChange {
		t.Errorf("fields of the rule: got %v", got.Names())
	}
	if got := len(c.Gateway.Policy[0].Allow.Users); got != 2 {
		t.Errorf("users allowed: got %d", got)
	}
	if got := c.TrustedProxies[0].String(); got != "10.0.0.0/8" {
		t.Errorf("trusted_proxies: got %s", got)
	}
}

func TestSignInCanBeSaid(t *testing.T) {
	const tenant, other = "0e6a1a5e-1111-4222-8333-444455556666", "0e6a1a5e-1111-4222-8333-444455557777"
	for _, auth := range []string{
		"{jwt: {issuer: 'https://login.microsoftonline.com/" + tenant + "/v2.0', audience: a, required_scope: S}, login: {client_id: b, scope: 'openid api://a/S'}}",
		"{jwt: {issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0', audience: a, tenant_ids: [" + tenant + ", " + other + "], required_role: R}, operator_role: Desk}",
		"{jwt: {issuer: 'https://sts.windows.net/" + tenant + "/', audience: 'api://a', tenant_ids: [" + strings.ToUpper(tenant) + "], required_role: R, required_scope: S}}",
		"{jwt: {issuer: 'http://127.0.0.1:9000/', audience: a, required_scope: 'https://id.example/scopes/presence'}}",
		"{jwt: {issuer: accounts.example.com, audience: a, jwks_url: 'https://id.example/keys', required_role: R}, login: {client_id: b, scope: api://a/.default}}",
	} {
		text := strings.Replace(least(t), "{anonymous: true}\n  policy", auth+"\n  policy", 1)
		text = strings.Replace(text, "who: {anonymous: true}", "who: {everyone: true}", 1)
		if _, notices, err := config.Parse("c.yaml", []byte(text), nil); err != nil || len(notices) > 0 {
			t.Errorf("%s: %v %v", auth, notices, err)
		}
	}
	text := strings.Replace(least(t), "{anonymous: true}\n  policy", "{jwt: {issuer: 'https://id.example', audience: a}}\n  policy", 1)
	if _, notices, err := config.Parse("c.yaml", []byte(text), nil); err != nil || len(notices) != 2 || !strings.Contains(notices[0], "neither required_scope nor required_role") {
		t.Errorf("%v %v", notices, err)
	}
}

func TestMerge(t *testing.T) {
	text := strings.Replace(least(t), "auth: {anonymous: true}", `auth: &door {anonymous: true}
  limits: &l {connections: 5, messages_per_second: 7}`, 1)
	c, _, err := config.Parse("c.yaml", []byte(strings.Replace(text, "  limits: &l {connections: 5, messages_per_second: 7}",
		"  limits: {<<: {connections: 5, messages_per_second: 7}, connections: 6}", 1)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Gateway.Limits; l.Connections != 6 || l.MessagesPerSecond != 7 {
		t.Errorf("limits: got %+v", l)
	}
}

func TestEnvironment(t *testing.T) {
	text := least(t) + "log: {level: debug}\n"
	c, notices, err := config.Parse("c.yaml", []byte(text), []string{
		"PRESENCE_GRAPH_BASE_URL=http://127.0.0.1:9000",
		"PRESENCE_LOG_LEVEL=warn", // over the file
		"PRESENCE_GATEWAY_FLUSH=0",
		"PRESENCE_ADMIN_LISTEN=",
		"PRESENCE_WATCH_ON_DEMAND=true",
		"PRESENCE_GRAPH_BUDGET_REQUESTS=150",
		"PRESENCE_GATEWAY_ORIGINS=https://a.example, https://b.example",
		"PRESENCE_WATCH_USERS=0e6a1a5e-1111-4222-8333-444455556666,0e6a1a5e-1111-4222-8333-444455556667",
		"PRESENCE_GRAPH_CREDENTIAL_TOKEN=s3cret",
		"PRESENCE_TOKEN=of-another-command",
		"PRESENCE_LOG_LEVELS=debug",
		"PRESENCE_GATEWAY_POLICY=[]",
		"PATH=/bin",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{c.Graph.BaseURL, c.Log.Level, c.Gateway.Flush, c.AdminListen, c.Watch.OnDemand, c.Graph.Budget.Requests,
		c.Gateway.Origins, len(c.Watch.Users), string(c.Graph.Credential.Token)}
	want := []any{"http://127.0.0.1:9000", "warn", time.Duration(0), "", true, 150,
		[]string{"https://a.example", "https://b.example"}, 2, "s3cret"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if all := strings.Join(notices, "\n"); len(notices) != 2 || !strings.Contains(all, "did you mean PRESENCE_LOG_LEVEL?") || !strings.Contains(all, "PRESENCE_GATEWAY_POLICY is ignored") {
		t.Errorf("notices: got %q", notices)
	}
	if shown := fmt.Sprintf("%v %+v %#v", c.Graph, c.Graph, c.Graph); strings.Contains(shown, "s3cret") {
		t.Errorf("a printed configuration shows the secret: %s", shown)
	}
}

func TestReadIDs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "users")
	write(t, path, "\ufeff# team\r\nfa8bf3dc-eca7-46b7-bad1-db199b62afc3\r\n\n  0E6A1A5E-1111-4222-8333-444455556666 # Bo\n")
	ids, err := config.ReadIDs(path)
	if err != nil || len(ids) != 2 || ids[1].String() != "0e6a1a5e-1111-4222-8333-444455556666" {
		t.Fatal(ids, err)
	}
	write(t, path, "fa8bf3dc-eca7-46b7-bad1-db199b62afc3\nanna@example.com\n"+strings.Repeat("x\n", 1000))
	_, err = config.ReadIDs(path)
	var problems config.Problems
	if !errors.As(err, &problems) || len(problems) != 21 || !strings.HasPrefix(problems[0].String(), path+`:2: "anna@example.com" is not a user id`) {
		t.Fatalf("got %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
