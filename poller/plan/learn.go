package plan

import (
	"math"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const (
	memory       = 20.0             // changes after which what a user did has faded
	sharedMemory = 30 * time.Minute // time after which what all did has
	prior        = 1.0              // changes that the assumption that a user is like the others is worth
	sharedPrior  = 4.0              // changes that what is assumed of a class is worth
)

// Seen is what an answer said of one user.
type Seen struct {
	ID      presence.ID
	Class   Class
	Changed bool // since the read before
}

// hazard is what all users in a class did, as far as not faded.
type hazard struct {
	changes float64
	time    float64 // s, times the users' activity
}

// hazard is how many changes a second a user in a class makes.
func (p *Plan) hazard(c Class) float64 {
	h := &p.hazards[c]
	return (h.changes + sharedPrior) / (h.time + sharedPrior/hazards[c]*time.Hour.Seconds())
}

// activity is how much more than others in the same class the user changes.
func (e *entry) activity() float64 {
	return (float64(e.changes) + prior) / (float64(e.expected) + prior)
}

// rate is how many changes a second the user is thought to make.
func (p *Plan) rate(e *entry) float64 { return e.activity() * p.hazard(e.class) }

// learn takes in what an answer at t said of a user. What is old fades with the changes that were to be expected
// meanwhile, not with time: a night takes nothing away.
func (p *Plan) learn(e *entry, s Seen, t int64) {
	if e.read != 0 {
		h := &p.hazards[e.class]
		length := time.Duration(t - e.read).Seconds()
		expected := p.hazard(e.class) * length
		h.time += e.activity() * length
		left := float32(max(0, 1-expected/memory))
		e.changes *= left
		e.expected = e.expected*left + float32(expected)
		if s.Changed {
			e.changes++
			h.changes++
		}
	}
	e.class = s.Class
}

// age lets what all users did fade.
func (p *Plan) age(t int64) {
	left := math.Exp(-float64(t-p.aged) / float64(sharedMemory))
	p.aged = t
	for i := range p.hazards {
		p.hazards[i].changes *= left
		p.hazards[i].time *= left
	}
}
