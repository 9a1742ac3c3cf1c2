package main

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/config"
	"github.com/presence-gateway/presence-gateway/poller/budget"
)

// back is what stands behind the gateway: the table, and whoever fills it.
type back struct {
	table  *hub.Hub
	reader reader
	heard  func(context.Context) ([]byte, time.Duration, error) // how the reading goes in another process; nil: there is no other
	run    func(context.Context) error                          // returns once all it started has ended
}

// newBack makes the back that the configuration names.
func newBack(c *config.Config, registry *prometheus.Registry, p parts) (*back, error) {
	if c.Hub.Kind == "redis" {
		return newAmong(c, registry, p)
	}
	return newAlone(c, registry, p)
}

// newAlone makes the back of a process that shares its table with no other.
func newAlone(c *config.Config, registry *prometheus.Registry, p parts) (*back, error) {
	state := c.StateDir
	if p.tenant == nil {
		state = stateDir(state)
	}
	o := spendingOptions(c, p)
	o.Dir, o.Identity = state, identity(&c.Graph)
	spending, err := budget.Open(o)
	if err != nil {
		return nil, err
	}
	client, err := newClient(c, p)
	if err != nil {
		return nil, errors.Join(err, spending.Close())
	}
	generations, err := openGenerations(state, &c.Graph)
	if err != nil {
		p.log.Warn("versions are not continued after a restart", zap.Error(err))
	}
	b := &back{table: hub.New(hub.Options{ResetAfter: c.Graph.SequenceResetAfter, Generations: generations, Log: p.log})}
	// One process leads unless another one of the same folder does.
	gauge(registry, "presence_leader", "1 while this process is the one that reads.", func() bool { return !spending.Held() })
	gauge(registry, "presence_hub_connected", "1 while the hub is connected; one in memory always is.", func() bool { return true })
	reading, err := newPoller(c, readings{source: client, term: b.table, spending: spending}, registry, p)
	if err != nil {
		return nil, errors.Join(err, spending.Close())
	}
	b.reader.now.Store(reading)
	b.run = func(ctx context.Context) error {
		defer client.CloseIdleConnections()
		return errors.Join(reading.Run(ctx), spending.Close())
	}
	return b, nil
}

func spendingOptions(c *config.Config, p parts) budget.Options {
	return budget.Options{Requests: c.Graph.Budget.Requests, Window: c.Graph.Budget.Window, Grace: c.Graph.Timeout, Log: p.log}
}

func gauge(registry prometheus.Registerer, name, help string, holds func() bool) {
	registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
		if holds() {
			return 1
		}
		return 0
	}))
}
