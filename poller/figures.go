package poller

import (
	"errors"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/budget"
	"github.com/presence-gateway/presence-gateway/poller/graph"
	"github.com/presence-gateway/presence-gateway/poller/plan"
)

// Figures are how the reading goes, for operators. None of them names a person.
type Figures struct {
	At    time.Time // of these figures
	Began time.Time // when this poller began; counts are since then

	Usage    budget.Usage
	Window   time.Duration // of the budget
	Reserve  int           // reads that nothing but the first window after an unclean start may spend
	Interval time.Duration // how often each user should be read
	Sweep    time.Duration // to ask everyone once, at the pace of now
	Lap      plan.Lap      // the round under way

	Requests          map[string]float64 // by their outcome, as in metrics
	Changes           float64
	Regressed         float64
	RequestsPerSecond *float64 // nil: not known yet
	ChangesPerSecond  *float64

	TokenExpires       time.Time // zero: unknown
	CertificateExpires time.Time // zero: there is none
	Trouble            *Trouble  // nil: the last read succeeded
}

// Trouble is why reads fail.
type Trouble struct {
	Since  time.Time // the first of the failures in a row
	Reason presence.Reason
	Code   string // of the last, as in metrics
	Text   string // what is wrong with the credential and its remedy; "" where it is something else
}

// Figures returns those of now. It may be called at any time.
func (p *Poller) Figures() Figures {
	now := time.Now()
	f := Figures{
		At:       now,
		Began:    p.began,
		Usage:    p.o.Budget.Usage(),
		Window:   p.o.Budget.Window(),
		Reserve:  p.o.Budget.Reserved(),
		Interval: p.o.Interval,
	}
	if e, ok := p.o.Credential.(certified); ok {
		f.TokenExpires, f.CertificateExpires = e.Expires()
	}
	if f.TokenExpires.IsZero() && p.o.Credential != nil {
		if left := p.tokenLife(); !math.IsNaN(left) {
			f.TokenExpires = now.Add(time.Duration(left * float64(time.Second)))
		}
	}
	f.Requests, f.Changes, f.Regressed = p.metrics.counted()
	p.mu.Lock()
	defer p.mu.Unlock()
	f.Sweep, f.Lap = p.plan.Sweep(), p.plan.Lap()
	f.RequestsPerSecond, f.ChangesPerSecond = p.pulse.rates(now)
	if p.trouble != nil {
		trouble := *p.trouble
		f.Trouble = &trouble
	}
	return f
}

// counted returns what was counted so far.
func (m *metrics) counted() (requests map[string]float64, changes, regressed float64) {
	requests = map[string]float64{}
	found := make(chan prometheus.Metric)
	go func() {
		m.requests.Collect(found)
		close(found)
	}()
	for metric := range found {
		var said dto.Metric
		if metric.Write(&said) != nil {
			continue
		}
		for _, label := range said.GetLabel() {
			if label.GetName() == "code" {
				requests[label.GetValue()] += said.GetCounter().GetValue()
			}
		}
	}
	return requests, valueOf(m.changes), valueOf(m.regressed)
}

func valueOf(c prometheus.Counter) float64 {
	var said dto.Metric
	if c.Write(&said) != nil {
		return 0
	}
	return said.GetCounter().GetValue()
}

// troubled notes a failed read.
func (p *Poller) troubled(now time.Time, r result, why presence.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.trouble == nil {
		p.trouble = &Trouble{Since: now}
	}
	p.trouble.Reason, p.trouble.Code, p.trouble.Text = why, r.code(), ""
	// Other errors may name an address, and that a user.
	if failure := asGraph(r.err); errors.Is(failure, graph.ErrCredential) && failure.Err != nil {
		p.trouble.Text = shortened(failure.Err.Error())
	}
}

// troubleLength is how much of a text is kept, in bytes.
const troubleLength = 600

func shortened(text string) string {
	if len(text) <= troubleLength {
		return text
	}
	end := troubleLength
	for end > 0 && text[end]&0xC0 == 0x80 {
		end--
	}
	return text[:end] + "…"
}
