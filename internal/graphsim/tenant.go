package graphsim

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Options make a tenant. The zero Options are a healthy one of 500 people on a
// Tuesday morning, in real time.
type Options struct {
	Seed  uint64
	Users int // 0: 500

	// Trace, if set, is what people do, in place of a day made from the seed: user i of the trace is the i-th person,
	// and there are as many. Users and ChangesPerSecond do not count then. When it is over, everybody stays as they are.
	Trace *Trace
	// TraceFrom is where in the trace life begins; what happens before has happened.
	TraceFrom time.Duration
	// Speed is how many times faster than real time the day goes; 0: 1.
	Speed float64
	// ChangesPerSecond, if above 0, sets the pace instead of Speed: the same day
	// with the same changes in the same order, but time jumps from one to the
	// next so that they come at this mean rate, at random intervals.
	ChangesPerSecond float64
	// Start is the simulated time at which the tenant is born, or a trace began; zero:
	// 2026-03-03 09:20 UTC, a Tuesday.
	Start time.Time

	Budget int           // presence reads a window; 0: 1,500
	Window time.Duration // 0: 30 s
	// CountIDs lets a batch spend as many of Budget as it names ids, in place of
	// one. Which it is Graph does not say; its limits speak of requests.
	CountIDs bool

	// Token, if set, is the only bearer token accepted besides those issued by
	// the token endpoint. Without it any token is.
	Token string
	// ClientID and ClientSecret, if set, are what the token endpoint asks for.
	ClientID, ClientSecret string
	// Verify, if set, judges every bearer token instead: whom it stands for, or why not. What the error says is Graph's
	// message; its Header() string, if it has one, is the answer's WWW-Authenticate.
	Verify func(token string) (Grant, error)
	// Roles are the application permissions in issued tokens; nil: all that the
	// tenant's calls need.
	Roles []string
	// TokenLife is how long an issued token is good for; 0: 3,599 s.
	TokenLife time.Duration
	// Me is who signed in with a token that the token endpoint did not issue; "":
	// the first person.
	Me string

	// BaseURL is the origin written into answers (https://graph.example); "":
	// the request's own.
	BaseURL string
	// Pin is how long a state set by hand withstands the day; 0: 10 min.
	Pin time.Duration

	Log *zap.Logger // nil: silent
}

// Grant is what a token allows.
type Grant struct {
	App         bool // there is no signed-in user
	Permissions []string
}

