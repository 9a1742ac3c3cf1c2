package gateway

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"crypto/tls"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/gateway/graphapi"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Server answers clients. [New] starts nothing: [Server.Run] sends, and [Server.Serve] takes connections, both until
// their context ends, which should be the same one.
type Server struct {
	hub       *hub.Hub
	log       *zap.Logger
	options   Options
	limits    Limits
	flush     time.Duration
	heartbeat time.Duration
	stall     time.Duration
	name      string // of this process, in hello
	began     time.Time
	origins   *origins
	door      Door
	metrics   *metrics
	trend     trend
	audit     *audit
	writers   []*writer
	facade    *graphapi.Handler
	numbers   atomic.Uint64

	connections connections

	views     atomic.Int64 // when somebody's fields last changed, in Unix nanoseconds; 0: never
	judging   sync.Mutex   // held while everybody is judged again; taken before rights
	rights    sync.Mutex   // who may see whom; taken before the lock of any connection
	strangers *strangers
	policy    *policy
	epoch     atomic.Uint64 // of directory and policy together; odd while everybody is judged again
	directory *presence.Directory
	mails     mails

	listening atomic.Int32
	draining  atomic.Bool
	returning atomic.Int64  // connections when the drain began to end them
	loaded    chan struct{} // closed once rights can be judged
	closing   chan struct{} // closed when connections are being ended
}

// New returns a server for what the hub holds. It refuses options by which nobody could connect.
func New(h *hub.Hub, o Options) (*Server, error) {
	o = o.withDefaults()
	allowed, err := newOrigins(o)
	if err != nil {
		return nil, err
	}
	if o.Door == nil && !o.Anonymous && !o.Unserved {
		return nil, ErrNobody
	}
	if o.Door == nil {
		if o.Door, err = auth.New(auth.Options{Anonymous: true}); err != nil {
			return nil, err
		}
	}
	known := closed(h.Loaded()) // asked before the directory, which is the later one then
	s := &Server{
		hub:         h,
		log:         o.Log.Named("gateway"),
		options:     o,
		limits:      o.Limits,
		flush:       o.Flush,
		heartbeat:   o.Heartbeat,
		stall:       o.Stall,
		name:        strings.ToLower(rand.Text()[:6]),
		began:       time.Now(),
		origins:     allowed,
		door:        o.Door,
		connections: newConnections(),
		strangers:   newStrangers(h, o.Limits.UnknownUsers),
		directory:   h.Directory(),
		loaded:      make(chan struct{}),
		closing:     make(chan struct{}),
	}
	if known {
		close(s.loaded)
	}
	s.policy = newPolicy(o.Policy, o.OperatorRole, o.OnDemand, s.directory)
	s.metrics = newMetrics(s, o)
	s.audit = newAudit(o.Audit, s.log.Named("audit"))
	s.facade = graphapi.New(facade{s})
	for range runtime.GOMAXPROCS(0) {
		s.writers = append(s.writers, newWriter(s))
	}
	return s, nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// awaitLoaded waits until rights can be judged. Before that the hub does not know who is watched, and everybody would
// be refused.
func (s *Server) awaitLoaded(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, s.options.ReadWait)
	defer cancel()
	select {
	case <-s.loaded:
	case <-ctx.Done():
	}
	return closed(s.loaded)
}

// Run sends until the context ends, then drains: readiness is red at once, new connections are still taken for the
// drain delay, then every client is told when to come back, and closed with 1012. It returns when all connections
// have ended, within Options.Drain.
func (s *Server) Run(ctx context.Context) error {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var group sync.WaitGroup
	for _, w := range s.writers {
		group.Go(func() { w.run(working) })
	}
	group.Go(func() { s.follow(working) })
	group.Go(func() { s.followDoor(working) })
	group.Go(func() { s.sample(working) })
	group.Go(func() { s.followStrangers(working) })
	group.Go(func() { s.followTrend(working) })

	<-ctx.Done()
	s.drain(working)
	stop()
	group.Wait()
	return nil
}

