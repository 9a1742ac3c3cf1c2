package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// degraded is a metric of what this process's clients are told, whether it reads Graph itself or not.
type degraded struct{ table *hub.Hub }

var degradedBy = prometheus.NewDesc("presence_degraded", "1 while clients are told that states may be old, by reason.", []string{"reason"}, nil)

// Describe is [prometheus.Collector]'s.
func (degraded) Describe(descriptions chan<- *prometheus.Desc) { descriptions <- degradedBy }

// Collect is [prometheus.Collector]'s. It tells every reason, so that one that is over is 0.
func (d degraded) Collect(metrics chan<- prometheus.Metric) {
	told := d.table.Status().Reason
	for _, reason := range []presence.Reason{
		presence.GraphUnavailable, presence.Throttled, presence.Unauthorized, presence.HubUnavailable, presence.NoPoller,
	} {
		value := 0.0
		if reason == told {
			value = 1
		}
		metrics <- prometheus.MustNewConstMetric(degradedBy, prometheus.GaugeValue, value, string(reason))
	}
}
