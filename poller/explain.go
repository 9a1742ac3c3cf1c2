package poller

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Explanation is why a user is read, or not, and when: for operators. It never holds a presence. Zero times: never.
type Explanation struct {
	ID       presence.ID `json:"id"`
	Watched  bool        `json:"watched"`            // is read
	Rule     string      `json:"rule,omitempty"`     // why: "users", "users_file", "group <id>", "on demand"
	OptedOut bool        `json:"optedOut,omitempty"` // is never read
	Surplus  bool        `json:"surplus,omitempty"`  // would be read, but for watch.max_users

	LastAsked time.Time `json:"lastAsked,omitzero"`  // when a request with the user last left
	LastRead  time.Time `json:"lastRead,omitzero"`   // when Graph last answered one
	NextDue   time.Time `json:"nextDue,omitzero"`    // zero: at once
	InFlight  bool      `json:"inFlight,omitempty"`  // asked, and not answered yet
	Misses    int       `json:"misses,omitempty"`    // answers running that left the user out
	Failures  int       `json:"failures,omitempty"`  // requests running that failed
	Refused   bool      `json:"refused,omitempty"`   // Graph refuses the user alone
	Gone      bool      `json:"gone,omitempty"`      // reported as unknown to Graph
	RequestID string    `json:"requestId,omitempty"` // Graph's id of the last request, while it is remembered
	ClientID  string    `json:"clientRequestId,omitempty"`
	Code      string    `json:"code,omitempty"` // what came of it: Graph's status, or why there is none
}

// Explain says what the poller knows of a user. It may be called at any time.
func (p *Poller) Explain(id presence.ID) Explanation {
	p.mu.Lock()
	defer p.mu.Unlock()
	e := Explanation{ID: id, OptedOut: p.roster.out[id]}
	e.Rule, e.Surplus = p.roster.explain(id)
	x, watched := p.plan.Explain(id)
	if !watched || e.OptedOut { // planned perhaps, see feign.go, and never read
		return e
	}
	e.Watched = true
	e.LastAsked, e.LastRead, e.NextDue = x.Asked, x.Read, x.Due
	e.InFlight, e.Misses, e.Failures, e.Refused, e.Gone = x.InFlight, x.Misses, x.Failures, x.Refused, x.Gone
	if r := p.recent.find(x.Number); r != nil {
		e.RequestID, e.ClientID, e.Code = r.requestID, r.clientRequestID, r.code
	}
	return e
}

// recent remembers the last requests, more than a sweep of a million users has.
type recent struct {
	ring []request
}

type request struct {
	number                           uint32
	requestID, clientRequestID, code string
}

const remembered = 4096

func (t *recent) note(r result) {
	if t.ring == nil {
		t.ring = make([]request, remembered)
	}
	entry := request{number: r.batch.Number, code: r.code()}
	if r.answer != nil {
		entry.requestID, entry.clientRequestID = r.answer.RequestID, r.answer.ClientRequestID
	} else {
		failure := asGraph(r.err)
		entry.requestID, entry.clientRequestID = failure.RequestID, failure.ClientRequestID
	}
	t.ring[entry.number%remembered] = entry
}

// find returns nil for a request that is under way or forgotten.
func (t *recent) find(number uint32) *request {
	if t.ring == nil || number == 0 || t.ring[number%remembered].number != number {
		return nil
	}
	return &t.ring[number%remembered]
}
