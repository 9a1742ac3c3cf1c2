package trust_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/presence-gateway/presence-gateway/internal/trust"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority signs certificates for this machine.
type authority struct {
	file []byte // as a ca_file holds it
	leaf tls.Certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	sign := func(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	now := time.Now()
	root := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	rootKey, leafKey := newKey(), newKey()
	rootDER := sign(root, root, rootKey, rootKey)
	return authority{
		file: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rootDER}),
		leaf: tls.Certificate{Certificate: [][]byte{sign(leaf, root, leafKey, rootKey)}, PrivateKey: leafKey},
	}
}

// publish makes content what link leads to, as a mounted volume does: all at once.
func publish(t *testing.T, link string, content []byte) {
	t.Helper()
	file, err := os.CreateTemp(filepath.Dir(link), "version")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(content); err != nil || file.Close() != nil {
		t.Fatal(err)
	}
	_ = os.Remove(link + ".new")
	if err := os.Symlink(file.Name(), link+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(link+".new", link); err != nil {
		t.Fatal(err)
	}
}

// The authority of a server is replaced while requests go on: those that follow the file are answered throughout, and a
// broken file in between changes nothing and is said once.
func TestAuthorityIsReplacedWhileRunning(t *testing.T) {
	old, next := newAuthority(t), newAuthority(t)
	var now atomic.Pointer[tls.Certificate]
	now.Store(&old.leaf)
	opened := atomic.Int64{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*now.Load()}}, nil
	}}
	server.Config.ErrorLog = zap.NewStdLog(zap.NewNop())
	server.StartTLS()
	defer server.Close()

	file := filepath.Join(t.TempDir(), "ca.pem")
	publish(t, file, old.file)
	core, logs := observer.New(zap.InfoLevel)
	a, err := trust.Open(file, zap.New(core))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- a.Run(ctx) }()
	transport := trust.NewTransport(a, func(roots *x509.CertPool) *http.Transport {
		return &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}}
	})
	get := func() error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		_, err = io.ReadAll(response.Body)
		return err
	}
	for range 3 {
		if err := get(); err != nil {
			t.Fatal(err)
		}
	}
	if n := opened.Load(); n != 1 {
		t.Errorf("%d connections for 3 requests", n)
	}

	// Broken, and cut off in the middle: what was in force stays.
	first := a.Pool()
	for _, broken := range []string{"", string(old.file) + string(next.file[:200])} {
		said := logs.FilterLevelExact(zap.ErrorLevel).Len()
		publish(t, file, []byte(broken))
		await(t, "the broken file is said", func() bool { return logs.FilterLevelExact(zap.ErrorLevel).Len() > said })
	}
	_ = os.Remove(file)
	await(t, "the missing file is said", func() bool { return logs.FilterMessageSnippet("those before stay").Len() == 3 })
	if a.Pool() != first {
		t.Error("a broken file is in force")
	}
	if err := get(); err != nil {
		t.Error(err)
	}

	now.Store(&next.leaf)
	changed := a.Changed()
	publish(t, file, append(append([]byte{}, old.file...), next.file...))
	select {
	case <-changed:
	case <-time.After(10 * time.Second):
		t.Fatal("the new file was not read")
	}
	if err := get(); err != nil {
		t.Errorf("after the authority was replaced: %v", err)
	}
	if n := opened.Load(); n != 2 {
		t.Errorf("%d connections were opened: the new one is to be judged anew", n)
	}
	changed = a.Changed()
	publish(t, file, old.file) // and the new one is no longer trusted
	<-changed
	if err := get(); err == nil || !strings.Contains(err.Error(), "unknown authority") {
		t.Errorf("an authority that was taken out: %v", err)
	}
	transport.CloseIdleConnections()
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestTheSystemsAuthorities(t *testing.T) {
	var a *trust.Authorities
	if a.Pool() != nil || a.Changed() != nil {
		t.Error("they stand for something else")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Run(ctx); err != nil {
		t.Error(err)
	}
	if pool := x509.NewCertPool(); trust.Of(pool).Pool() != pool {
		t.Error("another pool")
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text"), []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{"none": "no such file", "text": "no PEM certificate", ".": "not a regular file"} {
		if _, err := trust.Open(filepath.Join(dir, path), nil); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// await waits for what nothing announces.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}
