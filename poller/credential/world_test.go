package credential_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
	"github.com/presence-gateway/presence-gateway/internal/trust"
	"github.com/presence-gateway/presence-gateway/poller/credential"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

const (
	clientID = "22222222-3333-4444-8555-666666666666"
	secret   = "canary~SECRET~9f8e7d"
)

// Making RSA keys is slow, and nothing here depends on their being different.
var signingKey, appKey, otherKey = sync.OnceValue(newKey), sync.OnceValue(newKey), sync.OnceValue(newKey)

func newKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func app() authority.App {
	return authority.App{ClientID: clientID, Secrets: []authority.Secret{{Value: secret}}, Roles: []string{"Presence.Read.All"}, Scopes: []string{"Presence.Read.All"}, Public: true}
}

// world is an authority that is served, and what the log said.
type world struct {
	*authority.Authority
	t    *testing.T
	url  string
	dial func(context.Context, string, string) (net.Conn, error) // nil: the network's
	logs *buffer
}

func newAuthority(t *testing.T, o authority.Options) *authority.Authority {
	t.Helper()
	o.SigningKey = signingKey()
	a, err := authority.New(o)
	if err != nil {
		t.Fatal(err)
	}
	a.Register(app())
	return a
}

// newWorld serves an authority over TLS on a loopback port.
func newWorld(t *testing.T, o authority.Options) *world {
	t.Helper()
	w := &world{Authority: newAuthority(t, o), t: t, logs: &buffer{}}
	server := httptest.NewUnstartedServer(w)
	server.TLS = w.TLSConfig()
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// newPipedWorld serves an authority over TLS without a network, so that time can be virtual.
func newPipedWorld(t *testing.T, o authority.Options) *world {
	t.Helper()
	o.Hosts = []string{"login.test"}
	w := &world{Authority: newAuthority(t, o), t: t, logs: &buffer{}, url: "https://login.test"}
	l := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	w.dial = l.dial
	server := &http.Server{Handler: w, TLSConfig: w.TLSConfig(), ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() { defer close(served); server.ServeTLS(l, "", "") }()
	t.Cleanup(func() {
		server.Close()
		<-served
		synctest.Wait()
	})
	return w
}

type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- &pipe{Conn: far}:
		return &pipe{Conn: near}, nil
	case <-p.done:
		return nil, errors.New("refused")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// pipe says no goodbye: TLS writes one under its lock, with a deadline of 5 s, and a pipe has no room for it when both
// sides do. Nothing else here sets a deadline for writing.
type pipe struct {
	net.Conn
	ending atomic.Bool
}

func (p *pipe) SetWriteDeadline(t time.Time) error {
	p.ending.Store(!t.IsZero())
	return nil
}

func (p *pipe) Write(b []byte) (int, error) {
	if p.ending.Load() {
		return len(b), nil
	}
	return p.Conn.Write(b)
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

// entra makes a credential of this world, client_secret from a file unless o says otherwise.
func (w *world) entra(o credential.Options) *credential.Entra {
	w.t.Helper()
	if o.Kind == "" {
		o.Kind = credential.ClientSecret
	}
	if o.Kind == credential.ClientSecret && o.ClientSecretFile == "" && o.ClientSecret == "" {
		o.ClientSecretFile = write(w.t, "secret", secret+"\n")
	}
	switch o.Kind {
	case credential.ManagedIdentity, credential.AzureDefault:
	default:
		if o.TenantID == "" {
			o.TenantID = w.TenantID()
		}
		if o.ClientID == "" {
			o.ClientID = clientID
		}
	}
	if o.Authority == "" {
		o.Authority = w.url
	}
	if o.Trust == nil {
		o.Trust = trust.Of(w.Pool())
	}
	o.Log = w.logs.logger()
	e, err := credential.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	if w.dial != nil {
		e.Dial(w.dial)
	}
	return e
}

// run runs e until the returned function is called, or the test ends.
func (w *world) run(e *credential.Entra) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); e.Run(ctx) }()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return stop
}

// token takes a token from e and has it verified.
func (w *world) token(e *credential.Entra) (graph.Token, authority.Claims) {
	w.t.Helper()
	token, err := e.Token(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	claims, err := w.Verify(token.Value)
	if err != nil {
		w.t.Fatalf("the token is no good: %v", err)
	}
	return token, claims
}

// trouble wants a failure of a kind, told in one line without a canary.
func (w *world) trouble(err error, kind credential.Reason) *credential.Error {
	w.t.Helper()
	var e *credential.Error
	if !errors.As(err, &e) {
		w.t.Fatalf("got %v, want a *credential.Error of kind %s", err, kind)
	}
	if e.Kind != kind {
		w.t.Errorf("got kind %s, want %s: %v", e.Kind, kind, e)
	}
	w.clean(e.Error())
	return e
}

// clean searches a text for canaries and line ends.
func (w *world) clean(text string) {
	w.t.Helper()
	if strings.Contains(text, "canary") || strings.Contains(text, "eyJ") || strings.ContainsAny(strings.TrimSuffix(text, "\n"), "\r") {
		w.t.Errorf("a secret shows in %q", text)
	}
}

// buffer is a log that can be searched.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}
func (b *buffer) Sync() error { return nil }
func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
func (b *buffer) count(s string) int { return strings.Count(b.String(), s) }
func (b *buffer) logger() *zap.Logger {
	return zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), b, zap.DebugLevel))
}

func write(t testing.TB, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// selfSigned makes a certificate of a key, good from an hour ago until end.
func selfSigned(t testing.TB, key *rsa.PrivateKey, end time.Time) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "gateway"}, NotBefore: end.AddDate(-1, 0, 0), NotAfter: end}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func inPEM(t testing.TB, c *x509.Certificate, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
}

// workloadToken is what Kubernetes mounts into a pod.
func workloadToken(t testing.TB, issuer, subject, audience string, life time.Duration) string {
	t.Helper()
	text, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: issuer, Subject: subject, Audience: jwt.ClaimStrings{audience}, ExpiresAt: jwt.NewNumericDate(time.Now().Add(life)),
	}).SignedString(otherKey())
	if err != nil {
		t.Fatal(err)
	}
	return text
}