func (o Options) withDefaults() Options {
	if o.Trace != nil {
		o.Users, o.ChangesPerSecond = o.Trace.Users(), 0
	}
	fill(&o.Users, 500)
	fill(&o.Speed, 1)
	fill(&o.Start, time.Date(2026, 3, 3, 9, 20, 0, 0, time.UTC))
	fill(&o.Budget, 1500)
	fill(&o.Window, 30*time.Second)
	fill(&o.TokenLife, 3599*time.Second)
	fill(&o.Pin, 10*time.Minute)
	if o.Roles == nil {
		o.Roles = []string{"Presence.Read.All", "GroupMember.Read.All", "User.Read.All"}
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	return o
}

// A Tenant is a simulated Microsoft Graph tenant. It is safe for concurrent
// use. Nothing happens in it by itself until Run is called; reads, changes by
// hand and faults work without.
type Tenant struct {
	o      Options
	log    *zap.Logger
	born   time.Time
	key    []byte // signs tokens
	meter  *meter
	faults *switchboard
	mux    http.Handler
	blank  *content // of somebody about whom nothing is known

	mu      sync.RWMutex // guards everything of *p that changes, and p itself
	p       *population
	changes int64
	journal journal
	guid    dice // request ids; under guidMu
	guidMu  sync.Mutex
}

// ErrUnknownUser is returned for an id that no person of the tenant has.
var ErrUnknownUser = errors.New("graphsim: no such user")

// New makes a tenant; it starts nothing. Options that cannot be (a negative
// number of users) are treated as left out.
func New(o Options) *Tenant {
	o.Users, o.Budget, o.Window, o.Pin = max(o.Users, 0), max(o.Budget, 0), max(o.Window, 0), max(o.Pin, 0)
	o.Speed, o.ChangesPerSecond, o.TraceFrom = max(o.Speed, 0), max(o.ChangesPerSecond, 0), max(o.TraceFrom, 0)
	o = o.withDefaults()
	t := &Tenant{o: o, log: o.Log.Named("graphsim"), born: time.Now()}
	t.key = fmt.Appendf(nil, "%x", mix(o.Seed, 'k', uint64(t.born.UnixNano())))
	t.guid = dice(mix(o.Seed, 'r', uint64(t.born.UnixNano())))
	t.meter = newMeter(t.age, o.Window)
	t.faults = newSwitchboard(t.age, o.Seed)
	t.p = settle(o.Seed, &t.o)
	t.blank = new(contents).of(State{Availability: "PresenceUnknown", Activity: "PresenceUnknown"})
	t.mux = t.routes()
	return t
}

// age is the tenant's clock: monotonic, real time.
func (t *Tenant) age() time.Duration { return time.Since(t.born) }

// Handler serves Graph under /v1.0, the token endpoint under /{tenant}, and the
// switches under /sim.
func (t *Tenant) Handler() http.Handler { return t.mux }

// Faults are the switches that are on now.
func (t *Tenant) Faults() Faults { return t.faults.current() }

// SetFaults replaces all switches. Switching sequenceReset on lets all numbers
// start again lower; it stays on without doing so again.
func (t *Tenant) SetFaults(f Faults) error {
	f = f.clone()
	if err := f.settle(); err != nil {
		return err
	}
	if f.SequenceReset != nil && t.faults.current().SequenceReset == nil {
		if err := t.ResetSequences(); err != nil {
			return err
		}
	}
	t.faults.replace(f)
	t.log.Info("faults set", zap.Any("faults", f))
	return nil
}

// Reset is what Tenant.Reset does beyond the usual.
type Reset struct {
	Seed      *uint64 `json:"seed,omitempty"`      // other people and another day, or the trace, from the beginning
	Sequences bool    `json:"sequences,omitempty"` // all sequence numbers start again lower
}

// Reset switches all faults off, zeroes the statistics, empties the window of
// counted reads and releases everybody pinned by hand.
func (t *Tenant) Reset(r Reset) error {
	t.faults.replace(Faults{})
	if r.Seed != nil {
		p := settle(*r.Seed, &t.o)
		t.mu.Lock()
		t.p = p
		t.journal.clear()
		t.mu.Unlock()
	} else if r.Sequences {
		if err := t.ResetSequences(); err != nil {
			return err
		}
	}
	t.mu.Lock()
	t.changes = 0
	for i := range t.p.people {
		t.p.people[i].pinned = 0
	}
	t.mu.Unlock()
	t.meter.reset()
	t.log.Info("reset", zap.Bool("people", r.Seed != nil), zap.Bool("sequences", r.Sequences))
	return nil
}

// Stats are the tenant's figures since its birth or the last reset.
type Stats struct {
	Reads         int            `json:"reads"`   // presence reads that arrived, refused and failed ones included
	Refused       int            `json:"refused"` // of these, answered 429 for being over the limit
	Peak          int            `json:"peak"`    // most reads in any window
	InWindow      int            `json:"inWindow"`
	IDs           int            `json:"ids"`     // those that the reads asked for; a single read asks for one
	PeakIDs       int            `json:"peakIds"` // most of them in any window
	IDsInWindow   int            `json:"idsInWindow"`
	Limit         int            `json:"limit"`
	Counted       string         `json:"counted"` // what the limit is for: requests or ids
	WindowSeconds float64        `json:"windowSeconds"`
	ByKind        map[string]int `json:"byKind"`
	RefusedByKind map[string]int `json:"refusedByKind"`
	Rows          int64          `json:"rows"` // presences answered

	// DuringRetryAfter are reads that arrived before an announced pause of all
	// reads was over; Late of these more than a second after it was announced,
	// so that they cannot have been on their way. RepeatedEarly are reads of
	// exactly the ids of a read refused with 503 or the like and Retry-After,
	// before that was over.
	DuringRetryAfter     int `json:"duringRetryAfter"`
	DuringRetryAfterLate int `json:"duringRetryAfterLate"`
	RepeatedEarly        int `json:"repeatedEarly"`

	Changes int64     `json:"changes"` // of any person, in any property
	Users   int       `json:"users"`
	Time    time.Time `json:"time"` // of the simulated day
}

// limit is the one in force: the tenant's own, unless switches say otherwise.
func (t *Tenant) limit(most *Limit, by *Count) limit {
	l := limit{t.o.Budget, t.o.CountIDs}
	if most != nil {
		l.most = most.Requests
	}
	if by != nil {
		l.byIDs = by.By == countIDs
	}
	return l
}

// Stats returns the figures of this instant.
func (t *Tenant) Stats() Stats {
	c, inWindow, idsInWindow := t.meter.snapshot()
	f := t.faults.current()
	l := t.limit(f.Limit, f.Count)
	s := Stats{
		Reads: c.reads, Refused: c.refused, Peak: c.peak, InWindow: inWindow, Limit: l.most, WindowSeconds: t.o.Window.Seconds(),
		IDs: c.ids, PeakIDs: c.peakIDs, IDsInWindow: idsInWindow, Counted: countRequests,
		ByKind: make(map[string]int), RefusedByKind: make(map[string]int), Rows: c.rows,
		DuringRetryAfter: c.paused, DuringRetryAfterLate: c.pausedLate, RepeatedEarly: c.repeat,
	}
	for k := range presenceKinds {
		s.ByKind[k.String()], s.RefusedByKind[k.String()] = c.kinds[k], c.refusedKinds[k]
	}
	if l.byIDs {
		s.Counted = countIDs
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	s.Changes, s.Users, s.Time = t.changes, len(t.p.people), time.UnixMilli(t.p.instant).UTC()
	return s
}
