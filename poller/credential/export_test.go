package credential

import (
	"context"
	"crypto/x509"
	"net"
	"net/http"

	"github.com/presence-gateway/presence-gateway/internal/trust"
)

// Dial replaces the way to the login endpoint.
func (e *Entra) Dial(dial func(context.Context, string, string) (net.Conn, error)) {
	e.transport = trust.NewTransport(e.o.Trust, func(roots *x509.CertPool) *http.Transport {
		t := newTransport(roots)
		t.Proxy, t.DialContext = nil, dial
		return t
	})
}

// ParseCertificate says whether a file's content is a certificate with its key, and whose.
func ParseCertificate(content []byte, password string) (*x509.Certificate, error) {
	c, err := parseCertificate(content, password)
	if err != nil {
		return nil, err
	}
	return c.chain[0], nil
}

// Paired returns the scope and the login endpoint that options lead to.
func Paired(o Options) (scope, authority string, err error) {
	a, err := pair(&o)
	return a.scope, a.authority, err
}

// Accepts says whether a token may be given out in the options' cloud.
func Accepts(o Options, token string) error {
	a, err := pair(&o)
	if err != nil {
		return err
	}
	return a.accepts(token)
}
