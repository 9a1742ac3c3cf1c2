package credential_test

import (
	"crypto/rand"
	"encoding/pem"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/credential"
)

const password = "canary pass phrase"

func TestSecretSignsIn(t *testing.T) {
	for name, o := range map[string]credential.Options{
		"file":  {},
		"value": {ClientSecret: secret},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, authority.Options{})
			e := w.entra(o)
			token, claims := w.token(e)
			if claims.AppID != clientID || !claims.Allows("Presence.Read.All") || !slices.Contains(claims.Capabilities, "CP1") {
				t.Errorf("got %+v", claims)
			}
			if left := time.Until(token.Expires); left < 59*time.Minute || left > time.Hour {
				t.Errorf("the token lasts %v, want an hour", left)
			}
			for range 100 {
				w.token(e)
			}
			if s := w.Stats(); s.Token != 1 {
				t.Errorf("%d token requests, want 1", s.Token)
			}
			w.clean(w.logs.String())
		})
	}
}

func TestCallersShareOneSignIn(t *testing.T) {
	w := newWorld(t, authority.Options{})
	e := w.entra(credential.Options{})
	var callers sync.WaitGroup
	for range 64 {
		callers.Go(func() {
			if _, err := e.Token(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	if s, n := w.Stats(), w.logs.count("signed in"); s.Token != 1 || n != 1 {
		t.Errorf("%d token requests and %d sign-ins, want 1", s.Token, n)
	}
}

func TestCertificateSignsIn(t *testing.T) {
	c := selfSigned(t, appKey(), time.Now().AddDate(0, 1, 0))
	other := selfSigned(t, otherKey(), time.Now().AddDate(0, 1, 0))
	plain := inPEM(t, c, appKey())
	locked, err := pkcs8.MarshalPrivateKey(appKey(), []byte(password), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, certificateBlock, _ := strings.Cut(plain, "-----END PRIVATE KEY-----\n")
	modern, err := pkcs12.Modern.Encode(appKey(), c, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	old, err := pkcs12.LegacyDES.Encode(appKey(), c, nil, password)
	if err != nil {
		t.Fatal(err)
	}
	open, err := pkcs12.Passwordless.Encode(appKey(), c, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name, content string
		o             credential.Options
	}{
		{"PEM", plain, credential.Options{}},
		{"PEM, its own certificate last", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: other.Raw})) + plain, credential.Options{}},
		{"PEM, key encrypted", string(pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: locked})) + certificateBlock, credential.Options{CertificatePassword: password}},
		{"PFX", string(modern), credential.Options{CertificatePasswordFile: write(t, "password", password+"\n")}},
		{"PFX of old", string(old), credential.Options{CertificatePassword: password}},
		{"PFX without password", string(open), credential.Options{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, authority.Options{})
			a := app()
			a.Certificates = append(a.Certificates, c)
			w.Register(a)
			row.o.Kind, row.o.CertificateFile = credential.ClientCertificate, write(t, "certificate", row.content)
			e := w.entra(row.o)
			w.token(e)
			if _, end := e.Expires(); !end.Equal(c.NotAfter) {
				t.Errorf("the certificate ends %v, want %v", end, c.NotAfter)
			}
			w.clean(w.logs.String())
		})
	}
}

// TestCertificateOfOpenSSL reads what the tool that most people use writes by default.
func TestCertificateOfOpenSSL(t *testing.T) {
	tool, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("no openssl")
	}
	in := write(t, "in.pem", inPEM(t, selfSigned(t, appKey(), time.Now().AddDate(0, 1, 0)), appKey()))
	out := filepath.Join(t.TempDir(), "out.pfx")
	if text, err := exec.Command(tool, "pkcs12", "-export", "-in", in, "-out", out, "-passout", "pass:"+password).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	w := newWorld(t, authority.Options{})
	a := app()
	a.Certificates = append(a.Certificates, selfSignedOf(t, out))
	w.Register(a)
	w.token(w.entra(credential.Options{Kind: credential.ClientCertificate, CertificateFile: out, CertificatePassword: password}))
}

func TestWorkloadSignsIn(t *testing.T) {
	w := newWorld(t, authority.Options{})
	a := app()
	a.Federations = []authority.Federation{{Issuer: "https://cluster.test", Subject: "system:serviceaccount:presence:gateway", Key: &otherKey().PublicKey}}
	w.Register(a)
	path := write(t, "token", workloadToken(t, "https://cluster.test", "system:serviceaccount:presence:gateway", "api://AzureADTokenExchange", time.Hour))
	t.Run("options", func(t *testing.T) {
		w.token(w.entra(credential.Options{Kind: credential.WorkloadIdentity, FederatedTokenFile: path}))
	})
	t.Run("environment", func(t *testing.T) {
		t.Setenv("AZURE_TENANT_ID", w.TenantID())
		t.Setenv("AZURE_CLIENT_ID", clientID)
		t.Setenv("AZURE_FEDERATED_TOKEN_FILE", path)
		e, err := credential.New(credential.Options{Kind: credential.WorkloadIdentity, Authority: w.url, Trust: trust.Of(w.Pool())})
		if err != nil {
			t.Fatal(err)
		}
		w.token(e)
	})
	t.Run("mismatch", func(t *testing.T) {
		for _, wrong := range []string{
			workloadToken(t, "https://other.test", "system:serviceaccount:presence:gateway", "api://AzureADTokenExchange", time.Hour),
			workloadToken(t, "https://cluster.test", "system:serviceaccount:presence:other", "api://AzureADTokenExchange", time.Hour),
			workloadToken(t, "https://cluster.test", "system:serviceaccount:presence:gateway", "api://other", time.Hour),
		} {
			_, err := w.entra(credential.Options{Kind: credential.WorkloadIdentity, FederatedTokenFile: write(t, "token", wrong)}).Token(t.Context())
			w.trouble(err, credential.FederationMismatch)
		}
		ended := workloadToken(t, "https://cluster.test", "system:serviceaccount:presence:gateway", "api://AzureADTokenExchange", -time.Hour)
		_, err := w.entra(credential.Options{Kind: credential.WorkloadIdentity, FederatedTokenFile: write(t, "token", ended)}).Token(t.Context())
		w.trouble(err, credential.ClockSkew)
	})
}

