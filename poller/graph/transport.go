package graph

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"time"
)

// newTransport is net/http's, used without its Client: a RoundTripper follows no redirect and keeps no cookie.
func newTransport(roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment, // never for loopback hosts
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           256,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		// One HTTP/2 connection carries everything: when the network below it vanishes silently, every request would
		// run into its timeout until the kernel gave up. A ping finds out.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: 5 * time.Second},
	}
}

// once is a request body that net/http cannot send again. It repeats a request on its own when a reused connection
// dies (Transport.shouldRetryRequest) or when an HTTP/2 server refuses a stream or says goodbye, unless there is
// a body and no GetBody to rewind it. That is why a GET has an empty once, too, and not http.NoBody or nil. HTTP/1
// then sends just what it sends for a GET without body; HTTP/2 ends the stream with an empty DATA frame instead of
// a flag (RFC 9113, 8.1 allows both).
type once struct{ io.Reader }

func (once) Close() error { return nil }
