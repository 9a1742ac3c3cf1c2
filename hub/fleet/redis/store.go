package redis

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"sync"
	"sync/atomic"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

// Store is a [fleet.Store] in Redis. It is safe for concurrent use.
type Store struct {
	o       Options
	log     *zap.Logger
	keys    *keys
	client  goredis.UniversalClient
	cluster *goredis.ClusterClient // nil: there is no Cluster
	grants  *sentinels             // nil: there are no sentinels
	saves   atomic.Uint64          // of records of spent reads, so far

	mu        sync.Mutex
	trusted   *x509.CertPool
	version   string          // of the server that answered last
	ears      []*ear          // by shard, while Listen runs
	sentinels map[string]bool // by their addresses, as far as they were connected to
}

var _ fleet.Store = (*Store)(nil)

// New makes a store, which connects when it is used. The error says which option is impossible.
func New(o Options) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	quietly.Do(func() { goredis.SetLogger(quiet{}) })
	s := &Store{o: o, log: o.Log.Named("redis"), keys: newKeys(o.Prefix), sentinels: map[string]bool{}}
	s.client = s.connect()
	s.cluster, _ = s.client.(*goredis.ClusterClient)
	if o.MasterName != "" {
		s.grants = &sentinels{s: s}
	}
	return s, nil
}

// quiet is the client library's log, which knows one for the whole process: what it says, our errors say as well.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}

var quietly sync.Once

// Close ends all connections. Listen must have ended.
func (s *Store) Close() error {
	err := s.client.Close()
	if s.grants != nil {
		err = errors.Join(err, s.grants.close())
	}
	return err
}

// Version returns the version of the server that was connected to last; "" before the first.
func (s *Store) Version() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Ping asks whether Redis answers: in a Cluster, every owner of slots.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	if s.cluster == nil {
		return s.explain(s.client.Ping(ctx).Err())
	}
	err := s.cluster.ForEachMaster(ctx, func(ctx context.Context, owner *goredis.Client) error { return owner.Ping(ctx).Err() })
	if err != nil {
		s.cluster.ReloadState(ctx)
	}
	return s.explain(err)
}

// troubled has the map of a Cluster's slots read again after an error that may come of an old one. It returns the
// error with what it was about.
func (s *Store) troubled(ctx context.Context, err error) error {
	if err != nil && s.cluster != nil {
		s.cluster.ReloadState(ctx)
	}
	return s.explain(err)
}

func (s *Store) explain(err error) error {
	if s.o.MasterName != "" && errors.Is(err, goredis.Nil) {
		return &Refusal{"the sentinels know no primary called " + s.o.MasterName, "set hub.redis.master_name to what they call it"}
	}
	return explain(err)
}

// explain says what an error means where Redis does not quite.
func explain(err error) error {
	var refused *Refusal
	var said goredis.Error
	switch {
	case errors.As(err, &refused):
		return refused
	case err == nil || !errors.As(err, &said):
		return err
	}
	text := said.Error()
	var remedy string
	switch {
	case strings.HasPrefix(text, "NOAUTH"), strings.HasPrefix(text, "WRONGPASS"):
		remedy = "see hub.redis.username and hub.redis.password_file"
	case lacksRight(text):
		remedy = "give the user of hub.redis.username the rights that docs/redis.md names"
	case strings.Contains(text, "OOM "):
		remedy = "give Redis more memory (maxmemory)"
	default:
		return err
	}
	return &Refusal{text, remedy}
}

// errEnded says that Redis ended a subscription by itself.
var errEnded = errors.New("redis: the subscription was ended")

func pathAndError(path string, err error) []zap.Field {
	return []zap.Field{zap.String("file", path), zap.Error(err)}
}
