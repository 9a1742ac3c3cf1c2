package budget

import (
	"errors"
	"time"

	"go.uber.org/zap"
)

// phase is what may be spent, and what the record says of the process that wrote it.
type phase string

const (
	clean    phase = "clean"   // closed with everything known
	reserved phase = "reserve" // open, spending the reserve
	full     phase = "open"    // open, spending from all places
)

// start takes the record and decides what may be spent. It does nothing more while another process holds it.
func (b *Budget) start() {
	if b.o.Dir == "" {
		b.started = true
		b.crashed(b.clock.now())
		return
	}
	f, err := openFile(b.o.Dir, b.o.Identity)
	if errors.Is(err, errHeld) {
		if !b.held {
			b.held = true
			b.log.Warn("another process holds the record of spent reads: nothing is read until it ends",
				zap.String("folder", b.o.Dir))
		}
		return
	}
	b.started, b.held = true, false
	now := b.clock.now()
	if err != nil {
		b.silent = true
		b.crashed(now)
		b.log.Error("no record of spent reads can be kept: this window runs on the reserve, "+
			"and a restart may spend more than the budget allows", zap.Error(err))
		return
	}
	b.file = f
	r, _, err := f.read()
	switch {
	case errors.Is(err, errNone):
		b.phase = full
		b.log.Info("no record of spent reads: a first start, with the full budget", zap.String("folder", b.o.Dir))
	case err != nil:
		b.crashed(now)
		b.log.Warn("the record of spent reads is broken: this window runs on the reserve", zap.Error(err))
	default:
		b.restore(r, now)
	}
	if b.write(now) {
		return
	}
	// The old record must not speak for what is spent from now on. One of a reserve phase may: it grants no more.
	b.silent = true
	if b.phase == full {
		b.crashed(now)
	}
	if r.State != reserved {
		f.spoil()
	}
}

// crashed begins the window on the reserve: a process before this one may have spent everything until now. What it
// sent and got no answer to may reach Graph until the grace is over; there is at most b.unresolved of that.
func (b *Budget) crashed(now time.Time) {
	b.phase, b.began, b.spent = reserved, now, nil
	b.ring.hold(b.unresolved, now.Add(b.o.Grace), b.rest)
}

// restore continues where the process that wrote r ended.
func (b *Budget) restore(r record, now time.Time) {
	at := r.clockAt(now, b.clock, b.aged)
	b.pause.until, b.pause.step = at(r.Pause), r.PauseStep
	if deferred := at(r.Deferred); deferred.After(b.pause.until) {
		b.pause.until = deferred // which read it was for is not known any longer
	}
	if wait := b.pause.until.Sub(now); wait > 0 {
		gap, _ := b.pace(now)
		b.pacer.reset(b.pause.until, gap)
		b.log.Info("a pause that Graph asked for goes on", zap.Duration("for", wait))
	}
	// A place cannot have been given up later than now.
	latest := now.Add(b.o.Grace)
	since := func(offset int64) time.Time {
		if t := at(offset); t.Before(latest) {
			return t
		}
		return latest
	}
	switch {
	case r.State == clean && r.Window == b.o.Window.Milliseconds():
		b.phase = full
		for _, offset := range r.Places {
			b.ring.rest(since(offset), b.rest)
		}
		b.ring.expire(now)
	case r.State == reserved && r.Window == b.o.Window.Milliseconds():
		b.phase, b.began = reserved, at(r.Began)
		if b.began.After(now) {
			b.began = now
		}
		for _, offset := range r.Spent {
			s := &Spend{b: b, done: true, left: now, rests: latest}
			if offset != nil {
				s.rests = since(*offset)
			}
			b.spent = append(b.spent, s)
			b.ring.rest(s.rests, b.rest)
		}
		b.ring.hold(b.unresolved, b.began.Add(b.o.Grace), b.rest)
		b.ring.expire(now)
		b.log.Warn("the last process ended without closing the record, in a window on the reserve: it goes on",
			zap.Int("left", b.reserve-len(b.spent)), zap.Duration("for", max(0, b.phaseEnd().Sub(now))))
	default:
		b.crashed(now)
		b.log.Warn("the last process ended without closing the record of spent reads: this window runs on the reserve",
			zap.Duration("for", b.rest))
	}
}

// write puts the state as it is now on disk, and reports whether it is there. Without a record there is nothing to do.
func (b *Budget) write(now time.Time) bool {
	if !b.started || b.file == nil {
		return b.started
	}
	r := record{
		Version:   recordVersion,
		Term:      b.o.Term,
		State:     b.phase,
		Identity:  b.o.Identity,
		Requests:  b.o.Requests,
		Window:    b.o.Window.Milliseconds(),
		Pause:     offset(b.pause.until, now),
		PauseStep: b.pause.step,
		Deferred:  offset(b.deferred, now),
	}
	r.stamp(now, b.clock)
	switch b.phase {
	case clean:
		for _, p := range b.ring.places {
			r.Places = append(r.Places, offset(p.since, now))
		}
		for range b.ring.flying {
			r.Places = append(r.Places, offset(now.Add(b.o.Grace), now))
		}
	case reserved:
		r.Began = offset(b.began, now)
		for _, s := range b.spent {
			var rests *int64
			if s.done {
				rests = new(int64)
				*rests = offset(s.rests, now)
			}
			r.Spent = append(r.Spent, rests)
		}
	}
	err := b.file.write(r)
	b.unsaved = err != nil && b.strict
	if err != nil {
		b.log.Error("the record of spent reads cannot be written", zap.Error(err))
	}
	return err == nil
}
