package poller

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const (
	fileLook      = time.Second
	firstRetry    = 5 * time.Second // of a group that could not be read
	lastRetry     = time.Minute
	groupsAtStart = 100 * time.Millisecond
	triedAfter    = 10 * time.Second // groups count as tried at the latest, however long Graph takes
)

// feed tells the loop of everything outside that says who is to be read.
type feed struct {
	w       Watch
	log     *zap.Logger
	updates chan update
	changed func() <-chan struct{} // of the credential

	users, out idFile
	optedOut   map[presence.ID]bool
}

func (f *feed) tell(ctx context.Context, u update) error {
	select {
	case f.updates <- u:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// first reads the files. One that cannot be read is an error, and so is any line of the opted out's that is no id: it
// may be someone who must not be read.
func (f *feed) first() (u update, err error) {
	f.users.path, f.out.path = f.w.UsersFile, f.w.OptedOutFile
	if f.w.OptedOutFile != "" {
		ids, problems, err := f.out.first()
		if err == nil {
			err = mustBeWhole(problems)
		}
		if err != nil {
			return u, err
		}
		f.optedOut = make(map[presence.ID]bool, len(ids))
		for _, id := range ids {
			f.optedOut[id] = true
		}
		u.out = &ids
	}
	if f.w.UsersFile != "" {
		ids, problems, err := f.users.first()
		if err != nil {
			return u, err
		}
		f.complain(problems)
		u.file = &ids
	}
	return u, nil
}

func (f *feed) complain(problems []error) {
	for _, err := range problems {
		f.log.Error("a line is left out", zap.Error(err))
	}
}

// watchFiles looks at the files until ctx ends.
func (f *feed) watchFiles(ctx context.Context) error {
	if f.w.UsersFile == "" && f.w.OptedOutFile == "" {
		return nil
	}
	tick := time.NewTicker(fileLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		if u := f.look(); u.file != nil || u.out != nil {
			if err := f.tell(ctx, u); err != nil {
				return err
			}
		}
	}
}

func (f *feed) look() (u update) {
	keep := func(err error) {
		f.log.Error("a file cannot be read, what it said before stays in force", zap.Error(err))
	}
	if f.w.OptedOutFile != "" {
		if ids, problems, news := f.out.again(keep); news {
			now := make(map[presence.ID]bool, len(ids))
			for _, id := range ids {
				now[id] = true
			}
			if len(problems) > 0 {
				// A broken line may have been someone who is opted out: nobody comes back by it.
				maps.Copy(now, f.optedOut)
				f.complain(problems)
			}
			f.optedOut = now
			ids = slices.Collect(maps.Keys(now))
			u.out = &ids
			f.log.Info("opted-out users read again", zap.Int("users", len(ids)))
		}
	}
	if f.w.UsersFile != "" {
		switch ids, problems, news := f.users.again(keep); {
		case !news:
		case len(problems) > 0: // half written, or not what it should be: nobody leaves by mistake
			for _, err := range problems {
				keep(err)
			}
		default:
			u.file = &ids
			f.log.Info("users file read again", zap.Int("users", len(ids)))
		}
	}
	return u
}

// follow passes on who is watched by somebody.
func (f *feed) follow(ctx context.Context, term Term) error {
	for {
		wants, err := term.Wants(ctx)
		if err != nil {
			return err
		}
		if err := f.tell(ctx, update{wants: wants}); err != nil {
			return err
		}
	}
}

// expandGroups reads the members of each group now and then. One that cannot be read keeps the members it had.
func (f *feed) expandGroups(ctx context.Context) error {
	if len(f.w.Groups) == 0 {
		return nil
	}
	next := make([]time.Time, len(f.w.Groups))
	fails := make([]int, len(f.w.Groups))
	timer := time.NewTimer(0)
	defer timer.Stop()
	changed := f.changed()
	began, tried := time.Now(), false
	try := func(enough bool) error {
		if tried || !enough {
			return nil
		}
		tried = true
		return f.tell(ctx, update{tried: true})
	}
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
		case <-changed:
			changed = f.changed()
			for i := range next {
				if fails[i] > 0 {
					next[i] = time.Time{}
				}
			}
		}
		for i, group := range f.w.Groups {
			if time.Now().Before(next[i]) {
				continue
			}
			if err := try(time.Since(began) > triedAfter); err != nil {
				return err
			}
			members, people, err := f.w.Members(ctx, group, f.w.Directory)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				wait := f.groupWait(err, fails[i])
				fails[i]++
				next[i] = time.Now().Add(wait)
				f.log.Error("a group's members cannot be read, those known stay", zap.Stringer("group", group),
					zap.Duration("again", wait), zap.Error(err))
				continue
			}
			fails[i] = 0
			// A little spread, so that many groups do not come in one burst for ever.
			next[i] = time.Now().Add(f.w.GroupsRefreshInterval - rand.N(f.w.GroupsRefreshInterval/20+1))
			members.ID = group
			slices.SortFunc(people, func(a, b presence.Person) int { return a.ID.Compare(b.ID) })
			if err := f.tell(ctx, update{groups: []expansion{{members, people}}}); err != nil {
				return err
			}
		}
		if err := try(true); err != nil {
			return err
		}
		timer.Reset(max(groupsAtStart, time.Until(slices.MinFunc(next, time.Time.Compare))))
	}
}

// groupWait is how long to wait after a group, or a name, could not be read for the fails+1st time.
func (f *feed) groupWait(err error, fails int) time.Duration {
	if failure := asGraph(err); failure.RetryAfterSet {
		return max(failure.RetryAfter, time.Second)
	}
	return min(jitter(min(firstRetry<<min(fails, 10), lastRetry)), f.w.GroupsRefreshInterval)
}
