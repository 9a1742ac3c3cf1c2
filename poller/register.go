package poller

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

const (
	findsApart = 125 * time.Millisecond // between two requests: 120 addresses a second at most
	maxFinding = 2048                   // addresses waiting to be asked for; beyond it none is
	maxFound   = 1 << 16                // addresses remembered
	foundFor   = time.Hour              // how long an answer is good
	nobodyFor  = 5 * time.Minute        // the same of an address that nobody has: the account may be made meanwhile
)

// register finds users by their e-mail addresses, and remembers what it found.
type register struct {
	source people
	wake   chan struct{} // one slot: there is something to ask for

	mu    sync.Mutex
	known map[string]*finding // by address in lower case
	queue []string            // of these, those not asked for yet
}

// finding is what is known of an address. The register's lock guards it.
type finding struct {
	id    presence.ID // zero: nobody's
	until time.Time   // when it must be asked for again; zero: no answer yet
	done  chan struct{}
}

func newRegister(source people) *register {
	return &register{source: source, wake: make(chan struct{}, 1), known: map[string]*finding{}}
}

// Lookup tells whose e-mail addresses these are, whether or not anyone watches those users: each by the address as it
// was given, with the zero id for one that nobody has, and for that of somebody who opted out. It asks the directory, a
// few requests a second for all callers together, and waits for it until ctx ends; what is not known until then is left
// out, but is found out all the same, to be known the next time. With a context that has ended it answers what is known
// and asks for nothing. It may be called at any time; without Watch.Directory it knows nobody.
func (p *Poller) Lookup(ctx context.Context, addresses []string) map[string]presence.ID {
	if p.register == nil {
		return nil
	}
	found := p.register.find(ctx, addresses)
	p.mu.Lock()
	defer p.mu.Unlock()
	for address, id := range found {
		if p.roster.out[id] {
			found[address] = presence.ID{}
		}
	}
	return found
}

func (r *register) find(ctx context.Context, addresses []string) map[string]presence.ID {
	found, waiting := map[string]presence.ID{}, map[string]*finding{}
	r.mu.Lock()
	for _, address := range addresses {
		f := r.ask(strings.ToLower(address), ctx.Err() != nil)
		switch {
		case f == nil:
		case f.until.IsZero():
			waiting[address] = f
		default:
			found[address] = f.id
		}
	}
	r.mu.Unlock()
	for _, f := range waiting {
		select {
		case <-f.done:
		case <-ctx.Done():
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for address, f := range waiting {
		if !f.until.IsZero() {
			found[address] = f.id
		}
	}
	return found
}

// ask returns what is known of an address, or is being found out; nil if it is neither. r.mu is held.
func (r *register) ask(key string, only bool) *finding {
	f := r.known[key]
	if f != nil && (f.until.IsZero() || time.Now().Before(f.until)) {
		return f
	}
	if only || len(r.queue) >= maxFinding {
		return nil
	}
	f = &finding{done: make(chan struct{})}
	r.known[key] = f
	r.queue = append(r.queue, key)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return f
}

// run asks the directory until ctx ends. Where Graph takes offence at one of some addresses, they are asked for in
// halves, until that one stands alone: it is nobody's.
func (r *register) run(ctx context.Context, f *feed) error {
	var parts [][]string
	fails := 0
	for {
		var some []string
		if last := len(parts) - 1; last >= 0 {
			some, parts = parts[last], parts[:last]
		} else {
			some = r.next()
		}
		if len(some) == 0 {
			select {
			case <-r.wake:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		changed, wait := f.changed(), findsApart
		found, err := r.source.Find(ctx, some)
		offended := err != nil && asGraph(err).Status == http.StatusBadRequest
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case offended && len(some) > 1:
			half := len(some) / 2
			parts = append(parts, some[:half], some[half:])
		case err == nil, offended:
			r.answer(some, found)
			fails = 0
		default:
			r.giveUp(some)
			wait = f.groupWait(err, fails)
			if fails++; fails == 1 {
				f.log.Warn("e-mail addresses cannot be looked up", zap.Duration("again", wait), zap.Error(err))
			}
		}
		select {
		case <-time.After(wait):
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (r *register) next() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(len(r.queue), graph.MaxPeople)
	some := r.queue[:n:n]
	if r.queue = r.queue[n:]; len(r.queue) == 0 {
		r.queue = nil
	}
	return some
}

// answer notes whose some addresses are. Those that found does not have are nobody's.
func (r *register) answer(keys []string, found map[string]presence.ID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for _, key := range keys {
		f := r.known[key]
		f.id, f.until = found[key], now.Add(foundFor)
		if f.id.IsZero() {
			f.until = now.Add(nobodyFor)
		}
		close(f.done)
	}
	r.tidy(now)
}

// giveUp lets those who wait for some addresses go without an answer. The next one to ask has them asked for again.
func (r *register) giveUp(keys []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range keys {
		close(r.known[key].done)
		delete(r.known, key)
	}
}

// tidy forgets what is no longer good, and more where much is known. r.mu is held.
func (r *register) tidy(now time.Time) {
	if len(r.known) <= maxFound {
		return
	}
	for key, f := range r.known {
		if !f.until.IsZero() && (!now.Before(f.until) || len(r.known) > maxFound*3/4) {
			delete(r.known, key)
		}
	}
}
