package redis

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"

	goredis "github.com/redis/go-redis/v9"
)

// sentinels find the primary that may grant a lease. A primary that was cut off goes on answering whoever still reaches
// it, while the others elect another: so each grant is asked of the one server that a sentinel names which itself can
// reach the majority.
type sentinels struct {
	s       *Store
	mu      sync.Mutex
	asked   map[string]*goredis.SentinelClient
	addr    string
	granter *goredis.Client
}

func (g *sentinels) primary(ctx context.Context) (*goredis.Client, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var problems []error
	for _, addr := range g.s.o.Addrs {
		primary, err := g.ask(ctx, addr)
		if err != nil {
			problems = append(problems, fmt.Errorf("sentinel %s: %w", addr, err))
			continue
		}
		if primary != g.addr {
			if g.granter != nil {
				g.granter.Close()
			}
			g.addr, g.granter = primary, goredis.NewClient(g.s.options(primary))
		}
		return g.granter, nil
	}
	return nil, errors.Join(problems...)
}

// ask returns the primary's address by one sentinel, if that has the majority with it and takes the primary for alive.
func (g *sentinels) ask(ctx context.Context, addr string) (string, error) {
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
	defer g.mu.Unlock()
	var problems []error
	for _, c := range g.asked {
		problems = append(problems, c.Close())
	}
	if g.granter != nil {
		problems = append(problems, g.granter.Close())
	}
	return errors.Join(problems...)
}
