package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

// newAmong makes the back of one process among many, which share a Redis.
func newAmong(c *config.Config, registry *prometheus.Registry, p parts) (*back, error) {
	store, err := newRedis(c, p.log)
	if err != nil {
		return nil, err
	}
	b := &back{table: hub.New(hub.Options{ResetAfter: c.Graph.SequenceResetAfter, Log: p.log})}
	o := fleet.Options{OnDemand: c.Watch.OnDemand, Name: processName(), Registry: registry, Log: p.log}
	if p.role.reads() {
		client, err := newClient(c, p)
		if err != nil {
			return nil, errors.Join(err, store.Close())
		}
		turns := &turns{c: c, p: p, client: client, reader: &b.reader, registry: registry}
		o.Lead, o.Figures = turns.lead, b.reader.tell
	}
	members, err := fleet.New(b.table, store, o)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	b.heard = members.Figures
	b.run = func(ctx context.Context) error { return errors.Join(members.Run(ctx), store.Close()) }
	return b, nil
}

// turns reads Graph whenever it is this process's turn.
type turns struct {
	c        *config.Config
	p        parts
	client   *graph.Client
	reader   *reader
	registry *prometheus.Registry
	before   *budget.Budget // of the last turn here
}

// lead reads for one term, with the budget as the process before left it.
func (t *turns) lead(ctx context.Context, term *fleet.Term) error {
	o := spendingOptions(t.c, t.p)
	o.Record, o.Term, o.After = purse{term}, term.Number(), t.before
	spending, err := budget.Open(o)
	if err != nil {
		return err
	}
	t.before = spending
	figures := &passing{Registerer: t.registry}
	defer figures.leave()
	defer t.client.CloseIdleConnections()
	reading, err := newPoller(t.c, readings{fenced{t.client, term}, term, spending, term.Before(), term.Known()}, figures, t.p)
	if err != nil {
		return errors.Join(err, spending.Close())
	}
	t.reader.now.Store(reading)
	defer t.reader.now.Store(nil)
	return errors.Join(reading.Run(ctx), spending.Close())
}

// fenced lets no read leave that the lease does not cover: a process that was stopped for a while must not go on where
// it was, for another one reads by then.
type fenced struct {
	*graph.Client
	term *fleet.Term
}

var errNotHeld = errors.New("the lease is over: another process may be reading")

func (f fenced) Read(ctx context.Context, ids []presence.ID) (*graph.Answer, error) {
	if !f.term.Held() {
		return nil, &graph.Error{Op: "read presences", Err: errNotHeld}
	}
	return f.Client.Read(ctx, ids)
}

// purse is the record of spent reads that the processes share.
type purse struct{ term *fleet.Term }

func (p purse) Load(ctx context.Context) ([]byte, time.Duration, error) {
	text, age, err := p.term.LoadBudget(ctx)
	switch {
	case errors.Is(err, fleet.ErrNone):
		return nil, 0, nil
	case errors.Is(err, fleet.ErrForeign):
		err = budget.ErrUnsure
	}
	return text, age, err
}

func (p purse) Save(ctx context.Context, text []byte) error { return p.term.SaveBudget(ctx, text) }

// passing is a registry for what ends before the process does.
type passing struct {
	prometheus.Registerer
	all []prometheus.Collector
}

func (p *passing) Register(c prometheus.Collector) error {
	err := p.Registerer.Register(c)
	if err == nil {
		p.all = append(p.all, c)
	}
	return err
}

func (p *passing) MustRegister(all ...prometheus.Collector) {
	for _, c := range all {
		if err := p.Register(c); err != nil {
			panic(err)
		}
	}
}

func (p *passing) leave() {
	for _, c := range p.all {
		p.Unregister(c)
	}
}
