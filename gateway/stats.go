package gateway

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// statsJSON is the operator's figures. None of them names a person. What this process does not know is left out, as
// a process that does not read knows nothing of the budget.
type statsJSON struct {
	At      string      `json:"at"`
	Version string      `json:"version"`
	Status  statusJSON  `json:"status"`
	Budget  *budgetJSON `json:"budget,omitempty"`
	Reading readingJSON `json:"reading"`
	Ages    agesJSON    `json:"ages"`
	Serving servingJSON `json:"serving"`
	Hub     hubJSON     `json:"hub"`
}

type statusJSON struct {
	State  string `json:"state"` // live, degraded
	Reason string `json:"reason,omitempty"`
	Since  string `json:"since,omitempty"`
}

type budgetJSON struct {
	Used          float64 `json:"used"` // reads within the window that may have reached Graph
	Limit         float64 `json:"limit"`
	WindowSeconds float64 `json:"windowSeconds,omitempty"`
	PausedSeconds float64 `json:"pausedSeconds"` // for how long yet Graph asked for a pause
}

type readingJSON struct {
	WatchedUsers             *float64           `json:"watchedUsers,omitempty"`
	SweepSeconds             *float64           `json:"sweepSeconds,omitempty"` // to ask everyone once, at the pace of now
	RequestsPerSecond        *float64           `json:"requestsPerSecond,omitempty"`
	ChangesPerSecond         *float64           `json:"changesPerSecond,omitempty"`
	Requests                 map[string]float64 `json:"requests,omitempty"` // since the start, by the status of the answer
	Changes                  *float64           `json:"changes,omitempty"`
	RegressedReads           *float64           `json:"regressedReads,omitempty"`
	CredentialExpiresSeconds *float64           `json:"credentialExpiresSeconds,omitempty"`
	Leader                   *bool              `json:"leader,omitempty"` // this process is the one that reads
}

// agesJSON is how long ago the states of watched users were last confirmed, of a sample where they are many.
type agesJSON struct {
	Held    int     `json:"held"`    // users with a state
	Pending int     `json:"pending"` // not read yet
	Gone    int     `json:"gone"`    // unknown to Graph
	P50     float64 `json:"p50Seconds"`
	P99     float64 `json:"p99Seconds"`
	Oldest  float64 `json:"oldestSeconds"`
	Sampled bool    `json:"sampled,omitempty"`
}

type servingJSON struct {
	Connections         int                `json:"connections"`
	DeliveriesPerSecond *float64           `json:"deliveriesPerSecond,omitempty"`
	ConflatedPerSecond  *float64           `json:"conflatedPerSecond,omitempty"`
	Delivered           float64            `json:"delivered"` // states handed to sockets since the start
	Conflated           float64            `json:"conflated"` // passed over because a newer one was there
	TurnedAway          map[string]float64 `json:"turnedAway,omitempty"`
	ReadToSendP50       *float64           `json:"readToSendP50Seconds,omitempty"` // Graph's answer received to frame handed to the socket
	ReadToSendP99       *float64           `json:"readToSendP99Seconds,omitempty"`
}

type hubJSON struct {
	Connected bool `json:"connected"`
}

// stats answers GET /v1/stats for operators.
func (s *Server) stats(w http.ResponseWriter, r *http.Request) error {
	who, _, err := s.callerOf(w, r)
	if err != nil {
		return err
	}
	if !s.operator(who) {
		if !who.SignedIn() {
			return s.unknown(w, auth.ErrSignInRequired)
		}
		return &problem{Status: http.StatusForbidden, Detail: "for operators alone: see gateway.auth.operator_role"}
	}
	now, err := s.gather(time.Now())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(s.figures(now, s.trend.since(now.at)))
}

// operator reports whether the caller may see the operator's view. In a demo there is nothing to hide.
func (s *Server) operator(who auth.Principal) bool {
	s.rights.Lock()
	defer s.rights.Unlock()
	return s.options.Demo || s.policy.operates(who)
}

