package graphsim

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// switchboard holds the current faults and decides, request by request, which
// of them strike. Safe for concurrent use.
type switchboard struct {
	now func() time.Duration

	quiet atomic.Bool // no switch is on: the usual case costs no lock

	mu    sync.Mutex
	f     Faults
	set   time.Duration
	spent map[*When]int
	rng   *rand.Rand
}

func newSwitchboard(now func() time.Duration, seed uint64) *switchboard {
	b := &switchboard{now: now, rng: rand.New(rand.NewPCG(seed, 0x6661756c7473))}
	b.quiet.Store(true)
	return b
}

// replace puts f in force. f is not shared with anybody else.
func (b *switchboard) replace(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.f, b.set, b.spent = f, b.now(), make(map[*When]int)
	b.quiet.Store(f == Faults{})
}

// current says what is still on, with what is left of the counts.
func (b *switchboard) current() Faults {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.f
	for name, w := range f.whens() {
		if b.over(w) {
			f.off(name)
		}
	}
	f = f.clone()
	was := b.f.whens()
	for name, w := range f.whens() {
		if w.Count > 0 {
			w.Count -= b.spent[was[name]]
		}
	}
	return f
}

func (b *switchboard) over(w *When) bool {
	return w.Count > 0 && b.spent[w] >= w.Count ||
		w.Seconds > 0 && b.now()-b.set >= time.Duration(w.Seconds*float64(time.Second))
}

// fate is what becomes of one request. The zero fate is that of a well-behaved
// tenant.
type fate struct {
	delay        time.Duration
	reset        bool
	cut          *Cut
	html         *HTML
	malformed    *Malformed
	oversize     int64
	gzip         bool
	lowerInner   bool
	status       *Status
	retryAfter   RetryAfter
	limit        *Limit
	count        *Count
	unauthorized *Unauthorized
	forbidden    bool
	wrongEntity  bool
	wrapped      bool
	shape        shape
	noContext    bool
	lag          time.Duration
	split        *Rows
	missing      *Rows
	unknown      *Rows
	poison       *Poison
	ids          IDs
	shuffle      bool
	foreign      int
	emptyPages   bool
	bareMembers  bool
	dice         dice
}

// scope says which parts of a fate are drawn: a request inside $batch has its
// own content, but the connection is the outer one's.
type scope uint8

const (
	wholeRequest scope = iota
	innerRequest
	outerRequest
)

