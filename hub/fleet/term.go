package fleet

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Term is an unbroken spell in which this process may poll. What it observes is written to the store first, and held
// here once the store has it: what a fenced term still finds out reaches nobody. Its methods are safe for concurrent use;
// those that write wait for each other.
type Term struct {
	fleet    *Fleet
	fence    Fence
	asked    time.Time // when the lease was
	deadline atomic.Pointer[time.Time]
	ctx      context.Context // ends with the term
	end      context.CancelCauseFunc

	turn      chan struct{} // one slot: who writes; above the shards' locks
	shards    [presence.Shards]owned
	recorded  uint32 // the generation that the store knows of
	calls     uint64
	status    atomic.Pointer[presence.Status]
	directory atomic.Uint64 // what was posted

	hasty     chan struct{} // one slot: beat now
	suspects  chan int      // shards that somebody could not believe
	described chan struct{} // one slot: there is a directory to post
	told      atomic.Bool   // the poller has described one
	merged    merged
}

// owned is what a term has to say of a shard beside states.
type owned struct {
	written   bool // by this term: so it was current
	forgotten []presence.ID
	lapsed    []presence.ID
	confirmed []Confirmed
}

func newTerm(f *Fleet, fence Fence, asked time.Time) *Term {
	t := &Term{
		fleet: f, fence: fence, asked: asked,
		turn: make(chan struct{}, 1), hasty: make(chan struct{}, 1), suspects: make(chan int, presence.Shards), described: make(chan struct{}, 1),
	}
	t.ctx, t.end = context.WithCancelCause(context.Background())
	t.merged.init(f)
	t.status.Store(&presence.Status{})
	t.prolong(asked)
	return t
}

// begin makes every shard the term's own, and takes a generation for its versions.
func (t *Term) begin(ctx context.Context) error {
	f := t.fleet
	t.turn <- struct{}{}
	defer t.pass()
	status := f.health.inherited()
	t.status.Store(&status)
	f.term.Store(t)
	jobs := make([]*job, presence.Shards)
	for i := range jobs {
		jobs[i] = &job{shard: &f.shards[i], fresh: true, states: f.shards[i].take()}
	}
	if err := t.write(ctx, jobs); err != nil {
		return err
	}
	if err := t.generation(ctx, max(f.hub.Highest(), uint32(time.Now().Unix()))); err != nil { //nolint:gosec // until 2106
		return err
	}
	f.hub.Begin(t.recorded, uint16(1+rand.N(1<<16-1))) //nolint:gosec // 16 bits
	return nil
}

// Number is the term's: above those of all terms before it, as far as the store remembers, and by one above the last
// if nothing was lost.
func (t *Term) Number() uint64 { return t.fence.Number }

// Known returns the directory that the fleet knew when it was asked for; nil if none is known here.
func (t *Term) Known() *presence.Directory {
	if !t.fleet.directory.loaded() {
		return nil
	}
	return t.fleet.hub.Directory()
}

// Before returns when the latest read began that is known to have brought anybody's state, in whatever process; zero if
// none is.
func (t *Term) Before() (latest time.Time) {
	for shard := range presence.Shards {
		for _, item := range t.fleet.hub.Held(nil, shard) {
			if item.ObservedAt.After(latest) {
				latest = item.ObservedAt
			}
		}
	}
	return latest
}

// pass lets the next one write.
func (t *Term) pass() { <-t.turn }

// take hands the shard over to a term. What was astray is the truth from now on, and returned, to be published.
func (s *shard) take() []hub.Item {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
	ids := make([]presence.ID, 0, len(s.astray))
	for id := range s.astray {
		ids = append(ids, id)
	}
	s.astray = nil
	return s.fleet.hub.Get(nil, ids...)
}

// leave hands the shards back to what is heard. handed: everything was written, so the tables stand where they say.
func (t *Term) leave(handed bool) {
	f := t.fleet
	now := time.Now()
	shown := now
	if !handed { // since then nothing that was read may have got anywhere
		shown = t.renewed()
	}
	f.term.Store(nil)
	f.health.note(t.fence.Number, *t.status.Load())
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		if t.shards[i].written {
			s.shown = shown
		}
		if !handed || !s.joined {
			s.current = false
		}
		if !s.current {
			if !handed {
				s.at = Position{}
			}
			s.reload("term")
		}
		s.mu.Unlock()
	}
	f.wants.stir()
}

