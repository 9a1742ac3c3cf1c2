package redis

import (
	"context"
	"errors"
	"net"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Options of a [Store].
type Options struct {
	Addrs      []string // host:port; default 127.0.0.1:6379. Several are nodes of a Cluster, or sentinels with MasterName
	MasterName string   // what the sentinels at Addrs call the primary
	Username   string   // "": the default user

	// Password returns the password; it is asked for each new connection, so that one in a file may change. nil: none.
	Password func() (string, error)

	TLS    bool
	CAFile string // further authorities to trust, PEM, read for each new connection; "": the system's alone

	Prefix string          // of all names; default "presence"
	Fields presence.Fields // what is written of a state beyond availability and activity
	Expire time.Duration   // after how long without a writer states are gone; default 15 min

	// Dial opens the connections under TLS; nil: a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	Log *zap.Logger // nil: none
}

// Limits of one attempt.
const (
	dialLimit = 500 * time.Millisecond
	callLimit = time.Second     // of a small call
	loadLimit = 5 * time.Second // of one that carries a shard or a part of a board

	// Of a read from a sentinel, when a connection is dialled: with a second try, well below dialLimit.
	sentinelLimit = 150 * time.Millisecond
)

func (o *Options) complete() error {
	if len(o.Addrs) == 0 {
		o.Addrs = []string{"127.0.0.1:6379"}
	}
	if o.Prefix == "" {
		o.Prefix = "presence"
	}
	if o.Expire == 0 {
		o.Expire = 15 * time.Minute
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: dialLimit}).DialContext
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	for _, c := range o.Prefix {
		if c <= ' ' || c > '~' || c == '{' || c == '}' {
			return errors.New("redis: a prefix is printable ASCII without spaces and braces")
		}
	}
	if o.Expire < 0 {
		return errors.New("redis: states cannot expire before they are written")
	}
	return nil
}
