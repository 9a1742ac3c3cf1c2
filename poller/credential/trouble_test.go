package credential_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/credential"
)

func unset(t *testing.T, name string) {
	t.Helper()
	t.Setenv(name, "") // so that it is restored
	if err := os.Unsetenv(name); err != nil {
		t.Fatal(err)
	}
}

func selfSignedOf(t *testing.T, pfx string) *x509.Certificate {
	t.Helper()
	content, err := os.ReadFile(pfx)
	if err != nil {
		t.Fatal(err)
	}
	c, err := credential.ParseCertificate(content, password)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTroubleIsToldApart(t *testing.T) {
	expired := selfSigned(t, appKey(), time.Now().Add(-time.Hour))
	unknown := selfSigned(t, appKey(), time.Now().AddDate(0, 1, 0))
	for _, row := range []struct {
		name  string
		app   func(*authority.App)
		fault *authority.Fault
		o     credential.Options
		want  credential.Reason
		texts []string // of the error
	}{
		{name: "wrong secret", o: credential.Options{ClientSecret: "canary-wrong"}, want: credential.SecretInvalid, texts: []string{"PRESENCE_GRAPH_CREDENTIAL_CLIENT_SECRET", "AADSTS7000215", "make a new client secret"}},
		{name: "wrong secret in a file", app: func(a *authority.App) { a.Secrets = nil }, want: credential.SecretInvalid, texts: []string{"graph.credential.client_secret_file /", "/secret"}},
		{name: "expired secret", app: func(a *authority.App) { a.Secrets[0].Expires = time.Now().Add(-time.Hour) }, want: credential.SecretExpired, texts: []string{"AADSTS7000222", "has expired"}},
		{name: "secret of two words", o: credential.Options{ClientSecretFile: write(t, "two", "canary one\ncanary two")}, want: credential.SecretInvalid, texts: []string{"more than one word"}},
		{name: "no file", o: credential.Options{ClientSecretFile: "/nowhere/secret"}, want: credential.FileUnusable, texts: []string{"graph.credential.client_secret_file /nowhere/secret", "no such file"}},
		{name: "a folder", o: credential.Options{ClientSecretFile: t.TempDir()}, want: credential.FileUnusable, texts: []string{"not a regular file"}},
		{name: "an empty file", o: credential.Options{ClientSecretFile: write(t, "empty", " \n")}, want: credential.FileUnusable, texts: []string{"empty"}},
		{name: "unknown application", o: credential.Options{ClientID: "other"}, want: credential.AppNotFound, texts: []string{"graph.credential.client_id other", "AADSTS700016"}},
		{name: "unknown tenant", o: credential.Options{TenantID: "fabrikam.test"}, want: credential.TenantNotFound, texts: []string{"graph.credential.tenant_id fabrikam.test", "AADSTS90002"}},
		{name: "disabled application", app: func(a *authority.App) { a.Disabled = true }, want: credential.AppDisabled},
		{name: "no consent", app: func(a *authority.App) { a.NoConsent = true }, want: credential.ConsentMissing, texts: []string{"admin consent"}},
		{name: "conditional access", app: func(a *authority.App) { a.Blocked = true }, want: credential.AccessBlocked, texts: []string{"AADSTS53003"}},
		{name: "another cloud's Graph", o: credential.Options{Cloud: "us-gov-l4"}, want: credential.WrongCloud, texts: []string{"graph.cloud us-gov-l4", "AADSTS500011"}},
		{name: "a tenant of another cloud", fault: &authority.Fault{Status: 400, Error: "invalid_request", Code: 900439, Text: "x"}, want: credential.WrongCloud},
		{name: "consent, delegated", fault: &authority.Fault{Status: 400, Error: "invalid_grant", Code: 65001, Text: "x"}, want: credential.ConsentMissing},
		{name: "failing", fault: &authority.Fault{Status: 503, RetryAfter: 7 * time.Second}, want: credential.Unavailable, texts: []string{"retry after 7s"}},
		{name: "failing without words", fault: &authority.Fault{Status: 502, Code: 1, Error: "x"}, want: credential.Unavailable, texts: []string{"502"}},
		{name: "throttled", fault: &authority.Fault{Status: 429, RetryAfter: time.Minute}, want: credential.Throttled, texts: []string{"retry after 1m0s"}},
		{name: "anything else", fault: &authority.Fault{Status: 400, Error: "invalid_request", Code: 12345, Text: "Because " + secret + " of that\r\n\x1b[2J."}, want: credential.Refused, texts: []string{"AADSTS12345", "Because [redacted] of that"}},
		{name: "redirected", fault: &authority.Fault{Status: 307, Code: 1, Error: "x", Redirect: "https://evil.test/token"}, want: credential.Refused, texts: []string{"evil.test", "not carried"}},
		{name: "unregistered certificate", o: credential.Options{Kind: credential.ClientCertificate, CertificateFile: write(t, "cert.pem", inPEM(t, unknown, appKey()))}, want: credential.CertificateInvalid, texts: []string{"AADSTS700027", "cert.pem"}},
		{name: "expired certificate", o: credential.Options{Kind: credential.ClientCertificate, CertificateFile: write(t, "cert.pem", inPEM(t, expired, appKey()))}, want: credential.CertificateExpired, texts: []string{"cert.pem", expired.NotAfter.UTC().Format(time.DateOnly)}},
		{name: "certificate of another key", o: credential.Options{Kind: credential.ClientCertificate, CertificateFile: write(t, "cert.pem", inPEM(t, unknown, otherKey()))}, want: credential.CertificateInvalid, texts: []string{"belongs to none"}},
		{name: "no certificate", o: credential.Options{Kind: credential.ClientCertificate, CertificateFile: write(t, "cert.pem", "canary")}, want: credential.CertificateInvalid, texts: []string{"neither PEM nor PFX"}},
		{name: "an authority nobody trusts", o: credential.Options{Trust: trust.Of(x509.NewCertPool())}, want: credential.Untrusted, texts: []string{"graph.credential.authority https://", "graph.credential.ca_file"}},
		{name: "nobody there", o: credential.Options{Authority: "https://127.0.0.1:1"}, want: credential.Unreachable, texts: []string{"graph.credential.authority https://127.0.0.1:1", "connection refused"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			w := newWorld(t, authority.Options{})
			a := app()
			if row.app != nil {
				row.app(&a)
			}
			w.Register(a)
			w.SetFault(row.fault)
			e := w.entra(row.o)
			_, err := e.Token(t.Context())
			got := w.trouble(err, row.want)
			for _, text := range row.texts {
				if !strings.Contains(got.Error(), text) {
					t.Errorf("%q is not in %q", text, got.Error())
				}
			}
			if strings.ContainsAny(got.Error(), "\n\x1b") {
				t.Errorf("more than one line, or a terminal's control: %q", got.Error())
			}
			if e.Failure() == nil {
				t.Error("Failure says that nothing is wrong")
			}
			before := w.Stats()
			for range 20 { // a moment later
				if _, err := e.Token(t.Context()); err == nil {
					t.Error("a token after all")
				}
			}
			if after := w.Stats(); after.Token != before.Token || after.Discovery != before.Discovery {
				t.Errorf("asked again at once: %+v, then %+v", before, after)
			}
			w.clean(w.logs.String())
		})
	}
}

// TestNoSecretLeavesTheAuthority: metadata that point elsewhere send no secret there.
func TestNoSecretLeavesTheAuthority(t *testing.T) {
	w := newWorld(t, authority.Options{})
	stolen := 0
	thief := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen++ }))
	thief.TLS = w.TLSConfig()
	thief.StartTLS()
	defer thief.Close()
	bent := httptest.NewUnstartedServer(nil)
	bent.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		json.NewEncoder(rw).Encode(map[string]string{
			"issuer": bent.URL + "/x/v2.0", "authorization_endpoint": bent.URL + "/a", "token_endpoint": thief.URL + "/token",
		})
	})
	bent.TLS = w.TLSConfig()
	bent.StartTLS()
	defer bent.Close()
	_, err := w.entra(credential.Options{Authority: bent.URL}).Token(t.Context())
	w.trouble(err, credential.WrongCloud)
	if stolen != 0 {
		t.Errorf("%d requests reached the other host", stolen)
	}
}

