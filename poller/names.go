package poller

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
	"github.com/presence-gateway/presence-gateway/poller/graph"
)

const (
	namesApart = 250 * time.Millisecond // between two requests for names: no burst, and no hurry
	// The directory is described anew with each lot of names, which takes its time where many are watched.
	namesHeld    = 10 * time.Second
	namesHeldFor = 100 * time.Microsecond // and for each user listed
)

// people tells names and whose e-mail addresses are; [graph.Client] does. What it reads is no presence, and no part of
// the budget.
type people interface {
	People(ctx context.Context, ids []presence.ID) ([]presence.Person, error)
	Find(ctx context.Context, addresses []string) (map[string]presence.ID, error)
}

var _ people = (*graph.Client)(nil)

// namer reads the names of those who are listed by configuration: groups bring the names of their members.
type namer struct {
	source people
	f      *feed
	next   map[presence.ID]time.Time // when a user's name is read again
	fails  int                       // running
	got    []presence.Person         // not told yet
	told   time.Time
}

// name reads names until ctx ends. Whoever cannot be named now stays as they are, and is tried again.
func (p *Poller) name(ctx context.Context, source people, f *feed) error {
	n := &namer{source: source, f: f, next: map[presence.ID]time.Time{}, told: time.Now()}
	for {
		p.mu.Lock()
		ids := p.roster.nameless()
		p.mu.Unlock()
		n.retain(ids)
		again, err := n.pass(ctx, ids, p.listed)
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.listed:
		case <-f.changed():
			n.renewed()
		case <-time.After(max(namesApart, time.Until(again))):
		}
	}
}

// retain forgets users who are no longer listed, or the next time they were they would wait.
func (n *namer) retain(ids []presence.ID) {
	kept := make(map[presence.ID]time.Time, len(ids))
	for _, id := range ids {
		if at, known := n.next[id]; known {
			kept[id] = at
		}
	}
	n.next = kept
}

// pass asks for everyone whose time has come, until list or credential change, and returns when to look again.
func (n *namer) pass(ctx context.Context, ids []presence.ID, changed chan struct{}) (again time.Time, err error) {
	held := max(namesHeld, time.Duration(len(ids))*namesHeldFor)
	again = time.Now().Add(n.f.w.GroupsRefreshInterval)
	for len(ids) > 0 && len(changed) == 0 {
		var due []presence.ID
		for len(ids) > 0 && len(due) < graph.MaxPeople {
			if at := n.next[ids[0]]; time.Now().Before(at) {
				again = earlier(again, at)
			} else {
				due = append(due, ids[0])
			}
			ids = ids[1:]
		}
		if len(due) == 0 {
			break
		}
		wait := n.ask(ctx, due)
		again = earlier(again, n.next[due[0]])
		if len(n.got) > 0 && time.Since(n.told) >= held {
			if err := n.tell(ctx); err != nil {
				return again, err
			}
		}
		select {
		case <-ctx.Done():
			return again, ctx.Err()
		case <-n.f.changed():
			n.renewed()
			return time.Now(), n.tell(ctx)
		case <-time.After(wait):
		}
	}
	return again, n.tell(ctx)
}

// renewed lets a new credential try what the one before could not.
func (n *namer) renewed() {
	if n.fails > 0 {
		clear(n.next)
	}
}

// ask reads some names and returns for how long nothing more is to be asked. Whom the directory leaves out is nobody,
// as the presence reads will find too.
func (n *namer) ask(ctx context.Context, ids []presence.ID) time.Duration {
	people, err := n.source.People(ctx, ids)
	wait, next := namesApart, n.f.w.GroupsRefreshInterval
	switch {
	case err == nil:
		n.fails = 0
		n.got = append(n.got, people...)
	case ctx.Err() != nil:
		return 0
	default:
		next = n.f.groupWait(err, n.fails)
		wait = max(next, namesApart)
		if n.fails++; n.fails == 1 {
			n.f.log.Warn("names of users cannot be read, those known stay", zap.Int("users", len(ids)),
				zap.Duration("again", wait), zap.Error(err))
		}
	}
	for _, id := range ids {
		n.next[id] = time.Now().Add(next)
	}
	return wait
}

func (n *namer) tell(ctx context.Context) error {
	got := n.got
	n.got, n.told = nil, time.Now()
	if len(got) == 0 {
		return nil
	}
	return n.f.tell(ctx, update{people: got})
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
