package trust

import (
	"crypto/x509"
	"net/http"
	"sync"
)

// Transport sends requests over connections that are judged by [Authorities] as they were when the connection began.
// Once they change, no request goes out over an older one. It is safe for concurrent use.
type Transport struct {
	authorities *Authorities
	begin       func(*x509.CertPool) *http.Transport

	mu   sync.Mutex
	pool *x509.CertPool
	now  *http.Transport
}

// NewTransport returns a transport that sends over what begin returns for the authorities of the moment.
func NewTransport(a *Authorities, begin func(roots *x509.CertPool) *http.Transport) *Transport {
	return &Transport{authorities: a, begin: begin}
}

// RoundTrip is [http.RoundTripper]'s.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	return t.current().RoundTrip(r)
}

// CloseIdleConnections closes the connections that carry no request now, and those in use once they are idle, unless a
// new request comes first.
func (t *Transport) CloseIdleConnections() { t.current().CloseIdleConnections() }

func (t *Transport) current() *http.Transport {
	pool := t.authorities.Pool()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil || t.pool != pool {
		if t.now != nil {
			t.now.CloseIdleConnections()
		}
		t.pool, t.now = pool, t.begin(pool)
	}
	return t.now
}
