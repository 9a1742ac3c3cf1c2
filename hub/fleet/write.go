package fleet

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/presence-gateway/presence-gateway/hub"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// maxPublished bounds the states in one message. Who misses a whole shard had better load it.
const maxPublished = 1024

// job is what a term has to write to one shard.
type job struct {
	shard  *shard
	states []hub.Item
	drops  []presence.ID // stand there, and are not to be believed
	fresh  bool          // begin an epoch
	append Append
	made   bool // append is what was sent, perhaps without an answer

	strange bool // the shard stood elsewhere once: it may do so again, and again
}

// jobs groups states by shard.
func (t *Term) jobs(states []hub.Item) []*job {
	byShard := map[int]*job{}
	var jobs []*job
	for _, item := range states {
		number := item.ID.Shard()
		j := byShard[number]
		if j == nil {
			j = &job{shard: &t.fleet.shards[number]}
			byShard[number] = j
			jobs = append(jobs, j)
		}
		j.states = append(j.states, item)
	}
	return jobs
}

// write has the store take the jobs, and the hub what the store took. What a shard was not expected to be is set right on
// the way. What nobody knows of is asked for again, until the context ends: then the term has to.
func (t *Term) write(ctx context.Context, jobs []*job) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.ctx, func() { cancel(context.Cause(t.ctx)) })()
	for backOff := firstBackOff; len(jobs) > 0; backOff = min(2*backOff, lastBackOff) {
		if err := t.prepare(ctx, jobs); err != nil {
			return t.broken(jobs, err)
		}
		now, later := slice(jobs)
		appends := make([]Append, len(now))
		for i, j := range now {
			appends[i] = j.append
		}
		open, slow := jobs[:0:0], false
		for i, answer := range t.fleet.store.Append(ctx, t.fence, appends) {
			j := jobs[i]
			switch {
			case answer.Err != nil:
				open, slow = append(open, j), true
			case answer.Outcome == Fenced:
				t.fleet.saw(answer.Fence)
				t.fleet.metrics.refused.Inc()
				t.end(errFenced)
				return t.broken(jobs, errFenced)
			case answer.Outcome == Foreign:
				t.fleet.metrics.foreign.Inc()
				t.fleet.log.Info("a shard is not where it was left", zap.Int("shard", j.shard.number),
					zap.Stringer("expected", j.append.From), zap.Stringer("stands", answer.Stands))
				j.shard.lose()
				j.made = false
				open, slow = append(open, j), slow || j.strange
				j.strange = true
			default:
				t.done(j)
			}
		}
		if jobs = append(open, later...); slow && !sleep(ctx, backOff) {
			return t.broken(jobs, context.Cause(ctx))
		}
	}
	return nil
}

// mostStates is how many states one call carries, but for a shard that has more.
const mostStates = 8192

// slice divides jobs into those whose states fit into one call, and the rest: an empty store that is given everything at
// once would never have it in time.
func slice(jobs []*job) (now, later []*job) {
	states := 0
	for i, j := range jobs {
		if states += len(j.append.States); i > 0 && states > mostStates {
			return jobs[:i:i], jobs[i:]
		}
	}
	return jobs, nil
}

// broken leaves the shards of jobs to be looked at again: what was sent may stand there, though nobody holds it here.
func (t *Term) broken(jobs []*job, err error) error {
	for _, j := range jobs {
		j.shard.lose()
	}
	return err
}

// lose forgets where the shard stands.
func (s *shard) lose() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current, s.at = false, Position{}
}

// prepare makes the appends that were not made yet.
func (t *Term) prepare(ctx context.Context, jobs []*job) error {
	var settling errgroup.Group
	settling.SetLimit(loaders)
	from := make([]Position, len(jobs))
	for i, j := range jobs {
		j.shard.mu.Lock()
		at, current := j.shard.at, j.shard.current
		j.shard.mu.Unlock()
		if from[i] = at; !j.made && !current {
			settling.Go(func() (err error) {
				from[i], err = t.settle(ctx, j)
				return err
			})
		}
	}
	if err := settling.Wait(); err != nil {
		return err
	}
	highest := uint32(0)
	for i, j := range jobs {
		if j.made {
			continue
		}
		t.compose(j, from[i])
		for i := range j.states {
			highest = max(highest, j.states[i].Version.Generation)
		}
	}
	if t.recorded != 0 && highest > t.recorded {
		return t.generation(ctx, highest)
	}
	return nil
}

