package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// ownCertificate makes a certificate with its key, as an operator does for an application.
func ownCertificate(t *testing.T) (*x509.Certificate, *rsa.PrivateKey) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "presence-gateway"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate, key
}

// Every kind of credential that needs no person and no cloud, in the real program against the real simulation: each
// reads presences, and what the simulation counts says that it was this kind that proved the application.
func TestKindsOfCredentials(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		write(t, path, text)
		return path
	}
	certificate, key := ownCertificate(t)
	another, anotherKey := ownCertificate(t)
	inPEM := func(c *x509.Certificate, key *rsa.PrivateKey) string {
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) + public(c)
	}
	pfx, err := pkcs12.Modern.Encode(key, certificate, nil, "open sesame")
	if err != nil {
		t.Fatal(err)
	}
	workload := filepath.Join(dir, "workload")
	c := startCloud(t, "--client-certificate", file("registered.pem", public(certificate)), "--workload-token", workload, "--identity-listen", "127.0.0.1:0")
	user := c.people()[0]
	identity := strings.Fields(c.awaitLine("Managed identity: ", time.Second))[2:] // IDENTITY_ENDPOINT=... IDENTITY_HEADER=...
	sealed := fmt.Sprintf("tenant_id: %s, client_id: app, authority: %q", c.tenantID, c.authority)
	for name, row := range map[string]struct {
		credential string
		env        []string
		refused    string // what the log says instead of reading
	}{
		"secret":              {credential: sealed + ", kind: client_secret, client_secret_file: " + file("secret", "s3cret")},
		"certificate":         {credential: sealed + ", kind: client_certificate, certificate_file: " + file("app.pem", inPEM(certificate, key))},
		"certificate in PFX":  {credential: sealed + ", kind: client_certificate, certificate_file: " + file("app.pfx", string(pfx)) + ", certificate_password_file: " + file("password", "open sesame")},
		"another certificate": {credential: sealed + ", kind: client_certificate, certificate_file: " + file("other.pem", inPEM(another, anotherKey)), refused: "AADSTS700027"},
		"workload identity":   {credential: sealed + ", kind: workload_identity", env: []string{"AZURE_FEDERATED_TOKEN_FILE=" + workload}},
		"managed identity":    {credential: "kind: managed_identity", env: identity},
		"azure_default":       {credential: "kind: azure_default", env: identity},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := freePort(t)
			path := filepath.Join(t.TempDir(), "config.yaml")
			write(t, path, fmt.Sprintf(`listen: %s
admin_listen: ""
state_dir: %s
graph: {base_url: %q, credential: {%s, ca_file: %s}}
watch: {users: [%s]}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}]}
`, address, t.TempDir(), c.graph, row.credential, c.caFile, user))
			g := start(t, row.env, "serve", "--config", path)
			if row.refused != "" {
				g.awaitLine(row.refused, 20*time.Second)
				return
			}
			eventually(t, 20*time.Second, "a presence", func() bool {
				status, _ := request(t, "GET", "http://"+address+"/v1/presences/"+user, "")
				return status == http.StatusOK
			})
		})
	}
	t.Cleanup(func() { // after all of them
		var s struct{ Issued, Refused, ManagedIdentity int }
		c.get("/sim/login", &s)
		if s.Issued < 4 || s.Refused == 0 || s.ManagedIdentity < 2 {
			t.Errorf("the simulation counts %+v", s)
		}
	})
}

func public(c *x509.Certificate) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// What the simulation cannot register is said at once.
func TestSimulatedProofsAreChecked(t *testing.T) {
	dir := t.TempDir()
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	keyOnly := filepath.Join(dir, "key.pem")
	write(t, keyOnly, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})))
	broken := filepath.Join(dir, "broken.pem")
	write(t, broken, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no")})))
	base := []string{"simulate", "--listen", "127.0.0.1:0", "--tls", "--client-id", "app"}
	for _, row := range []struct {
		arguments []string
		code      int
		want      string
	}{
		{append(base, "--client-certificate", filepath.Join(dir, "none")), 2, "--client-certificate: open "},
		{append(base, "--client-certificate", keyOnly), 2, "it holds no certificate in PEM"},
		{append(base, "--client-certificate", broken), 2, "broken.pem: x509: "},
		{append(base, "--workload-token", filepath.Join(dir, "no", "where")), 1, "--workload-token: open "},
		{append(base, "--client-secret", "s", "--identity-listen", "127.0.0.1:99999"), 1, "--identity-listen: cannot listen on 127.0.0.1:99999"},
		{[]string{"simulate", "--listen", "127.0.0.1:0", "--identity-listen", "127.0.0.1:0"}, 2, "--client-id is missing"},
	} {
		p := start(t, nil, row.arguments...)
		if code := p.exit(10 * time.Second); code != row.code || !strings.Contains(p.said(), row.want) {
			t.Errorf("%v: exit code %d, said %s", row.arguments, code, p.said())
		}
	}
}
