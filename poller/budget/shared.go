package budget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Record is where processes that spend one after the other keep what was spent, so that the next one knows. Unlike a
// file it may forget what it acknowledged, and may not be there for a while: then nothing leaves that would have to be
// written first.
type Record interface {
	// Load returns what was saved last, and how long ago; nil if there is nothing. [ErrUnsure] comes with what may be older
	// than the last. Any other error says that nobody knows.
	Load(ctx context.Context) (text []byte, age time.Duration, err error)
	// Save keeps text in place of what was saved before. An error says that it may not have been.
	Save(ctx context.Context, text []byte) error
}

// ErrUnsure says of a shared record that another may have been saved since.
var ErrUnsure = errors.New("budget: the record may not be the last one")

// recordLimit is how long a record is waited for.
const recordLimit = 2 * time.Second

// shelf is where the record is: a file, or one that is shared.
type shelf interface {
	// read returns the record, and how long ago it was written at least, if that is known other than by the record itself.
	read() (r record, age time.Duration, err error)
	write(r record) error
	spoil() bool
	close()
}

// shared is a [Record] in place of a file.
type shared struct{ Record }

func (s *shared) read() (record, time.Duration, error) {
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	defer cancel()
	text, age, err := s.Load(ctx)
	unsure := errors.Is(err, ErrUnsure)
	if err != nil && !unsure {
		return record{}, 0, fmt.Errorf("budget: the shared record cannot be read: %w", err)
	}
	if text == nil {
		return record{}, 0, errNone
	}
	r, err := parseRecord(text)
	if err != nil {
		return record{}, 0, errors.Join(errBroken, err)
	}
	if unsure {
		r.State = full // as if its writer had not closed it
	}
	return r, age, nil
}

func (s *shared) write(r record) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), recordLimit)
	defer cancel()
	return s.Save(ctx, text)
}

func (s *shared) spoil() bool { return false }
func (s *shared) close()      {}

// errBroken says that a shared record is there, but not one.
var errBroken = errors.New("a broken record")

// share begins on a shared record. What it says of what was spent counts only if the term before this one wrote it: a
// store that forgot what that term wrote may still have what stood before.
func (b *Budget) share() error {
	b.file, b.strict = &shared{b.o.Record}, true
	r, age, err := b.file.read()
	now := b.clock.now() // after the answer: the age is not above the truth
	direct := r.Term+1 == b.o.Term || b.o.Term == 0
	switch {
	case errors.Is(err, errNone), errors.Is(err, errBroken):
		b.crashed(now)
		b.log.Warn("no record of spent reads: this window runs on the reserve", zap.NamedError("because", err))
	case err != nil:
		return err
	default:
		b.aged = max(age, time.Nanosecond)
		// A window on the reserve that is over says nothing of what came after it: whoever goes on writes so first, but what it
		// wrote before may have come late, and stand in its place.
		if !direct || r.State == reserved && r.over(now, b) {
			r.State = full // as if its writer had not closed it
		}
		b.restore(r, now)
	}
	b.started = true
	b.follow(now)
	if !b.write(now) {
		return errors.New("budget: the shared record cannot be written")
	}
	return nil
}

// over reports whether the window on the reserve that r tells of has passed.
func (r *record) over(now time.Time, b *Budget) bool {
	return !now.Before(r.clockAt(now, b.clock, b.aged)(r.Began).Add(b.rest))
}

// follow adds what this process remembers of its own term before, which the record may have lost: a pause, and a
// window on the reserve that is not over.
func (b *Budget) follow(now time.Time) {
	before := b.o.After
	if before == nil {
		return
	}
	before.mu.Lock()
	defer before.mu.Unlock()
	until := before.pause.until
	if before.deferred.After(until) {
		until = before.deferred
	}
	if until.After(b.pause.until) {
		b.pause.until, b.pause.step = until, max(b.pause.step, before.pause.step)
	}
	b.tempo = before.tempo
	if b.phase != reserved || before.phase != reserved || !now.Before(before.phaseEnd()) || len(before.spent) <= len(b.spent) {
		return
	}
	b.began = before.began
	latest := now.Add(b.o.Grace)
	for _, s := range before.spent[len(b.spent):] {
		rests := latest
		if s.done {
			rests = s.rests
		}
		b.spent = append(b.spent, &Spend{b: b, done: true, left: now, rests: rests})
		b.ring.rest(rests, b.rest)
	}
	b.ring.expire(now)
}