// reading is what the metrics said at one time: the figures of each by its labels' values, and the sum under "".
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

// quantile estimates one from a histogram, as the upper bound of the bucket it falls into.
func (m *sample) quantile(name string, q float64) *float64 {
	h := m.histograms[name]
	if h.GetSampleCount() == 0 {
		return nil
	}
	for _, bucket := range h.GetBucket() {
		if float64(bucket.GetCumulativeCount()) >= q*float64(h.GetSampleCount()) {
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

func (s *Server) figures(now, before *sample) statsJSON {
	answer := statsJSON{
		At:      now.at.UTC().Format(presence.TimeFormat),
		Version: s.options.Version,
		Status:  statusJSON{State: "live"},
		Reading: readingJSON{
			WatchedUsers:             now.value("presence_watched_users"),
			SweepSeconds:             now.value("presence_sweep_seconds"),
			RequestsPerSecond:        now.rate("presence_graph_requests_total", before),
			ChangesPerSecond:         now.rate("presence_changes_total", before),
			Requests:                 now.labelled("presence_graph_requests_total"),
			Changes:                  now.value("presence_changes_total"),
			RegressedReads:           now.value("presence_regressed_reads_total"),
			CredentialExpiresSeconds: now.value("presence_credential_expires_seconds"),
		},
		Ages: s.ages(now.at),
		Serving: servingJSON{
			Connections:         s.connections.len(),
			DeliveriesPerSecond: now.rate("presence_states_sent_total", before),
			ConflatedPerSecond:  now.rate("presence_states_conflated_total", before),
			TurnedAway:          now.labelled("presence_auth_failures_total"),
			ReadToSendP50:       now.quantile("presence_read_to_send_seconds", .5),
			ReadToSendP99:       now.quantile("presence_read_to_send_seconds", .99),
		},
	}
	read := func(name string) float64 {
		if value := now.value(name); value != nil {
			return *value
		}
		return 0
	}
	answer.Serving.Delivered, answer.Serving.Conflated = read("presence_states_sent_total"), read("presence_states_conflated_total")
	answer.Hub.Connected = read("presence_hub_connected") == 1
	if status := s.hub.Status(); !status.Live() {
		answer.Status = statusJSON{"degraded", string(status.Reason), status.Since.UTC().Format(presence.TimeFormat)}
	}
	if limit := now.value("presence_graph_window_limit"); limit != nil {
		answer.Budget = &budgetJSON{read("presence_graph_window_requests"), *limit, s.options.BudgetWindow.Seconds(), read("presence_graph_paused_seconds")}
	}
	if leads := now.value("presence_leader"); leads != nil {
		leader := *leads == 1
		answer.Reading.Leader = &leader
	}
	return answer
}

// maxAged bounds how many users are looked at for their ages.
const maxAged = 20_000

func (s *Server) ages(now time.Time) (a agesJSON) {
	all := s.hub.Directory().All()
	step := 1 + len(all)/maxAged
	a.Sampled = step > 1
	ids := make([]presence.ID, 0, min(len(all), maxAged))
	for i := 0; i < len(all); i += step {
		ids = append(ids, all[i])
	}
	var items []hub.Item
	var ages []float64
	for some := range slices.Chunk(ids, 1000) { // the hub's lock is not held for long
		items = s.hub.Get(items[:0], some...)
		for i := range items {
			switch {
			case items[i].Pending():
				a.Pending += step
			case items[i].Gone():
				a.Gone += step
			default:
				a.Held += step
				ages = append(ages, max(0, now.Sub(items[i].ObservedAt).Seconds()))
			}
		}
	}
	if slices.Sort(ages); len(ages) > 0 {
		a.P50, a.P99, a.Oldest = ages[len(ages)/2], ages[len(ages)*99/100], ages[len(ages)-1]
	}
	return a
}
