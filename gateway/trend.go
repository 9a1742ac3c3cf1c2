package gateway

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// sample is what the metrics said at one time: the figures of each by its labels' values, and the sum under "".
type sample struct {
	at         time.Time
	figures    map[string]map[string]float64
	histograms map[string]*dto.Histogram
}

// gather asks all metrics of the process.
func (s *Server) gather(at time.Time) (*sample, error) {
	families, err := s.options.Metrics.Gather()
	if err != nil {
		return nil, err
	}
	now := &sample{at: at, figures: map[string]map[string]float64{}, histograms: map[string]*dto.Histogram{}}
	for _, family := range families {
		values := map[string]float64{}
		for _, metric := range family.GetMetric() {
			value := metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			for _, label := range metric.GetLabel() {
				if name := label.GetName(); name == "code" || name == "reason" {
					values[label.GetValue()] += value
				}
			}
			values[""] += value
			if h := metric.GetHistogram(); h != nil {
				now.histograms[family.GetName()] = h
			}
		}
		now.figures[family.GetName()] = values
	}
	return now, nil
}

func (m *sample) value(name string) *float64 {
	values, known := m.figures[name]
	if value := values[""]; known && !math.IsNaN(value) && !math.IsInf(value, 0) {
		return &value
	}
	return nil
}

// labelled returns the figures of a metric by label, those that are zero left out.
func (m *sample) labelled(name string) map[string]float64 {
	values := map[string]float64{}
	for label, value := range m.figures[name] {
		if label != "" && value != 0 {
			values[label] = value
		}
	}
	return values
}

// rate returns by how much a counter rose in a second since before.
func (m *sample) rate(name string, before *sample) *float64 {
	now := m.value(name)
	if before == nil || now == nil || !m.at.After(before.at) {
		return nil
	}
	then := before.figures[name][""]
	perSecond := max(0, *now-then) / m.at.Sub(before.at).Seconds()
	return &perSecond
}

// quantile estimates one of what a histogram has seen since before, as the upper bound of the bucket it falls into; nil
// where it has seen nothing, or what lies above all buckets.
func (m *sample) quantile(name string, q float64, before *sample) *float64 {
	now := m.histograms[name]
	var then *dto.Histogram
	if before != nil {
		then = before.histograms[name]
	}
	seen := func(bucket int) uint64 {
		count := now.GetBucket()[bucket].GetCumulativeCount()
		if old := then.GetBucket(); bucket < len(old) {
			count -= old[bucket].GetCumulativeCount()
		}
		return count
	}
	all := now.GetSampleCount() - then.GetSampleCount()
	for i, bucket := range now.GetBucket() {
		if all > 0 && float64(seen(i)) >= q*float64(all) {
			bound := bucket.GetUpperBound()
			return &bound
		}
	}
	return nil
}

// trend keeps a few samples, for rates.
type trend struct {
	mu      sync.Mutex
	samples []*sample
}

// How often a sample is kept, and over how long rates are reckoned.
const trendEvery, trendSpan = 5 * time.Second, 10 * time.Second

// followTrend keeps samples until the context ends.
func (s *Server) followTrend(ctx context.Context) {
	for {
		if now, err := s.gather(time.Now()); err == nil {
			s.trend.keep(now)
		}
		if !pause(ctx, trendEvery) {
			return
		}
	}
}

func (t *trend) keep(now *sample) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.samples = append(t.samples, now)
	if extra := len(t.samples) - int(trendSpan/trendEvery) - 1; extra > 0 {
		t.samples = slices.Delete(t.samples, 0, extra)
	}
}

// since returns the sample that rates are reckoned from: the oldest within the span, if there is one.
func (t *trend) since(now time.Time) *sample {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, before := range t.samples {
		if now.Sub(before.at) <= trendSpan+trendEvery {
			return before
		}
	}
	return nil
}
