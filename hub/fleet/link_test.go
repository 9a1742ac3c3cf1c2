package fleet_test

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// link is a process's connection to Redis: a fleet.Store that loses, delays, repeats and goes deaf as the real one does.
type link struct {
	world *world
	name  string

	process *process
	dead    bool      // the process was killed
	cut     bool      // the network is
	ownerOf int       // the shard whose node is down, while the others' live; 0: none
	slow    time.Time // until when calls take seconds
	leaky   time.Time // until when published messages are lost
	bad     time.Time // until when calls get lost, or their answers
	master  *master

	listener fleet.Listener
	subs     [presence.Shards]subscription

	mu     sync.Mutex
	events []event
	wake   chan struct{}
}

var errLink = errors.New("connection lost")

// call takes one call to the master and its answer back. done says whether there is an answer at all.
func (l *link) call(ctx context.Context, what string, which int, do func(m *master)) error {
	w := l.world
	w.mu.Lock()
	d := w.dice(l.name, what, which)
	there, back := d.delay(), d.delay()
	if time.Now().Before(l.slow) {
		w.strike("call took seconds")
		there += time.Duration(d.below(9e9))
	}
	lost, unheard, twice := false, false, d.one(300)
	if time.Now().Before(l.bad) {
		lost, unheard = d.one(4), d.one(4)
	}
	w.mu.Unlock()
	limit, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	done := make(chan struct{})
	time.AfterFunc(there, func() { // it travels on whether or not anybody waits
		w.mu.Lock()
		defer w.mu.Unlock()
		if l.cut || lost {
			w.strikeIf(lost, "call lost")
			return
		}
		do(l.master)
		if twice {
			w.strike("call repeated")
			do(l.master)
		}
		if unheard || l.dead {
			w.strikeIf(unheard, "answer lost")
			return
		}
		time.AfterFunc(back, func() { close(done) })
	})
	select {
	case <-done:
		return nil
	case <-limit.Done():
		return errLink
	}
}

func (l *link) Append(ctx context.Context, fence fleet.Fence, appends []fleet.Append) []fleet.Answer {
	answers := make([]fleet.Answer, len(appends))
	got := make([]fleet.Answer, len(appends))
	err := l.call(ctx, "append", len(appends)<<8+appends[0].Shard, func(m *master) {
		for i := range appends {
			if l.ownerOf == 0 || appends[i].Shard != l.ownerOf {
				got[i] = m.append(fence, &appends[i])
			}
		}
	})
	l.world.mu.Lock()
	down := l.ownerOf
	l.world.mu.Unlock()
	for i := range answers {
		if down != 0 && appends[i].Shard == down {
			answers[i].Err = errLink
		} else if err != nil {
			answers[i].Err = err
		} else {
			answers[i] = got[i]
		}
	}
	return answers
}

