package gateway

import (
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the figures of the side that clients see. No label names a person.
type metrics struct {
	sent, conflated           prometheus.Counter
	disconnects, authFailures *prometheus.CounterVec
	readToSend, age           prometheus.Histogram
	panics                    prometheus.Counter
}

func newMetrics(s *Server, o Options) *metrics {
	m := &metrics{
		sent: prometheus.NewCounter(prometheus.CounterOpts{Name: "presence_states_sent_total",
			Help: "States handed to sockets, in snapshots and deltas."}),
		conflated: prometheus.NewCounter(prometheus.CounterOpts{Name: "presence_states_conflated_total",
			Help: "States passed over because a newer one was there before the connection could be told, as far as is known."}),
		disconnects: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "presence_disconnects_total",
			Help: "Connections ended, by close code; 1006 for those that broke."}, []string{"code"}),
		authFailures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "presence_auth_failures_total",
			Help: "Callers not let in, by how they tried."}, []string{"reason"}),
		readToSend: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "presence_read_to_send_seconds",
			Help:    "From Graph's answer received to the delta handed to the socket: the oldest news of each write.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}}),
		age: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "presence_age_seconds",
			Help:    "How long ago states of watched users were last confirmed, sampled.",
			Buckets: []float64{.5, 1, 2, 3, 5, 7.5, 10, 15, 20, 30, 45, 60, 120, 300, 600}}),
		panics: prometheus.NewCounter(prometheus.CounterOpts{Name: "presence_panics_total",
			Help: "Panics survived. Each is a bug."}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{Name: "presence_build_info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"version": o.Version, "goversion": runtime.Version()}})
	build.Set(1)
	connections := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "presence_connections",
		Help: "Open WebSockets."}, func() float64 { return float64(s.connections.len()) })
	o.Metrics.MustRegister(m.sent, m.conflated, m.disconnects, m.authFailures, m.readToSend, m.age, m.panics,
		build, connections)
	return m
}

// wrote counts one write.
func (m *metrics) wrote(k *composer) {
	if k.sent == 0 {
		return
	}
	m.sent.Add(float64(k.sent))
	if !k.answered.IsZero() {
		m.readToSend.Observe(time.Since(k.answered).Seconds())
	}
}
