package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/describe"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/web"
)

// Options configure a [Server]. The zero value lets nobody in, which [New] refuses; Anonymous and one rule are
// enough.
type Options struct {
	Version string // of the program, for /v1/settings and metrics
	Demo    bool   // says so in /v1/settings, so that pages offer what only a demo can do

	PublicURL      *url.URL       // as browsers reach the server; nil: unknown
	Origins        []string       // allowed besides the server's own; "*" allows all but "null"
	LoopbackOrigin bool           // allow every origin on this machine
	TrustedProxies []netip.Prefix // whose X-Forwarded headers count
	TLS            *tls.Config    // for Serve; nil: plain

	Door         Door      // says who callers are; nil: everyone is anonymous, if Anonymous lets them
	Anonymous    bool      // whoever presents nothing is the anonymous caller
	SignIn       SignIn    // how pages sign in
	Policy       []Rule    // who sees whom, until Govern is called
	OperatorRole string    // the token role, or the name of the API key, of whoever may see the operator's view
	OnDemand     bool      // whoever is asked for is read, not only those the directory watches
	Audit        io.Writer // a line of JSON for whoever watches somebody; nil: nothing
	// Resolve tells whose e-mail addresses are that the directory does not name, each by the address as it was given,
	// and the zero id for one that nobody has. What it cannot find out before the context ends it leaves out; where that
	// has ended, it answers what it knows. It is asked on behalf of callers who may see everyone only; nil: nobody.
	Resolve func(ctx context.Context, addresses []string) map[string]presence.ID

	// Unserved says that nobody is let in, because Serve is not called: the server is there for Admin alone.
	Unserved bool

	// Compression lets WebSockets be compressed whose clients offer it (permessage-deflate, each message for itself).
	Compression bool

	Limits    Limits
	Flush     time.Duration // at most one flush of deltas per connection in this time; 0: each change at once
	Heartbeat time.Duration // 0: 10 s
	Stall     time.Duration // a reader who takes in nothing this long is closed; 0: 20 s
	ReadWait  time.Duration // how long an HTTP read waits for Graph; 0: not at all

	FacadeMaxAge time.Duration // what was confirmed longer ago is not answered under /graph; 0: 60 s

	Drain      time.Duration // from the end of Run's context to its return; 0: 20 s
	DrainDelay time.Duration // of it, how long new connections are still taken

	Name    string                        // of this process, for operators
	HubKind string                        // for operators: memory, redis
	Reading func(context.Context) *Told   // for operators: how the reading goes, wherever it is; nil, and a nil answer: unknown
	Pages   http.Handler                  // everything outside /v1; nil: nothing
	Files   map[string]web.Built          // what pages load, for whoever pins it; nil: nobody does
	Explain func(presence.ID) any         // what the poller knows of a user, for /debug/users; nil: nothing
	Ready   func() (ok bool, line string) // what else readiness depends on, and a line on it; nil: nothing
	Metrics *prometheus.Registry          // nil: one of its own
	Log     *zap.Logger                   // nil: logs nothing
}

// Limits bound what one client, and all of them, may take. Zero stands for the default.
type Limits struct {
	Connections           int // 100,000
	ConnectionsPerSubject int // 50, of those who signed in
	UsersPerConnection    int // 10,000, those of groups and "*" not counted
	MessageBytes          int // 1 MiB
	MessagesPerSecond     int // 20, of each connection
	UnknownUsers          int // 100, a minute and subject: ids asked for on demand that Graph does not know
}

func (l Limits) withDefaults() Limits {
	set := func(limit *int, value int) {
		if *limit == 0 {
			*limit = value
		}
	}
	set(&l.Connections, 100_000)
	set(&l.ConnectionsPerSubject, 50)
	set(&l.UsersPerConnection, 10_000)
	set(&l.MessageBytes, 1<<20)
	set(&l.MessagesPerSecond, 20)
	set(&l.UnknownUsers, 100)
	return l
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&o.Heartbeat, 10*time.Second)
	set(&o.Stall, 20*time.Second)
	set(&o.FacadeMaxAge, time.Minute)
	set(&o.Drain, 20*time.Second)
	o.Limits = o.Limits.withDefaults()
	if o.Pages == nil {
		o.Pages = http.HandlerFunc(notFound)
	}
	o.Pages = describe.Handler(o.Pages)
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}