// azureEnvironment hides from a test what the machine has of Azure's variables.
func azureEnvironment(t *testing.T, pairs ...string) {
	t.Helper()
	for _, name := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IDENTITY_SERVER_THUMBPRINT", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET",
		"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_TOKEN_CREDENTIALS"} {
		unset(t, name)
	}
	for i := 0; i < len(pairs); i += 2 {
		t.Setenv(pairs[i], pairs[i+1])
	}
}

func TestManagedIdentitySignsIn(t *testing.T) {
	// azidentity keeps the tokens of managed identities for the whole process, by identity and resource.
	resource := "https://" + rand.Text() + ".test"
	w := newWorld(t, authority.Options{Resources: []string{resource}})
	identity := func(client string) *credential.Entra {
		return w.entra(credential.Options{Kind: credential.ManagedIdentity, ClientID: client, Scope: resource + "/.default"})
	}
	system := authority.App{ClientID: "system", Roles: []string{"Presence.Read.All"}}
	user := authority.App{ClientID: "user", Roles: []string{"Presence.Read.All"}}
	endpoint := httptest.NewServer(w.ManagedIdentity("canary-header", system, user))
	defer endpoint.Close()
	azureEnvironment(t, "IDENTITY_ENDPOINT", endpoint.URL+"/msi/token", "IDENTITY_HEADER", "canary-header")

	if _, claims := w.token(identity("")); claims.AppID != "system" {
		t.Errorf("got %q, want the system-assigned identity", claims.AppID)
	}
	if _, claims := w.token(identity("user")); claims.AppID != "user" {
		t.Errorf("got %q, want the user-assigned identity", claims.AppID)
	}
	_, err := identity("none").Token(t.Context())
	if e := w.trouble(err, credential.IdentityUnavailable); !strings.Contains(e.Error(), "graph.credential.client_id none") || !strings.Contains(e.Error(), "No User Assigned") {
		t.Errorf("got %v", e)
	}
	if s := w.Stats(); s.ManagedIdentity != 2 || s.Token != 0 {
		t.Errorf("got %+v", s)
	}
	endpoint.Close()
	_, err = identity("late").Token(t.Context())
	w.trouble(err, credential.IdentityUnavailable)
	w.clean(w.logs.String())
}

func TestAzureDefaultSignsIn(t *testing.T) {
	t.Run("environment", func(t *testing.T) {
		w := newWorld(t, authority.Options{})
		azureEnvironment(t, "AZURE_TENANT_ID", w.TenantID(), "AZURE_CLIENT_ID", clientID, "AZURE_CLIENT_SECRET", secret, "AZURE_TOKEN_CREDENTIALS", "prod")
		w.token(w.entra(credential.Options{Kind: credential.AzureDefault}))
		t.Setenv("AZURE_CLIENT_SECRET", "canary wrong")
		_, err := w.entra(credential.Options{Kind: credential.AzureDefault}).Token(t.Context())
		if e := w.trouble(err, credential.SecretInvalid); e.Where != "AZURE_CLIENT_SECRET" {
			t.Errorf("got %q", e.Where)
		}
	})
	t.Run("managed identity", func(t *testing.T) {
		w := newWorld(t, authority.Options{})
		endpoint := httptest.NewServer(w.ManagedIdentity("h", authority.App{ClientID: "by-default", Roles: []string{"Presence.Read.All"}}))
		defer endpoint.Close()
		azureEnvironment(t, "IDENTITY_ENDPOINT", endpoint.URL, "IDENTITY_HEADER", "h", "AZURE_TOKEN_CREDENTIALS", "prod", "AZURE_CLIENT_ID", "by-default")
		w.token(w.entra(credential.Options{Kind: credential.AzureDefault}))
	})
	t.Run("nothing", func(t *testing.T) {
		w := newWorld(t, authority.Options{})
		azureEnvironment(t, "AZURE_TOKEN_CREDENTIALS", "WorkloadIdentityCredential")
		_, err := w.entra(credential.Options{Kind: credential.AzureDefault}).Token(t.Context())
		w.trouble(err, credential.IdentityUnavailable)
	})
}
