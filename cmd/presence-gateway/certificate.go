package main

import (
	"crypto/tls"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

// certificate is a pair of files that is read again when one of them changes. A broken new pair keeps the old one.
// Safe for concurrent use.
type certificate struct {
	certFile, keyFile string
	log               *zap.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	looked time.Time
	seen   [2]stamp
}

// stamp tells one content of a file from the next, through symbolic links.
type stamp struct {
	changed time.Time
	size    int64
}

// lookEvery bounds how often handshakes look at the files.
const lookEvery = time.Second

func loadCertificate(certFile, keyFile string, log *zap.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log.Named("tls"), looked: time.Now()}
	c.seen = c.stamps()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, err
	}
	c.pair = &pair
	return c, nil
}

func (c *certificate) stamps() (s [2]stamp) {
	for i, path := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(path); err == nil {
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}

// get answers a handshake; it fits [tls.Config].
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		c.refresh()
	}
	return c.pair, nil
}

func (c *certificate) refresh() {
	stamps := c.stamps()
	if stamps == c.seen {
		return
	}
	// Two files never change at one instant: a pair that does not match yet is looked at again when it changes on.
	c.seen = stamps
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Warn("new certificate cannot be used, the old one stays", zap.Error(err))
		return
	}
	c.pair = &pair
	c.log.Info("certificate read again", zap.String("file", c.certFile))
}

// serverTLS is what every listener with TLS uses. WebSockets and their upgrade are HTTP/1.1.
func (c *certificate) serverTLS() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get, NextProtos: []string{"http/1.1"}}
}