// generation makes sure that no later term issues versions of generations up to this.
func (t *Term) generation(ctx context.Context, above uint32) error {
	return persist(ctx, callLimit, func(ctx context.Context) error {
		recorded, err := t.fleet.store.Generation(ctx, t.fence, above)
		if err == nil {
			t.recorded = recorded
		}
		return err
	})
}

// Observe judges readings, publishes what is newer, and holds it then. An error ends the term.
func (t *Term) Observe(ctx context.Context, readings []presence.Reading) ([]presence.Verdict, error) {
	t.turn <- struct{}{}
	defer t.pass()
	if t.ctx.Err() != nil {
		return nil, context.Cause(t.ctx)
	}
	judged := t.fleet.hub.Judge(readings)
	jobs := t.jobs(judged.States)
	t.confirm(readings, judged)
	return judged.Verdicts, t.write(ctx, jobs)
}

// confirm notes who was found unchanged: here at once, elsewhere with the shard's next message.
func (t *Term) confirm(readings []presence.Reading, judged hub.Judgement) {
	changed := make(map[presence.ID]bool, len(judged.States))
	for i := range judged.States {
		changed[judged.States[i].ID] = true
	}
	byRead := map[time.Time][]presence.ID{}
	for i, verdict := range judged.Verdicts {
		if r := &readings[i]; verdict == presence.Confirmed && !changed[r.ID] {
			byRead[r.Asked] = append(byRead[r.Asked], r.ID)
			t.shards[r.ID.Shard()].confirm(r.ID, r.Asked)
		}
	}
	for asked, ids := range byRead {
		t.fleet.hub.Confirm(ids, asked)
	}
}

func (o *owned) confirm(id presence.ID, asked time.Time) {
	last := len(o.confirmed) - 1
	if last < 0 || !o.confirmed[last].Asked.Equal(asked) {
		o.confirmed = append(o.confirmed, Confirmed{Asked: asked})
		last++
	}
	o.confirmed[last].Users = append(o.confirmed[last].Users, id)
}

// Forget drops the states of users who are no longer watched by configuration.
func (t *Term) Forget(ids []presence.ID) {
	t.turn <- struct{}{}
	defer t.pass()
	t.fleet.hub.Forget(ids)
	for _, id := range ids {
		o := &t.shards[id.Shard()]
		o.forgotten = append(o.forgotten, id)
	}
}

// Lapse drops the states of users in whom nobody is interested any longer, but for those who are watched again.
func (t *Term) Lapse(ids []presence.ID) {
	t.turn <- struct{}{}
	defer t.pass()
	t.fleet.hub.Lapse(ids)
	for _, item := range t.fleet.hub.Get(nil, ids...) {
		if item.Pending() {
			o := &t.shards[item.ID.Shard()]
			o.lapsed = append(o.lapsed, item.ID)
		}
	}
}

// Describe says who is watched by configuration, and what is known of groups and names.
func (t *Term) Describe(d *presence.Directory) {
	t.fleet.directory.describe(d)
	t.told.Store(true)
	notify(t.described)
}

// Report says whether reads succeed. Everybody hears it with the next beat, which comes at once.
func (t *Term) Report(s presence.Status) {
	t.status.Store(&s)
	t.fleet.health.look()
	notify(t.hasty)
}

// SaveBudget keeps the record of spent reads, under the fence: a term that is over cannot.
func (t *Term) SaveBudget(ctx context.Context, record []byte) error {
	return t.fleet.store.SaveBudget(ctx, t.fence, record)
}

// LoadBudget returns the record that was last saved, by whatever process, and how long ago. [ErrNone] where there is none.
func (t *Term) LoadBudget(ctx context.Context) (record []byte, age time.Duration, err error) {
	return t.fleet.store.LoadBudget(ctx, t.fence)
}

// notify puts a token into a slot, unless one lies there.
func notify(slot chan struct{}) {
	select {
	case slot <- struct{}{}:
	default:
	}
}
