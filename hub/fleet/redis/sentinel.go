package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// sentinels find the primary that may grant a lease. A primary that was cut off goes on answering whoever still reaches
// it, while the others elect another: so each grant is asked of the one server that a sentinel names which itself can
// reach the majority. All are asked at once, for one that hangs must not take the time of those that stand.
type sentinels struct {
	s       *Store
	mu      sync.Mutex
	asked   map[string]*goredis.SentinelClient
	addr    string
	granter *goredis.Client
	asking  sync.WaitGroup
}

// opinion is what one sentinel says of the primary's address.
type opinion struct {
	primary string
	err     error
}

func (g *sentinels) primary(ctx context.Context) (*goredis.Client, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	opinions := make(chan opinion, len(g.s.o.Addrs)) // whoever comes late finds room
	for _, addr := range g.s.o.Addrs {
		c := g.client(addr)
		g.asking.Go(func() {
			primary, err := g.ask(ctx, c)
			if err != nil {
				err = fmt.Errorf("sentinel %s: %w", addr, err)
			}
			opinions <- opinion{primary, err}
		})
	}
	var problems []error
	for range g.s.o.Addrs {
		select {
		case o := <-opinions:
			if o.err == nil {
				return g.at(o.primary), nil
			}
			problems = append(problems, o.err)
		case <-ctx.Done():
			return nil, errors.Join(append(problems, ctx.Err())...)
		}
	}
	return nil, errors.Join(problems...)
}

// client returns the client of one sentinel.
func (g *sentinels) client(addr string) *goredis.SentinelClient {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, known := g.asked[addr]
	if !known {
		o := g.s.options(addr)
		o.CredentialsProviderContext = nil // see greet
		c = goredis.NewSentinelClient(o)
		if g.asked == nil {
			g.asked = map[string]*goredis.SentinelClient{}
		}
		g.asked[addr] = c
	}
	return c
}

// at returns the client of the primary at an address. One of another address is closed.
func (g *sentinels) at(primary string) *goredis.Client {
	g.mu.Lock()
	defer g.mu.Unlock()
	if primary != g.addr {
		if g.granter != nil {
			g.granter.Close()
		}
		g.addr, g.granter = primary, goredis.NewClient(g.s.options(primary))
	}
	return g.granter
}

// ask returns the primary's address by one sentinel, if that has the majority with it and takes the primary for alive.
func (g *sentinels) ask(ctx context.Context, c *goredis.SentinelClient) (string, error) {
	if err := c.CkQuorum(ctx, g.s.o.MasterName).Err(); err != nil {
		return "", err
	}
	said, err := c.Master(ctx, g.s.o.MasterName).Result()
	if err != nil {
		return "", err
	}
	if strings.Contains(said["flags"], "_down") {
		return "", errors.New("the primary is down")
	}
	return net.JoinHostPort(said["ip"], said["port"]), nil
}

func (g *sentinels) close() error {
	g.mu.Lock()
	var problems []error
	for _, c := range g.asked {
		problems = append(problems, c.Close())
	}
	if g.granter != nil {
		problems = append(problems, g.granter.Close())
	}
	g.mu.Unlock()
	g.asking.Wait()
	return errors.Join(problems...)
}

// dialToFind opens the connections of a client that finds the primary by itself. It goes on asking the sentinel that it
// asked last, however long that hangs, while nothing but the time of the dial ends the question; so reads from sentinels
// end sooner, and the client asks the others.
func (s *Store) dialToFind(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := s.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	remote := c.RemoteAddr().String() // sentinels name one another by these, whatever they are called here
	s.mu.Lock()
	defer s.mu.Unlock()
	if slices.Contains(s.o.Addrs, addr) {
		s.sentinels[remote] = true
	}
	if s.sentinels[remote] {
		return impatient{c}, nil
	}
	return c, nil
}

// impatient is a connection whose reads, if they are to end, end after [sentinelLimit].
type impatient struct{ net.Conn }

func (c impatient) SetReadDeadline(t time.Time) error { return c.Conn.SetReadDeadline(sooner(t)) }
func (c impatient) SetDeadline(t time.Time) error     { return c.Conn.SetDeadline(sooner(t)) }

func sooner(t time.Time) time.Time {
	if limit := time.Now().Add(sentinelLimit); t.After(limit) {
		return limit
	}
	return t
}
