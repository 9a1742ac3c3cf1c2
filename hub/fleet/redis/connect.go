package redis

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// oldest is the first release with sharded channels and scripts that say what they need.
const oldest = 7

// connect makes the client; it dials nothing.
func (s *Store) connect() goredis.UniversalClient {
	o := s.universal()
	switch {
	case s.o.MasterName != "":
		failover := o.Failover()
		failover.Dialer = s.dialToFind
		return goredis.NewFailoverClient(failover)
	case len(s.o.Addrs) > 1:
		cluster := o.Cluster()
		cluster.ClusterStateReloadInterval = time.Second // the map of slots must not be believed for a minute
		return goredis.NewClusterClient(cluster)
	}
	return goredis.NewClient(o.Simple())
}

// options are those of a client of one server.
func (s *Store) options(addr string) *goredis.Options {
	o := s.universal()
	o.Addrs, o.MasterName = []string{addr}, ""
	return o.Simple()
}

func (s *Store) universal() *goredis.UniversalOptions {
	return &goredis.UniversalOptions{
		Addrs:      s.o.Addrs,
		MasterName: s.o.MasterName,
		Dialer:     s.dial,
		OnConnect:  s.greet,

		// Pushes of the newer protocol bring nothing here, and what carries them was the source of lost messages.
		Protocol:        2,
		DisableIdentity: true, // CLIENT SETINFO is unknown to Redis 7.0, and a right that nobody needs
		MaintNotificationsConfig: &maintnotifications.Config{
			Mode: maintnotifications.ModeDisabled,
		},

		// A dead master must not be dialled for long.
		DialTimeout:           dialLimit,
		DialerRetries:         1,
		MaxRetries:            1,
		MinRetryBackoff:       10 * time.Millisecond,
		MaxRetryBackoff:       100 * time.Millisecond,
		MaxRedirects:          3,
		ReadTimeout:           loadLimit,
		WriteTimeout:          loadLimit,
		ContextTimeoutEnabled: true,
		PoolSize:              8,
		PoolTimeout:           callLimit,
		ConnMaxIdleTime:       5 * time.Minute,

		CredentialsProviderContext: s.credentials,
	}
}

func (s *Store) credentials(context.Context) (username, password string, err error) {
	if s.o.Password == nil {
		return s.o.Username, "", nil
	}
	password, err = s.o.Password()
	return s.o.Username, password, err
}

func (s *Store) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	plain, err := s.o.Dial(ctx, network, addr)
	if err != nil || !s.o.TLS {
		return plain, err
	}
	secured, err := s.secure(ctx, plain, addr)
	if err != nil {
		plain.Close()
		return nil, fmt.Errorf("redis: %s: TLS: %w", addr, err)
	}
	return secured, nil
}

func (s *Store) secure(ctx context.Context, plain net.Conn, addr string) (net.Conn, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	roots, err := s.roots()
	if err != nil {
		return nil, err
	}
	secured := tls.Client(plain, &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host, RootCAs: roots})
	return secured, secured.HandshakeContext(ctx)
}

// roots reads the authorities anew, so that a file that changed counts from the next connection on. One that cannot be
// used any more leaves those read before.
func (s *Store) roots() (*x509.CertPool, error) {
	if s.o.CAFile == "" {
		return nil, nil // the system's
	}
	text, err := os.ReadFile(s.o.CAFile)
	pool, systemErr := x509.SystemCertPool()
	if systemErr != nil {
		pool = x509.NewCertPool()
	}
	if err == nil && !pool.AppendCertsFromPEM(text) {
		err = fmt.Errorf("%s holds no certificate in PEM", s.o.CAFile)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case err == nil:
		s.trusted = pool
	case s.trusted == nil:
		return nil, err
	default:
		s.log.Warn("the certificate authorities of Redis cannot be read, those read before stay in force", pathAndError(s.o.CAFile, err)...)
	}
	return s.trusted, nil
}

// Refusal says why a server cannot be used as it is, and what to do about it.
type Refusal struct {
	Text, Remedy string
}

func (r *Refusal) Error() string { return "redis: " + r.Text + ": " + r.Remedy }

// greet looks at who answers a new connection. Sentinels are not told who we are before they ask: many do not want to
// know, and then refuse to be told.
func (s *Store) greet(ctx context.Context, c *goredis.Conn) error {
	said, err := c.Hello(ctx, 2, "", "", "").Result()
	if err != nil && s.o.MasterName != "" && strings.HasPrefix(err.Error(), "NOAUTH") {
		username, password, failed := s.credentials(ctx)
		if failed != nil {
			return failed
		}
		if username == "" {
			username = "default"
		}
		if err := c.AuthACL(ctx, username, password).Err(); err != nil {
			return explain(err)
		}
		said, err = c.Hello(ctx, 2, "", "", "").Result()
	}
	if err != nil {
		var refused goredis.Error
		var known *Refusal
		if errors.As(explain(err), &known) {
			return known
		}
		if errors.As(err, &refused) {
			return &Refusal{"the server does not answer HELLO (" + err.Error() + ")", "take Redis 7.0 or later, and let the user run HELLO"}
		}
		return err
	}
	version, mode := fmt.Sprint(said["version"]), fmt.Sprint(said["mode"])
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldest {
		return &Refusal{"the server is Redis " + version, "take Redis 7.0 or later"}
	}
	cluster := len(s.o.Addrs) > 1 && s.o.MasterName == ""
	switch {
	case mode == "sentinel" && s.o.MasterName == "":
		return &Refusal{"a sentinel answers", "set hub.redis.master_name to what it calls the primary"}
	case mode == "cluster" && !cluster:
		return &Refusal{"a node of a Cluster answers", "name several of its nodes in hub.redis.addrs"}
	case mode == "standalone" && cluster:
		return &Refusal{"a server answers that is not in a Cluster", "name it alone in hub.redis.addrs, or set hub.redis.master_name if the addresses are sentinels"}
	}
	s.mu.Lock()
	s.version = version
	s.mu.Unlock()
	return nil
}
