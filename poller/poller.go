package poller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// Source answers reads; [graph.Client] is one. Read is one attempt that nothing repeats, safe for concurrent use.
// Its error is a [*graph.Error]. Where a Source has CloseIdleConnections, that is called after a 503; where it has
// People and Find, as [graph.Client] does, it is asked for names and e-mail addresses, see [Watch].Directory; where it has
// Changed() <-chan struct{}, that tells when to try again what failed.
type Source interface {
	BatchSize() int
	Read(ctx context.Context, ids []presence.ID) (*graph.Answer, error)
}

// Term is an unbroken spell in which this process may poll. All but Wants are called from one goroutine.
type Term interface {
	// Observe judges readings; the verdicts stand in their order, and are valid until the next call. An error ends
	// the term.
	Observe(ctx context.Context, readings []presence.Reading) ([]presence.Verdict, error)
	// Forget drops the states of users who are no longer watched.
	Forget(ids []presence.ID)
	// Lapse drops the states of users in whom nobody is interested any longer, but for those who are watched again.
	Lapse(ids []presence.ID)
	// Describe says who is watched by configuration, and what is known of groups and names.
	Describe(d *presence.Directory)
	// Wants blocks until some users began or ceased to be watched by someone, or are watched by many more or fewer than
	// it said last; the first call returns all who are watched.
	Wants(ctx context.Context) ([]presence.Want, error)
	// Report says whether reads succeed.
	Report(s presence.Status)
}

// Options of a [Poller]. Budget is needed, the rest has defaults.
type Options struct {
	Budget       *budget.Budget
	Kind         graph.Kind    // of the reads, for metrics; default batch
	Interval     time.Duration // how often each user should be read; default 5 s
	Before       time.Time     // when a read of another process last succeeded, which read before this one; zero: unknown
	RetryRefused time.Duration // how often who was refused alone is asked again; default 9 min
	Watch        Watch         // who is read
	// Credential tells metrics when it expires; with Changed() <-chan struct{}, when to try again; with Challenge(claims
	// string) bool, whether another token will answer claims that Graph wants; with Renew() bool, that Graph refuses it;
	// with Expires() (token, certificate time.Time), metrics when the certificate does that it was got with.
	Credential graph.Credential
	Registry   prometheus.Registerer // nil: none
	Log        *zap.Logger           // nil: none
}

// Poller reads presences. Create it with [New]; it works while [Poller.Run] does.
type Poller struct {
	source  Source
	term    Term
	o       Options
	log     *zap.Logger
	metrics *metrics

	began time.Time

	mu      sync.Mutex // guards what Explain and Figures read; only the loop writes
	plan    *plan.Plan
	roster  *roster
	recent  recent
	pulse   pulse
	trouble *Trouble // nil: the last read succeeded

	listed   chan struct{} // one slot: who is listed by configuration may have changed
	register *register     // nil: names and addresses are not to be read
}

// New returns a poller of source for term. It starts nothing. The error says which option cannot be.
func New(source Source, term Term, o Options) (*Poller, error) {
	if o.Budget == nil {
		return nil, errors.New("poller: no budget")
	}
	if o.Interval < 0 || o.RetryRefused < 0 {
		return nil, errors.New("poller: a negative interval")
	}
	if len(o.Watch.Groups) > 0 && o.Watch.Members == nil {
		return nil, errors.New("poller: groups to watch, and no one to ask for their members")
	}
	o.Kind = cmp.Or(o.Kind, graph.Batch)
	o.Interval = cmp.Or(o.Interval, 5*time.Second)
	o.Watch = o.Watch.withDefaults()
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	p := &Poller{
		source: source,
		term:   term,
		o:      o,
		log:    o.Log.Named("poller"),
		began:  time.Now(),
		plan: plan.New(plan.Options{
			Batch:        source.BatchSize(),
			Interval:     o.Interval,
			Rate:         o.Budget.Rate(),
			RetryRefused: o.RetryRefused,
		}),
		roster: newRoster(o.Watch),
		listed: make(chan struct{}, 1),
	}
	if source, ok := source.(people); ok && o.Watch.Directory {
		p.register = newRegister(source)
	}
	var err error
	if p.metrics, err = newMetrics(p); err != nil {
		return nil, fmt.Errorf("poller: %w", err)
	}
	return p, nil
}

// Run reads until ctx ends, and returns nil then. Another error is a file that cannot be used at the start, or the
// term's end. Reads under way are cancelled and counted as lost; the budget stays open, it is its owner's to close.
func (p *Poller) Run(ctx context.Context) error {
	f := &feed{w: p.o.Watch, log: p.log, updates: make(chan update), changed: p.credentialChange}
	first, err := f.first()
	if err != nil {
		return fmt.Errorf("poller: %w", err)
	}
	running, runCtx := errgroup.WithContext(ctx)
	l := newLoop(p, f.updates)
	running.Go(func() error { return l.run(runCtx, first) })
	running.Go(func() error { return l.reserve(runCtx) })
	running.Go(func() error { return f.watchFiles(runCtx) })
	running.Go(func() error { return f.expandGroups(runCtx) })
	if p.register != nil {
		running.Go(func() error { return p.name(runCtx, p.register.source, f) })
		running.Go(func() error { return p.register.run(runCtx, f) })
	}
	running.Go(func() error { return f.follow(runCtx, p.term) })
	if err := running.Wait(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("poller: %w", err)
	}
	return nil
}
