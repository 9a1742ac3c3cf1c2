package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a certificate for this machine that signs itself, and its key.
func certify(t testing.TB, dir string, serial int64) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: "test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, keyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})))
	write(t, certFile, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	return certFile, keyFile
}

// serialAt is the serial number of the certificate that an address shows; 0 if it shows none.
func serialAt(address string) int64 {
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: time.Second}, "tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return 0
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
}

// Graph over TLS with an authority of one's own, clients over TLS, and a certificate that is renewed meanwhile.
func TestTLS(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := certify(t, dir, 1)
	sim := start(t, nil, "simulate", "--listen", "127.0.0.1:0", "--users", "5", "--tls-cert", certFile, "--tls-key", keyFile)
	line := sim.awaitLine("https://", 10*time.Second)
	graph := "https://" + strings.Fields(line[strings.Index(line, "https://")+len("https://"):])[0]

	ours := t.TempDir()
	ourCert, ourKey := certify(t, ours, 2)
	write(t, filepath.Join(ours, "token"), "any")
	authority := filepath.Join(ours, "authority.pem")
	copyFile(t, authority, certFile)
	address, admin := freePort(t), freePort(t)
	write(t, filepath.Join(ours, "c.yaml"), `listen: `+address+`
admin_listen: `+admin+`
tls: {cert_file: `+ourCert+`, key_file: `+ourKey+`}
graph: {base_url: "`+graph+`", credential: {kind: token_file, token_file: `+filepath.Join(ours, "token")+`, ca_file: `+authority+`}}
watch: {on_demand: true, users: [fa8bf3dc-eca7-46b7-bad1-db199b62afc3]}
gateway: {auth: {anonymous: true}, policy: [{who: {anonymous: true}, allow: "*"}], drain: 1s, drain_delay: 0}
`)
	start(t, nil, "serve", "--config", filepath.Join(ours, "c.yaml"))
	eventually(t, 10*time.Second, "the certificate", func() bool { return serialAt(address) == 2 })
	eventually(t, 10*time.Second, "a read over TLS", func() bool {
		_, metrics := request(t, "GET", "http://"+admin+"/metrics", "")
		return strings.Contains(metrics, `presence_graph_requests_total{code="200"`)
	})

	certify(t, ours, 3)
	eventually(t, 5*time.Second, "the renewed certificate", func() bool { return serialAt(address) == 3 })
	write(t, ourCert, "broken")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for range 15 { // longer than the files are left alone
		<-tick.C
		if got := serialAt(address); got != 3 {
			t.Fatalf("with a broken file the certificate is %d, want the old one, 3", got)
		}
	}
}

// A certificate that is renewed as orchestrators do it: both files at once, by a link that turns to another folder.
func TestCertificateBehindALink(t *testing.T) {
	tn := startTenant(t, "--users", "1")
	dir := t.TempDir()
	turn := func(serial int64) {
		t.Helper()
		folder := filepath.Join(dir, fmt.Sprint(serial))
		if err := os.Mkdir(folder, 0o700); err != nil {
			t.Fatal(err)
		}
		certify(t, folder, serial)
		if err := errors.Join(os.Symlink(folder, filepath.Join(dir, "next")), os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "now"))); err != nil {
			t.Fatal(err)
		}
	}
	turn(1)
	g := startGateway(t, tn, t.TempDir(), "tls: {cert_file: "+dir+"/now/cert.pem, key_file: "+dir+"/now/key.pem}\n"+openDoor)
	for serial := int64(1); serial <= 3; serial++ {
		if serial > 1 {
			turn(serial)
		}
		eventually(t, 5*time.Second, "the certificate of the folder", func() bool { return serialAt(g.address) == serial })
	}
}
