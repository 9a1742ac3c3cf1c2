package budget

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Options of a [Budget]. The zero value is Graph's documented limit for presence, without a record.
type Options struct {
	Requests int           // reads in any interval of Window; default 1500, at least 2
	Window   time.Duration // default 30 s
	Grace    time.Duration // how long after it was given up a read may still reach Graph; default 10 s
	Dir      string        // folder of the record, created if missing; "" keeps none: every start begins on the reserve
	Record   Record        // in place of Dir: shared by processes that spend one after the other, see [Options].Term
	Term     uint64        // with Record: the number of this process's turn, above all before, and by one above the last if nothing was lost
	After    *Budget       // with Record: of this process's turn before, which need not be closed; nil: none
	Identity string        // names application and tenant, so that deployments on one machine keep records apart
	Log      *zap.Logger   // nil: none
}

// ErrClosed is the answer to a Reserve after Close.
var ErrClosed = errors.New("budget: closed")

const (
	burst     = 5                      // reads that may leave at once to catch up
	heldRetry = 250 * time.Millisecond // how often a record held by another process is tried
)

// Budget is what may be spent on reads. It is safe for concurrent use.
type Budget struct {
	o     Options
	log   *zap.Logger
	clock clock
	turn  chan struct{} // whoever waits in Reserve; one at a time
	wake  chan struct{} // one slot: something changed that a waiter must look at

	places, reserve, unresolved int           // unresolved: how many reads without an answer a crash may leave
	rest                        time.Duration // how long a place rests after its answer
	mu                          sync.Mutex
	file                        shelf         // nil: no record
	strict                      bool          // nothing leaves that the record does not know
	unsaved                     bool          // strict: the record does not know the latest
	aged                        time.Duration // of the record found, by its own clock; 0: unknown
	silent                      bool          // the record could not be written at the start
	held                        bool          // another process holds the record
	started                     bool          // the record was looked at, and is ours
	closed                      bool
	phase                       phase     // reserved or full
	began                       time.Time // of the reserve phase
	spent                       []*Spend  // from the reserve, in this phase
	ring                        ring
	pacer                       pacer
	tempo                       tempo
	pause                       pause
	deferred                    time.Time // until when a read that Graph put off may not be repeated
}

// Open returns the budget that the record leaves. A folder that cannot be written is not an error: it puts
// the first window on the reserve, and the log says so. A record that another process holds is not one either:
// Reserve then waits until it is free, see [Budget.Held]. A shared record that cannot be read or written is one: then
// nothing may be spent, and Open is to be tried again.
func Open(o Options) (*Budget, error) { return open(o, systemClock) }