// drain ends all connections.
func (s *Server) drain(ctx context.Context) {
	s.draining.Store(true)
	total, cancel := context.WithTimeout(ctx, s.options.Drain*9/10)
	defer cancel()
	s.log.Info("draining", zap.Int("connections", s.connections.len()), zap.Duration("within", s.options.Drain))
	pause(total, s.drainDelay())
	s.returning.Store(int64(s.connections.len()))
	close(s.closing)
	for _, c := range s.connections.all() {
		c.end(errDraining, s.farewell(errDraining)...)
	}
	s.connections.wait(total)
	for _, c := range s.connections.all() {
		_ = c.outlet.Close()
	}
	last, cancelLast := context.WithTimeout(ctx, s.options.Drain/10)
	defer cancelLast()
	s.connections.wait(last)
}

// drainDelay leaves at least half of the time for the end.
func (s *Server) drainDelay() time.Duration { return min(s.options.DrainDelay, s.options.Drain/2) }

// spread returns when one client should come back.
func (s *Server) spread() time.Duration {
	returning := max(int64(s.connections.len()), s.returning.Load())
	window := min(30*time.Second, time.Second+time.Duration(returning)*time.Millisecond)
	n, err := rand.Int(rand.Reader, big.NewInt(int64(window)))
	if err != nil {
		return window
	}
	return time.Duration(n.Int64())
}

// Serve takes connections from l, which it closes, until the context ends and the drain delay has passed.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	l = socketListener{l}
	if s.options.TLS != nil {
		config := s.options.TLS.Clone()
		config.NextProtos = []string{"h2", "http/1.1"} // a WebSocket is an upgrade of HTTP/1.1, and browsers know
		config.DynamicRecordSizingDisabled = true
		l = tls.NewListener(l, config)
	}
	server := &http.Server{
		Handler:           s.Handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       30 * time.Second,
		WriteTimeout:      60 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10, // a list of ids in the URL; longer ones are for a query
		ConnContext:       withSocket,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: 250,
			SendPingTimeout:      max(s.heartbeat, minSilence), // after so much silence, whoever does not answer
			PingTimeout:          max(2*s.heartbeat, minSilence),
			WriteByteTimeout:     s.stall, // of the whole connection; a single stream is its writer's to judge
		},
		ErrorLog: zap.NewStdLog(s.log.Named("http")),
	}
	stopped := make(chan error, 1)
	s.listening.Add(1)
	go func() { stopped <- server.Serve(l) }()
	defer s.listening.Add(-1)
	select {
	case err := <-stopped:
		return fmt.Errorf("gateway: serve: %w", err)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.options.Drain)
	defer cancel()
	pause(ending, s.drainDelay())
	if err := server.Shutdown(ending); err != nil { // of what still runs: WebSockets are Run's
		_ = server.Close()
	}
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("gateway: serve: %w", err)
	}
	return nil
}

// sample observes now and then how old the states of some watched users are.
func (s *Server) sample(ctx context.Context) {
	const every, users = 5 * time.Second, 64
	var items []hub.Item
	for next := 0; pause(ctx, every); {
		all := s.hub.Directory().All()
		if len(all) == 0 {
			continue
		}
		ids := make([]presence.ID, 0, users)
		for range min(users, len(all)) {
			ids = append(ids, all[next%len(all)])
			next += 1 + len(all)/users
		}
		items = s.hub.Get(items[:0], ids...)
		for i := range items {
			if items[i].Content != nil {
				s.metrics.age.Observe(time.Since(items[i].ObservedAt).Seconds())
			}
		}
	}
}

// pause waits, and reports whether the context still lives.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// logPanic notes a panic that ends one request or connection, and nothing else.
func (s *Server) logPanic(r any) {
	s.metrics.panics.Inc()
	s.log.Error("panic", zap.String("panic", fmt.Sprintf("%T", r)), zap.ByteString("stack", debug.Stack()))
}