func TestCallerGivesUp(t *testing.T) {
	w := newWorld(t, authority.Options{})
	left := make(chan struct{})
	slow := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(left)
	}))
	slow.TLS = w.TLSConfig()
	slow.StartTLS()
	defer slow.Close()
	e := w.entra(credential.Options{Authority: slow.URL})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := e.Token(ctx)
	if got := w.trouble(err, credential.Unreachable); !errors.Is(got, context.DeadlineExceeded) {
		t.Errorf("got %v, want the caller's own deadline", err)
	}
	select {
	case <-left: // nobody wants that sign-in any more
	case <-time.After(10 * time.Second):
		t.Error("the sign-in goes on")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	azureEnvironment(t)
	good := credential.Options{Kind: credential.ClientSecret, TenantID: "contoso.test", ClientID: "x", ClientSecret: secret}
	for _, row := range []struct {
		name string
		with func(*credential.Options)
		want string
	}{
		{"kind", func(o *credential.Options) { o.Kind = "kerberos" }, "graph.credential.kind"},
		{"no tenant", func(o *credential.Options) { o.TenantID = "" }, "graph.credential.tenant_id"},
		{"common", func(o *credential.Options) { o.TenantID = "common" }, "one deployment serves one tenant"},
		{"tenant with a path", func(o *credential.Options) { o.TenantID = "a/b" }, "graph.credential.tenant_id"},
		{"no client", func(o *credential.Options) { o.ClientID = "" }, "graph.credential.client_id"},
		{"no secret", func(o *credential.Options) { o.ClientSecret = "" }, "graph.credential.client_secret_file"},
		{"no certificate", func(o *credential.Options) { o.Kind = credential.ClientCertificate }, "graph.credential.certificate_file"},
		{"no workload", func(o *credential.Options) { o.Kind = credential.WorkloadIdentity }, "AZURE_FEDERATED_TOKEN_FILE"},
		{"china", func(o *credential.Options) { o.Cloud = "china" }, "21Vianet"},
	} {
		o := good
		row.with(&o)
		if _, err := credential.New(o); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: got %v, want %q in it", row.name, err, row.want)
		}
	}
	if _, err := credential.New(good); err != nil {
		t.Error(err)
	}
}

