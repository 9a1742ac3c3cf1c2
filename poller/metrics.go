package poller

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what operators watch of the reading side. No label names a person.
type metrics struct {
	requests  *prometheus.CounterVec
	changes   prometheus.Counter
	regressed prometheus.Counter
	sweep     prometheus.Gauge
}

func newMetrics(p *Poller) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "presence_graph_requests_total",
			Help: "Presence reads sent to Graph, by kind and by status or the lack of one.",
		}, []string{"kind", "code"}),
		changes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "presence_changes_total",
			Help: "Readings that changed a user's state.",
		}),
		regressed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "presence_regressed_reads_total",
			Help: "Readings older than the state held, from a lagging replica, and dropped.",
		}),
		sweep: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "presence_sweep_seconds",
			Help: "How long it takes to ask everyone once, at the pace of now.",
		}),
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	collectors := []prometheus.Collector{
		m.requests, m.changes, m.regressed, m.sweep,
		gauge("presence_graph_window_requests", "Presence reads that may have reached Graph within the window.",
			func() float64 { return float64(p.o.Budget.Usage().Spent) }),
		gauge("presence_graph_window_limit", "Presence reads allowed in any window.",
			func() float64 { return float64(p.o.Budget.Usage().Limit) }),
		gauge("presence_graph_paused_seconds", "For how long yet no read may leave because Graph asked for a pause.",
			func() float64 { return p.o.Budget.Usage().Paused.Seconds() }),
		gauge("presence_watched_users", "Users who are read.", func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return float64(p.plan.Active())
		}),
	}
	if p.o.Credential != nil {
		collectors = append(collectors, gauge("presence_credential_expires_seconds",
			"For how long yet the token is good; NaN: unknown.", p.tokenLife))
		if c, ok := p.o.Credential.(certified); ok {
			collectors = append(collectors, certificateLife{c})
		}
	}
	if p.o.Registry == nil {
		return m, nil
	}
	for i, c := range collectors {
		if err := p.o.Registry.Register(c); err != nil {
			for _, registered := range collectors[:i] {
				p.o.Registry.Unregister(registered)
			}
			return nil, err
		}
	}
	return m, nil
}

func (p *Poller) tokenLife() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	token, err := p.o.Credential.Token(ctx)
	if err != nil || token.Expires.IsZero() {
		return math.NaN()
	}
	return time.Until(token.Expires).Seconds()
}

// certified is a credential that may sign in with a certificate.
type certified interface {
	Expires() (token, certificate time.Time)
}

// certificateLife is for how long yet that certificate is good; a metric only where there is one.
type certificateLife struct{ certified }

var certificateExpires = prometheus.NewDesc("presence_credential_certificate_expires_seconds",
	"For how long yet the certificate is good that the token was got with.", nil, nil)

// Describe is [prometheus.Collector]'s.
func (certificateLife) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- certificateExpires
}

// Collect is [prometheus.Collector]'s.
func (c certificateLife) Collect(metrics chan<- prometheus.Metric) {
	if _, end := c.Expires(); !end.IsZero() {
		metrics <- prometheus.MustNewConstMetric(certificateExpires, prometheus.GaugeValue, time.Until(end).Seconds())
	}
}