// draw decides the fate of one request of the kind.
func (b *switchboard) draw(k kind, s scope) (a fate) {
	if b.quiet.Load() {
		return a
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	f := &b.f
	a.dice = dice(b.rng.Uint64())
	if e := f.InnerError; e != nil && b.strikes(&e.When, k) {
		a.lowerInner = e.Spelling == "innererror"
	}
	if s != innerRequest {
		b.drawConnection(&a, k)
	}
	if s != outerRequest {
		b.drawAnswer(&a, k)
		b.drawRows(&a, k)
	}
	return a
}

func (b *switchboard) drawConnection(a *fate, k kind) {
	f := &b.f
	if l := f.Latency; l != nil && b.strikes(&l.When, k) {
		a.delay = time.Duration((float64(l.MS) + b.rng.Float64()*float64(l.JitterMS)) * float64(time.Millisecond))
	}
	a.reset = b.strikes(f.Reset, k)
	if f.Cut != nil && b.strikes(&f.Cut.When, k) {
		a.cut = f.Cut
	}
	if f.HTML != nil && b.strikes(&f.HTML.When, k) {
		a.html = f.HTML
	}
	if f.Malformed != nil && b.strikes(&f.Malformed.When, k) {
		a.malformed = f.Malformed
	}
	if f.Oversize != nil && b.strikes(&f.Oversize.When, k) {
		a.oversize = f.Oversize.Bytes
	}
	a.gzip = b.strikes(f.Gzip, k)
}

func (b *switchboard) drawAnswer(a *fate, k kind) {
	f := &b.f
	if f.Status != nil && b.strikes(&f.Status.When, k) {
		a.status = f.Status
	}
	if f.RetryAfter != nil {
		a.retryAfter = *f.RetryAfter
	}
	if f.Unauthorized != nil && b.strikes(&f.Unauthorized.When, k) {
		a.unauthorized = f.Unauthorized
	}
	a.forbidden = b.strikes(f.Forbidden, k)
	a.wrongEntity = b.strikes(f.WrongEntity, k)
	a.emptyPages = b.strikesAny(f.EmptyPages, k, kindDirectory)
	a.bareMembers = b.strikesAny(f.BareMembers, k, kindDirectory)
	a.limit, a.count = f.Limit, f.Count
}

func (b *switchboard) drawRows(a *fate, k kind) {
	f := &b.f
	if !k.presence() {
		return
	}
	a.wrapped = k == kindCommunications && b.strikes(f.Wrapped, k)
	a.shape.lowerCamel = b.strikes(f.LowerCamel, k)
	a.shape.extra = b.strikes(f.Extra, k)
	a.shape.sparse = b.strikes(f.Sparse, k)
	a.noContext = b.strikes(f.NoContext, k)
	if b.strikes(f.NoSequence, k) {
		a.shape.without |= withoutSequence
	}
	if b.strikes(f.Government, k) {
		a.shape.without |= withoutSequence | withoutOutOfOffice | withoutWorkLocation
	}
	if f.Omit != nil && b.strikes(&f.Omit.When, k) {
		for _, name := range f.Omit.Properties {
			a.shape.without |= propertyNames[name]
		}
	}
	if f.Lag != nil && b.strikes(&f.Lag.When, k) {
		a.lag = time.Duration(f.Lag.MS) * time.Millisecond
	}
	a.split, a.missing, a.unknown = f.Split.aimed(k), f.Missing.aimed(k), f.Unknown.aimed(k)
	a.poison = f.Poison
	if f.IDs != nil {
		a.ids = *f.IDs
	}
	a.shuffle = b.strikes(f.Shuffle, k)
	if f.Foreign != nil && b.strikes(&f.Foreign.When, k) {
		a.foreign = f.Foreign.Rows
	}
}

// strikes rolls for a switch that is meant for presence reads unless it names
// other kinds.
func (b *switchboard) strikes(w *When, k kind) bool {
	if w == nil || len(w.Kinds) == 0 && !k.presence() {
		return false
	}
	return b.roll(w, k)
}

// strikesAny rolls for a switch whose usual kind is another.
func (b *switchboard) strikesAny(w *When, k, usual kind) bool {
	if w == nil || len(w.Kinds) == 0 && k != usual {
		return false
	}
	return b.roll(w, k)
}

func (b *switchboard) roll(w *When, k kind) bool {
	if len(w.Kinds) > 0 && !slices.Contains(w.Kinds, k.String()) || b.over(w) {
		return false
	}
	if w.Share > 0 && w.Share < 1 && b.rng.Float64() >= w.Share {
		return false
	}
	if w.Count > 0 {
		b.spent[w]++
	}
	return true
}

func (r *Rows) aimed(k kind) *Rows {
	if r == nil || len(r.Kinds) > 0 && !slices.Contains(r.Kinds, k.String()) {
		return nil
	}
	return r
}

// strikes rolls for one row.
func (r *Rows) strikes(id guid, d *dice) bool {
	if r == nil {
		return false
	}
	return r.listed[id] || r.Share > 0 && d.chance(r.Share)
}

// freezes says whether a change keeps its number.
func (b *switchboard) freezes() bool {
	if b.quiet.Load() {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	z := b.f.FrozenNumber
	return z != nil && (z.Share == 0 || b.rng.Float64() < z.Share)
}

// restamps is how many numbers a second rise for nothing.
func (b *switchboard) restamps() float64 {
	if b.quiet.Load() {
		return 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.f.Restamp == nil {
		return 0
	}
	return b.f.Restamp.PerSecond
}