func TestSecretIsNeverPrinted(t *testing.T) {
	o := credential.Options{ClientSecret: secret, CertificatePassword: password}
	encoded, err := json.Marshal(struct{ S credential.Secret }{secret})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{fmt.Sprint(o), fmt.Sprintf("%+v %#v", o, o), fmt.Sprintf("%s %q %x %d", o.ClientSecret, o.ClientSecret, o.ClientSecret, o.ClientSecret), string(encoded)} {
		if strings.Contains(text, "canary") || strings.Contains(text, "63616e617279") {
			t.Errorf("the secret shows in %q", text)
		}
	}
}

func TestSymlinkSwap(t *testing.T) {
	w := newWorld(t, authority.Options{})
	a := app()
	a.Secrets = []authority.Secret{{Value: "canary-second"}}
	w.Register(a)
	// As Kubernetes mounts secrets: the name is a link into a folder that is swapped as a whole.
	root := t.TempDir()
	for name, content := range map[string]string{"..1": "canary-first", "..2": "canary-second"} {
		if err := os.Mkdir(filepath.Join(root, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name, "secret"), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target string) {
		t.Helper()
		fresh := filepath.Join(root, "..fresh")
		if err := os.Symlink(target, fresh); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(fresh, filepath.Join(root, "..data")); err != nil {
			t.Fatal(err)
		}
	}
	link("..1")
	e := w.entra(credential.Options{ClientSecretFile: filepath.Join(root, "..data", "secret")})
	_, err := e.Token(t.Context())
	w.trouble(err, credential.SecretInvalid)
	w.run(e)
	changed := e.Changed()
	link("..2")
	begun := time.Now()
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("the swap was not noticed")
	}
	w.token(e)
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("it took %v, want 2 s at most", took)
	}
	w.clean(w.logs.String())
}
