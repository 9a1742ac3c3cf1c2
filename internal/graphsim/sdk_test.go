package graphsim_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/presence-gateway/presence-gateway/internal/graphsim"
)

// The official SDK is the judge of whether this is Graph: it reads the tenant
// over http and over TLS. Needs npm; nothing else excuses it.
func TestOfficialJavaScriptSDK(t *testing.T) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed")
	}
	dir := filepath.Join("testdata", "sdk")
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@microsoft", "microsoft-graph-client", "package.json")); err != nil {
		install := exec.CommandContext(t.Context(), npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		install.Dir = dir
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}

	tenant := graphsim.New(graphsim.Options{Users: 120})
	plain := httptest.NewServer(tenant.Handler())
	defer plain.Close()
	secure := httptest.NewTLSServer(tenant.Handler())
	defer secure.Close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	at, err := url.Parse(secure.URL)
	if err != nil {
		t.Fatal(err)
	}
	all := tenant.Groups()[0]
	about, err := json.Marshal(map[string]any{
		"plain": plain.URL, "secure": secure.URL, "host": at.Hostname(), "users": ids(tenant), "group": all.ID, "members": all.Members,
	})
	if err != nil {
		t.Fatal(err)
	}
	node := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=tap", "proof.test.mjs")
	node.Dir = dir
	node.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+ca, "GRAPHSIM_TENANT="+string(about))
	out, err := node.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