// settle looks where the shard stands, and adds to the job what it takes to make it what the hub holds. What is newer there,
// or unknown here, is taken over: it may be of a term before, or of an append without an answer. What had been dropped and
// stands there again ends as anybody does whom nobody reads. What is not what it says it is, is not believed.
func (t *Term) settle(ctx context.Context, j *job) (Position, error) {
	var snapshot *Snapshot
	err := persist(ctx, carryLimit, func(ctx context.Context) (err error) {
		snapshot, err = t.fleet.store.Load(ctx, j.shard.number, Position{})
		return err
	})
	if err != nil {
		return Position{}, err
	}
	t.fleet.saw(snapshot.Fence)
	h, o := t.fleet.hub, &t.shards[j.shard.number]
	dropped := make(map[presence.ID]bool, len(o.forgotten)+len(o.lapsed)) // with this very append
	for _, ids := range [][]presence.ID{o.forgotten, o.lapsed} {
		for _, id := range ids {
			dropped[id] = true
		}
	}
	j.drops = nil
	stands := make(map[presence.ID]presence.State, len(snapshot.States))
	sound, kept := snapshot.sound(), snapshot.States[:0:0]
	for _, item := range snapshot.States {
		switch {
		case dropped[item.ID]:
			continue
		case sound:
			kept = append(kept, item)
		case h.Get(nil, item.ID)[0].Pending():
			j.drops = append(j.drops, item.ID)
		}
		stands[item.ID] = item.State
	}
	h.Apply(kept)
	wanted := map[presence.ID]hub.Item{}
	for _, item := range h.Held(nil, j.shard.number) {
		wanted[item.ID] = item
	}
	for _, item := range j.states {
		if item.Version.Compare(wanted[item.ID].Version) > 0 {
			wanted[item.ID] = item
		}
	}
	j.states, j.fresh = nil, true
	for id, item := range wanted {
		if there := stands[id]; item.Version != there.Version || item.Content != there.Content {
			j.states = append(j.states, item)
		}
	}
	return snapshot.Position, nil
}

// compose makes the append that brings the shard from where it stands to what the hub will hold.
func (t *Term) compose(j *job, at Position) {
	o := &t.shards[j.shard.number]
	lapsed := slices.Concat(o.lapsed, j.drops)
	sum := t.fleet.hub.Sum(j.shard.number)
	for i := range j.states {
		item := &j.states[i]
		if held := t.fleet.hub.Get(nil, item.ID)[0]; !held.Pending() {
			sum.Sub(&held.State)
		}
		sum.Add(&item.State)
	}
	to := Position{Epoch: at.Epoch, Offset: at.Offset, Count: sum.Count, Digest: sum.Digest}
	if j.fresh {
		to.Epoch, to.Offset = epoch(), 1
	} else if len(j.states)+len(o.forgotten)+len(lapsed) > 0 {
		to.Offset++
	}
	t.calls++
	j.append = Append{
		Call: fmt.Sprintf("%s.%x", t.fence.Holder, t.calls),
		Message: Message{
			Shard: j.shard.number, Fence: t.fence.Number, From: at, To: to,
			Forgotten: o.forgotten, Lapsed: lapsed, States: j.states, Reload: len(j.states) > maxPublished,
			Confirmed: o.confirmed, Status: *t.status.Load(), Directory: t.directory.Load(), At: time.Now(),
		},
	}
	j.made = true
}

// done holds what the store took.
func (t *Term) done(j *job) {
	t.fleet.hub.Apply(j.states)
	t.shards[j.shard.number] = owned{written: true}
	j.shard.mu.Lock()
	defer j.shard.mu.Unlock()
	j.shard.at, j.shard.current, j.shard.loaded, j.shard.shown = j.append.To, true, true, time.Now()
	t.fleet.metrics.published.Add(float64(len(j.states)))
}

// epoch returns a random number, not 0.
func epoch() uint64 {
	var bytes [8]byte
	rand.Read(bytes[:])
	return binary.BigEndian.Uint64(bytes[:]) | 1
}

// persist tries, for up to limit each time, until there is an answer, or the context ends.
func persist(ctx context.Context, limit time.Duration, try func(context.Context) error) error {
	for backOff := firstBackOff; ; backOff = min(2*backOff, lastBackOff) {
		call, cancel := context.WithTimeout(ctx, limit)
		err := try(call)
		cancel()
		if err == nil || errors.Is(err, ErrLost) {
			return err
		}
		if !sleep(ctx, backOff) {
			return context.Cause(ctx)
		}
	}
}
