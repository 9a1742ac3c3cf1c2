package graph

import (
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/internal/trust"
)

// Kind is one of the four ways to read presences.
type Kind string

// The kinds, by their names in configuration.
const (
	Batch          Kind = "batch"          // POST /communications/getPresencesByUserId, up to 650 users a request
	Users          Kind = "users"          // GET /users/{id}/presence
	Communications Kind = "communications" // GET /communications/presences/{id}
	Me             Kind = "me"             // GET /me/presence: the signed-in user, with a delegated token only
)

// maxBatch is Graph's documented limit of ids in one getPresencesByUserId request.
const maxBatch = 650

// Options of a [Client]. The zero value reads batches from the global cloud and keeps availability and activity.
type Options struct {
	BaseURL        string             // instead of the cloud's endpoint, without /v1.0; http only on a loopback host
	Cloud          string             // global (default), us-gov-l4, us-gov-l5
	Kind           Kind               // default Batch
	Fields         presence.Fields    // what is kept of an answer beyond availability and activity
	Timeout        time.Duration      // of one request, from asking for the token to the last byte; default 10 s
	Trust          *trust.Authorities // nil: the system's
	MaxAnswerBytes int64              // of one answer, decompressed; default 8 MiB
	Log            *zap.Logger        // nil: none
}

// Client reads from one tenant through one credential. It is safe for concurrent use. It starts nothing of its
// own; [Client.CloseIdleConnections] ends what net/http keeps open.
type Client struct {
	credential Credential
	kind       Kind
	fields     presence.Fields
	root       *url.URL // with /v1.0
	timeout    time.Duration
	maxBytes   int64
	trust      *trust.Authorities
	transport  *trust.Transport
	log        *zap.Logger
	scratch    sync.Pool // of *scratch
}

// New returns a client that signs its requests with credential. The error names the option that cannot be.
func New(credential Credential, o Options) (*Client, error) {
	if credential == nil {
		return nil, errors.New("graph: no credential")
	}
	root, err := endpoint(o.Cloud, o.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("graph: %w", err)
	}
	switch o.Kind {
	case "":
		o.Kind = Batch
	case Batch, Users, Communications, Me:
	default:
		return nil, fmt.Errorf("graph: unknown kind of read %q: want batch, users, communications or me", o.Kind)
	}
	if o.Timeout < 0 || o.MaxAnswerBytes < 0 {
		return nil, errors.New("graph: a negative timeout or answer size")
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.MaxAnswerBytes == 0 {
		o.MaxAnswerBytes = 8 << 20
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return &Client{
		credential: credential,
		kind:       o.Kind,
		fields:     o.Fields,
		root:       root,
		timeout:    o.Timeout,
		maxBytes:   o.MaxAnswerBytes,
		trust:      o.Trust,
		transport:  trust.NewTransport(o.Trust, newTransport),
		log:        o.Log.Named("graph"),
		scratch:    sync.Pool{New: func() any { return newScratch() }},
	}, nil
}

// BatchSize returns how many users one [Client.Read] may ask for.
func (c *Client) BatchSize() int {
	if c.kind == Batch {
		return maxBatch
	}
	return 1
}

// CloseIdleConnections closes the connections that carry no request now; those in use are closed when they become
// idle, unless a new request comes first.
func (c *Client) CloseIdleConnections() { c.transport.CloseIdleConnections() }

// Changed returns a channel that is closed when other certificate authorities are trusted than before: the moment to try
// again what failed. It is nil where that cannot be.
func (c *Client) Changed() <-chan struct{} { return c.trust.Changed() }
