package gateway

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/auth"
	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// statsJSON is the operator's figures. None of them names a person. What is not known here is left out: of the reading,
// what no process that reads has told. Ages and serving are this process's own.
type statsJSON struct {
	At      string      `json:"at"`
	Version string      `json:"version"`
	Process processJSON `json:"process"` // which answers
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

type processJSON struct {
	Name  string `json:"name"`
	Since string `json:"since"`
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
	Limit               int                `json:"limit"` // of connections
	Draining            bool               `json:"draining,omitempty"`
	DeliveriesPerSecond *float64           `json:"deliveriesPerSecond,omitempty"`
	ConflatedPerSecond  *float64           `json:"conflatedPerSecond,omitempty"`
	Delivered           float64            `json:"delivered"`                      // states handed to sockets since the start
	Conflated           float64            `json:"conflated"`                      // passed over because a newer one was there
	TurnedAway          map[string]float64 `json:"turnedAway,omitempty"`           // by why
	Disconnects         map[string]float64 `json:"disconnects,omitempty"`          // by close code
	ReadToSendP50       *float64           `json:"readToSendP50Seconds,omitempty"` // Graph's answer received to frame handed to the socket, lately
	ReadToSendP99       *float64           `json:"readToSendP99Seconds,omitempty"`
}

type hubJSON struct {
	Kind      string `json:"kind"` // memory, redis
	Connected bool   `json:"connected"`
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
	var told *Told
	if s.options.Reading != nil {
		told = s.options.Reading(r.Context())
	}
	return json.NewEncoder(w).Encode(s.figures(now, s.trend.since(now.at), told))
}

// operator reports whether the caller may see the operator's view. In a demo there is nothing to hide.
func (s *Server) operator(who auth.Principal) bool {
	s.rights.Lock()
	defer s.rights.Unlock()
	return s.options.Demo || s.policy.operates(who)
}

func (s *Server) figures(now, before *sample, told *Told) statsJSON {
	answer := statsJSON{
		At:      now.at.UTC().Format(presence.TimeFormat),
		Version: s.options.Version,
		Process: processJSON{s.options.Name, s.began.UTC().Format(presence.TimeFormat)},
		Status:  statusJSON{State: "live"},
		Ages:    s.ages(now.at),
		Serving: servingJSON{
			Connections:         s.connections.len(),
			Limit:               s.limits.Connections,
			Draining:            s.draining.Load(),
			DeliveriesPerSecond: now.rate("presence_states_sent_total", before),
			ConflatedPerSecond:  now.rate("presence_states_conflated_total", before),
			TurnedAway:          now.labelled("presence_auth_failures_total"),
			Disconnects:         now.labelled("presence_disconnects_total"),
			ReadToSendP50:       now.quantile("presence_read_to_send_seconds", .5, before),
			ReadToSendP99:       now.quantile("presence_read_to_send_seconds", .99, before),
		},
	}
	read := func(name string) float64 {
		if value := now.value(name); value != nil {
			return *value
		}
		return 0
	}
	answer.Serving.Delivered, answer.Serving.Conflated = read("presence_states_sent_total"), read("presence_states_conflated_total")
	answer.Hub = hubJSON{s.options.HubKind, read("presence_hub_connected") == 1}
	if status := s.hub.Status(); !status.Live() {
		answer.Status = statusJSON{"degraded", string(status.Reason), status.Since.UTC().Format(presence.TimeFormat)}
	}
	if leads := now.value("presence_leader"); leads != nil {
		leader := *leads == 1
		answer.Reading.Leader = &leader
	}
	told.tell(now.at, &answer)
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
