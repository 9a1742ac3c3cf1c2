package graphsim

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// maxBody is far above the largest sensible request: 650 ids are 26 KB.
const maxBody = 4 << 20

// call is one request to Graph: of its own, or inside a $batch.
type call struct {
	t               *Tenant
	ctx             context.Context
	method          string
	path            []string // unescaped segments after the version
	query           url.Values
	header          http.Header
	body            []byte
	base            string // origin of absolute links
	rawPath         string
	ids             []string // of a getPresencesByUserId, once parsed
	parsed          bool
	kind            kind
	fate            fate
	who             identity
	requestID       string
	clientRequestID string
}

func (t *Tenant) newGUID() guid {
	t.guidMu.Lock()
	defer t.guidMu.Unlock()
	return t.guid.guid()
}

// newCall reads a request, its body included. A body that cannot be read is an
// error to answer with 400, one that is too large with 413.
func (t *Tenant) newCall(r *http.Request) (*call, error) {
	c := &call{t: t, ctx: r.Context(), method: r.Method, query: r.URL.Query(), header: r.Header, base: t.origin(r), rawPath: r.URL.Path}
	c.path = segments(strings.TrimPrefix(r.URL.Path, "/v1.0"))
	c.requestID, c.clientRequestID = t.newGUID().String(), r.Header.Get("client-request-id")
	if c.clientRequestID == "" {
		c.clientRequestID = c.requestID
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return c, err
	}
	c.body, err = inflate(r.Header.Get("Content-Encoding"), body)
	return c, err
}

func segments(path string) []string {
	return strings.Split(strings.Trim(path, "/"), "/")
}

func (t *Tenant) origin(r *http.Request) string {
	if t.o.BaseURL != "" {
		return strings.TrimSuffix(t.o.BaseURL, "/")
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// inflate undoes gzip. The Go SDK's retries say gzip over a plain body, so the
// body's own first bytes decide.
func inflate(encoding string, body []byte) ([]byte, error) {
	switch strings.ToLower(encoding) {
	case "", "identity":
		return body, nil
	case "gzip":
	default:
		return nil, errEncoding
	}
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b}) {
		return body, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	plain, err := io.ReadAll(io.LimitReader(z, maxBody+1))
	if err == nil && len(plain) > maxBody {
		err = &http.MaxBytesError{Limit: maxBody}
	}
	return plain, err
}

var errEncoding = errors.New("graphsim: unknown content encoding")

// pauseFor waits, unless the client gives up.
func (c *call) pauseFor(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.ctx.Done():
	}
}