func ask[T any](ctx context.Context, l *link, what string, which int, do func(m *master) (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	got := make(chan result, 2)
	if err := l.call(ctx, what, which, func(m *master) {
		value, err := do(m)
		got <- result{value, err}
	}); err != nil {
		var none T
		return none, err
	}
	r := <-got
	return r.value, r.err
}

func tell(ctx context.Context, l *link, what string, do func(m *master) error) error {
	_, err := ask(ctx, l, what, 0, func(m *master) (struct{}, error) { return struct{}{}, do(m) })
	return err
}

func (l *link) Load(ctx context.Context, shard int, known fleet.Position) (*fleet.Snapshot, error) {
	return ask(ctx, l, "load", shard, func(m *master) (*fleet.Snapshot, error) { return m.load(shard, known), nil })
}

// granted is what a lease needs: that no other master can grant it, too.
func granted(m *master) error {
	if m.isolated {
		return errLink
	}
	return nil
}

func (l *link) Acquire(ctx context.Context, holder string, above uint64, ttl time.Duration) (fleet.Fence, error) {
	return ask(ctx, l, "acquire", 0, func(m *master) (fleet.Fence, error) {
		if err := granted(m); err != nil {
			return fleet.Fence{}, err
		}
		return m.acquire(holder, above, ttl)
	})
}

func (l *link) Renew(ctx context.Context, fence fleet.Fence, ttl time.Duration) error {
	return tell(ctx, l, "renew", func(m *master) error {
		if err := granted(m); err != nil {
			return err
		}
		return m.renew(fence, ttl)
	})
}

func (l *link) Release(ctx context.Context, fence fleet.Fence) error {
	return tell(ctx, l, "release", func(m *master) error { return m.release(fence) })
}

func (l *link) Generation(ctx context.Context, fence fleet.Fence, above uint32) (uint32, error) {
	return ask(ctx, l, "generation", 0, func(m *master) (uint32, error) {
		if !m.held(fence) {
			return 0, fleet.ErrLost
		}
		m.generation = max(m.generation, above) + 1
		return m.generation, nil
	})
}

func (l *link) SaveBudget(ctx context.Context, fence fleet.Fence, record []byte) error {
	return tell(ctx, l, "savebudget", func(m *master) error {
		if !m.held(fence) {
			return fleet.ErrLost
		}
		m.budget, m.saved, m.savedAt = record, time.Now(), m.life
		return nil
	})
}

func (l *link) LoadBudget(ctx context.Context, _ fleet.Fence) (record []byte, age time.Duration, err error) {
	record, err = ask(ctx, l, "loadbudget", 0, func(m *master) ([]byte, error) {
		if m.budget == nil {
			return nil, fleet.ErrNone
		}
		if age = time.Since(m.saved); m.savedAt != m.life {
			return m.budget, fleet.ErrForeign
		}
		return m.budget, nil
	})
	return record, age, err
}

func (l *link) PostDirectory(ctx context.Context, fence fleet.Fence, p fleet.Post) error {
	return tell(ctx, l, "postdirectory", func(m *master) error {
		if !m.held(fence) {
			return fleet.ErrLost
		}
		return m.directory.post(p, time.Time{})
	})
}

func (l *link) Directory(ctx context.Context) (fleet.Manifest, error) {
	return ask(ctx, l, "directory", 0, func(m *master) (fleet.Manifest, error) { return m.directory.manifest, nil })
}

func (l *link) DirectoryParts(ctx context.Context, parts []int) ([][]byte, error) {
	return ask(ctx, l, "directoryparts", 0, func(m *master) ([][]byte, error) { return m.directory.pick(parts), nil })
}

func (l *link) PostWants(ctx context.Context, replica string, p fleet.Post, ttl time.Duration) error {
	return tell(ctx, l, "postwants", func(m *master) error {
		b := m.wants[replica]
		if time.Now().After(b.until) {
			b = board{}
		}
		err := b.post(p, time.Now().Add(ttl))
		if err == nil {
			m.wants[replica] = b
		}
		return err
	})
}

func (l *link) Wants(ctx context.Context) (map[string]fleet.Manifest, error) {
	return ask(ctx, l, "wants", 0, func(m *master) (map[string]fleet.Manifest, error) {
		all := map[string]fleet.Manifest{}
		for replica, b := range m.wants {
			if time.Now().Before(b.until) {
				all[replica] = b.manifest
			}
		}
		return all, nil
	})
}

func (l *link) WantsParts(ctx context.Context, replica string, parts []int) ([][]byte, error) {
	return ask(ctx, l, "wantsparts", 0, func(m *master) ([][]byte, error) {
		b := m.wants[replica]
		return b.pick(parts), nil
	})
}

func (l *link) Withdraw(ctx context.Context, replica string) error {
	return tell(ctx, l, "withdraw", func(m *master) error {
		delete(m.wants, replica)
		return nil
	})
}

func (l *link) PostFigures(ctx context.Context, fence fleet.Fence, figures []byte, ttl time.Duration) error {
	return tell(ctx, l, "postfigures", func(m *master) error {
		if !m.held(fence) {
			return fleet.ErrLost
		}
		m.figures, m.told, m.figuresEnd = figures, time.Now(), time.Now().Add(ttl)
		return nil
	})
}

func (l *link) Figures(ctx context.Context) ([]byte, time.Duration, error) {
	type told struct {
		said []byte
		age  time.Duration
	}
	got, err := ask(ctx, l, "figures", 0, func(m *master) (told, error) {
		if m.figures == nil || time.Now().After(m.figuresEnd) {
			return told{}, fleet.ErrNone
		}
		return told{m.figures, time.Since(m.told)}, nil
	})
	return got.said, got.age, err
}

func (l *link) Ping(ctx context.Context) error {
	return tell(ctx, l, "ping", func(*master) error { return nil })
}
