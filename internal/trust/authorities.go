package trust

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"
)

const (
	maxFile   = 16 << 20 // bytes: the system's own bundle has some 200 KiB
	lookEvery = 500 * time.Millisecond
)

// Authorities are those of a file, beside the system's. A nil one is the system's alone. It is safe for concurrent use.
type Authorities struct {
	path string
	log  *zap.Logger

	mu       sync.Mutex
	pool     *x509.CertPool
	text     []byte
	seen     fs.FileInfo // nil: the last look found nothing of use
	reported string      // why, as the log has it
	changed  chan struct{}
}

// Open returns the authorities in the PEM file at path. Nothing follows the file until [Authorities.Run]. The error says
// why the file cannot be used. A nil log logs nothing.
func Open(path string, log *zap.Logger) (*Authorities, error) {
	if log == nil {
		log = zap.NewNop()
	}
	a := &Authorities{path: path, log: log.Named("trust"), changed: make(chan struct{})}
	if _, err := a.look(); err != nil {
		return nil, fmt.Errorf("trust: %w", err)
	}
	return a, nil
}

// Of returns authorities that never change.
func Of(pool *x509.CertPool) *Authorities {
	return &Authorities{pool: pool, log: zap.NewNop(), changed: make(chan struct{})}
}

// Pool returns the authorities as of now; nil stands for the system's. Another set is another pool.
func (a *Authorities) Pool() *x509.CertPool {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.pool
}

// Changed returns a channel that is closed when the authorities next change: the moment to try again what was not
// trusted. The system's never do.
func (a *Authorities) Changed() <-chan struct{} {
	if a == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.changed
}

// Run looks at the file twice a second until ctx ends, and returns nil. It reads a file that is another one by its
// inode, size or time, through symbolic links, so that a mounted volume's swap counts.
func (a *Authorities) Run(ctx context.Context) error {
	if a == nil || a.path == "" {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		a.follow()
	}
}

func (a *Authorities) follow() {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch news, err := a.look(); {
	case err != nil:
		a.seen = nil
		if a.reported != err.Error() {
			a.reported = err.Error()
			a.log.Error("certificate authorities cannot be read, those before stay in force", zap.Error(err))
		}
	case news:
		a.log.Info("certificate authorities read again, new connections are judged by them", zap.String("file", a.path))
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

// look reads the file if it is another one, and reports whether it says something else. a.mu is held, or nobody else
// knows a.
func (a *Authorities) look() (news bool, err error) {
	info, err := os.Stat(a.path)
	if err != nil {
		return false, err
	}
	// File systems count time in steps of up to two seconds: what was written lately may have been written again.
	if a.seen != nil && os.SameFile(a.seen, info) && a.seen.Size() == info.Size() &&
		a.seen.ModTime().Equal(info.ModTime()) && time.Since(info.ModTime()) > 2*time.Second {
		return false, nil
	}
	text, err := read(a.path, info)
	if err != nil {
		return false, err
	}
	if a.text == nil || !bytes.Equal(text, a.text) {
		pool, err := parse(text)
		if err != nil {
			return false, fmt.Errorf("%s: %w", a.path, err)
		}
		a.pool, a.text, news = pool, text, true
	}
	a.seen, a.reported = info, ""
	return news, nil
}

// Read returns the authorities in the PEM file at path, together with the system's.
func Read(path string) (*x509.CertPool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	text, err := read(path, info)
	if err != nil {
		return nil, err
	}
	return parse(text)
}

func read(path string, info fs.FileInfo) ([]byte, error) {
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a regular file", path) // a pipe would block
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("%s: larger than %d MiB", path, maxFile>>20)
	}
	return text, err
}

func parse(text []byte) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	switch {
	case bytes.Count(text, []byte("-----BEGIN ")) != bytes.Count(text, []byte("-----END ")):
		return nil, errors.New("it breaks off within a certificate")
	case !pool.AppendCertsFromPEM(text):
		return nil, errors.New("it holds no PEM certificate")
	}
	return pool, nil
}
