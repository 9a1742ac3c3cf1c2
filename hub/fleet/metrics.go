package fleet

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	terms, refused, foreign, mismatches, raised prometheus.Counter
	messages, published, applied, rejoins       prometheus.Counter
	resyncs                                     *prometheus.CounterVec
}

// newMetrics registers what operators should know. Nothing of it names a person.
func newMetrics(f *Fleet) (*metrics, error) {
	var all []prometheus.Collector
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "presence_fleet_" + name, Help: help})
		all = append(all, c)
		return c
	}
	gauge := func(name, help string, value func() bool) {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			if value() {
				return 1
			}
			return 0
		}))
	}
	m := &metrics{
		terms:      counter("terms_total", "Terms in which this process polled."),
		refused:    counter("fence_refusals_total", "Writes refused because another term had written there."),
		foreign:    counter("foreign_positions_total", "Writes refused because a shard was not where it was left."),
		mismatches: counter("audit_mismatches_total", "Shards in the store that were not what was written there."),
		raised:     counter("raised_total", "States published again because somebody held more than the truth."),
		messages:   counter("messages_total", "Messages heard, beats included."),
		published:  counter("states_published_total", "States written by this process."),
		applied:    counter("states_applied_total", "States heard from another process."),
		rejoins:    counter("rejoins_total", "Subscriptions made anew because nothing was heard."),
		resyncs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presence_fleet_resyncs_total",
			Help: "Shards loaded, by why: joined, gap, mismatch, term, again.",
		}, []string{"why"}),
	}
	all = append(all, m.resyncs)
	gauge("presence_leader", "Whether this process polls.", f.Leads)
	gauge("presence_hub_connected", "Whether every shard was shown to be current within 5 s.", func() bool {
		oldest, _ := f.shown()
		return f.Leads() || time.Since(oldest) < lostAfter
	})
	all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "presence_fleet_clock_ahead_seconds",
		Help: "How far this clock seems ahead of the one of the process that polls; a message's way is in it.",
	}, func() float64 { return time.Duration(f.health.ahead.Load()).Seconds() }))
	if f.o.Registry != nil {
		for _, c := range all {
			if err := f.o.Registry.Register(c); err != nil {
				return nil, err
			}
		}
	}
	return m, nil
}
