package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/presence-gateway/presence-gateway/internal/graphsim/authority"
)

// proofs are the ways besides a secret in which the simulated application can prove who it is.
type proofs struct {
	certificateFile string // PEM: the certificate that is registered
	workloadToken   string // where the token of a simulated cluster is written
	identityListen  string // where a simulated managed identity is served
}

func (p *proofs) any() bool {
	return p.certificateFile != "" || p.workloadToken != "" || p.identityListen != ""
}

const (
	clusterIssuer   = "https://cluster.contoso.example"
	clusterSubject  = "system:serviceaccount:presence:presence-gateway"
	clusterAudience = "api://AzureADTokenExchange"
	clusterLife     = 24 * time.Hour

	// identityHeader is what App Service would tell a program in IDENTITY_HEADER: here it keeps nobody out.
	identityHeader = "simulated"
)

// into registers them with the application, which is asked for once.
func (p *proofs) into(app *authority.App) error {
	if p.certificateFile != "" {
		certificates, err := readCertificates(p.certificateFile)
		if err != nil {
			return usageError{fmt.Errorf("--client-certificate: %w", err)}
		}
		app.Certificates = certificates
	}
	if p.workloadToken == "" {
		return nil
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	app.Federations = []authority.Federation{{Issuer: clusterIssuer, Subject: clusterSubject, Key: &key.PublicKey}}
	now := time.Now()
	token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.RegisteredClaims{
		Issuer: clusterIssuer, Subject: clusterSubject, Audience: jwt.ClaimStrings{clusterAudience},
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(now.Add(clusterLife)),
	}).SignedString(key)
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.workloadToken, []byte(token), 0o600); err != nil {
		return fmt.Errorf("--workload-token: %w", err)
	}
	return nil
}

// readCertificates reads the certificates of a PEM file; a private key beside them is passed over.
func readCertificates(path string) (all []*x509.Certificate, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, certificate)
	}
	if len(all) == 0 {
		return nil, errors.New(path + ": it holds no certificate in PEM")
	}
	return all, nil
}

// identity is the endpoint that App Service gives a program for its managed identity; the application's rights may change.
func (l *login) identity() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.mu.Lock()
		app := l.app
		l.mu.Unlock()
		l.ManagedIdentity(identityHeader, app).ServeHTTP(w, r)
	})
}