func open(o Options, c clock) (*Budget, error) {
	if o.Requests == 0 {
		o.Requests = 1500
	}
	if o.Window == 0 {
		o.Window = 30 * time.Second
	}
	if o.Grace == 0 {
		o.Grace = 10 * time.Second
	}
	if o.Requests < 2 || o.Window < 0 || o.Grace < 0 {
		return nil, fmt.Errorf("budget: %d requests in %v: at least 2 are needed, in a time above zero", o.Requests, o.Window)
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	b := &Budget{
		o:       o,
		log:     o.Log.Named("budget"),
		clock:   c,
		turn:    make(chan struct{}, 1),
		wake:    make(chan struct{}, 1),
		reserve: max(1, o.Requests/10),
		// Clocks tick at slightly different rates, and Graph's may round: one part in a thousand more than the window.
		rest: o.Window + o.Window/1000,
	}
	b.places = o.Requests - b.reserve
	b.unresolved = max(1, b.places/2)
	if o.Record != nil {
		if err := b.share(); err != nil {
			return nil, err
		}
		return b, nil
	}
	b.start()
	return b, nil
}

// Reserve blocks until one read may leave, and books it. The error is ctx's, or [ErrClosed].
func (b *Budget) Reserve(ctx context.Context) (*Spend, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		spend, wait, err := b.book()
		if spend != nil || err != nil {
			return spend, err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-b.wake:
			timer.Stop()
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// book takes a place, or says how long there is none for certain.
func (b *Budget) book() (*Spend, time.Duration, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil, 0, ErrClosed
	}
	if !b.started {
		if b.start(); !b.started {
			return nil, heldRetry, nil
		}
	}
	now := b.clock.now()
	if b.unsaved && !b.write(now) {
		return nil, heldRetry, nil
	}
	if wait := b.pause.until.Sub(now); wait > 0 {
		return nil, wait, nil
	}
	b.turnPhase(now)
	b.ring.expire(now)
	gap, free := b.pace(now)
	if wait := b.pacer.wait(now, gap); wait > 0 {
		return nil, wait, nil
	}
	if !free {
		return nil, min(b.phaseEnd().Sub(now), time.Second), nil
	}
	if wait := b.ring.wait(now, b.places, b.rest); wait > 0 {
		return nil, wait, nil
	}
	// What a crash now would leave unknown must fit beside what comes after it, see crashed.
	if b.ring.unanswered(now) >= b.unresolved && b.phase == full {
		return nil, b.ring.unknown(now), nil
	}
	s := &Spend{b: b, left: now}
	if b.phase == reserved {
		b.spent = append(b.spent, s)
		if !b.write(now) && b.strict {
			b.spent = b.spent[:len(b.spent)-1]
			return nil, heldRetry, nil
		}
		// In a file, one that cannot be written leaves all the same: a full disk must not stop all reading.
	}
	b.pacer.take(now, gap)
	b.ring.flying++
	return s, 0, nil
}

// pace returns the time between two reads, and whether the phase grants one more.
func (b *Budget) pace(now time.Time) (gap time.Duration, free bool) {
	gap = time.Duration(float64(b.fullGap()) / b.tempo.share(now))
	if b.phase == reserved {
		return max(gap, b.o.Window/time.Duration(b.reserve)), len(b.spent) < b.reserve && b.ring.spent() < b.reserve
	}
	return gap, true
}

// fullGap is the time between two reads at the full pace.
func (b *Budget) fullGap() time.Duration { return b.o.Window / time.Duration(b.places) }

func (b *Budget) phaseEnd() time.Time { return b.began.Add(b.rest) }

// turnPhase ends the reserve phase when its window has passed. The disk knows first: a crash later must be taken for
// one in full spending. While the disk cannot be told, spending goes on at the reserve's pace: the record shows a
// phase long over, so the next process would begin in full, and beside that there is room for a reserve only.
func (b *Budget) turnPhase(now time.Time) {
	if b.phase != reserved || now.Before(b.phaseEnd()) {
		return
	}
	b.phase = full
	if b.file == nil || b.silent || b.write(now) || b.file.spoil() {
		b.log.Info("the window on the reserve is over, the full budget is available")
		b.spent = nil
		return
	}
	b.phase, b.began, b.spent = reserved, now, nil
}

// nudge lets a waiting Reserve look again.
func (b *Budget) nudge() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Pause lets nothing leave before until, whatever was asked for earlier or shorter. It outlives the process.
func (b *Budget) Pause(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pauseUntil(until)
}

// Deferred says that Graph put off a single read until then. Others go on; but the process that begins next does not
// know which read it was, and so waits with all.
func (b *Budget) Deferred(until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if until.After(b.deferred) {
		b.deferred = until
		b.write(b.clock.now())
	}
}

func (b *Budget) pauseUntil(until time.Time) {
	now := b.clock.now()
	if !until.After(now) {
		return
	}
	longer := until.After(b.pause.until)
	if longer {
		b.pause.until = until
		gap, _ := b.pace(now)
		b.pacer.reset(until, gap)
	}
	b.tempo.hold(now, b.pause.until)
	if longer {
		b.write(now)
	}
}

// Succeeded says that Graph answered a read: the next 429 without Retry-After begins at the shortest pause again.
func (b *Budget) Succeeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pause.step = 0
}

// Held reports whether another process holds the record, so that nothing may be spent here.
func (b *Budget) Held() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.held
}

// Usage is what is spent at a moment.
type Usage struct {
	Spent   int           // reads booked that may have reached Graph within the window
	Limit   int           // Options.Requests
	Paused  time.Duration // for how long yet nothing may leave, because of a 429
	Pace    float64       // of the full pace; less than 1 for some minutes after a 429
	Reserve bool          // on the reserve, after a start that does not know what was spent before
	Held    bool          // another process holds the record
}

// Usage returns what is spent now.
func (b *Budget) Usage() Usage {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock.now()
	b.ring.expire(now)
	return Usage{
		Spent:   b.ring.spent(),
		Limit:   b.o.Requests,
		Paused:  max(0, b.pause.until.Sub(now)),
		Pace:    b.tempo.share(now),
		Reserve: b.phase == reserved,
		Held:    b.held,
	}
}

// Window returns how long the interval is in which [Options].Requests may leave.
func (b *Budget) Window() time.Duration { return b.o.Window }

// Reserved returns how many of the reads nothing but the first window after an unclean start may spend.
func (b *Budget) Reserved() int { return b.reserve }

// Close records what was spent and frees the record for the next process. Reads still under way count as given up
// now; call it when they have ended. What it returns is why the record could not be written: the next start then
// begins on the reserve.
func (b *Budget) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return nil
	}
	b.closed = true
	defer b.nudge()
	if b.file == nil {
		return nil
	}
	defer b.file.close()
	if !b.started {
		return nil
	}
	now := b.clock.now()
	if b.phase == full || b.phase == reserved && !now.Before(b.phaseEnd()) {
		b.phase = clean
	}
	if !b.write(now) {
		return errors.New("budget: the record could not be written: the next start begins on the reserve")
	}
	return nil
}

// Rate returns how many reads a second the places allow in the long run, at the pace of now.
func (b *Budget) Rate() float64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return float64(b.places) / b.rest.Seconds() * b.tempo.share(b.clock.now())
}
