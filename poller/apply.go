package poller

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// apply takes news of who is to be read to plan and term.
func (l *loop) apply(ctx context.Context, u update) error {
	l.tried = l.tried || u.tried
	l.mu.Lock()
	c := l.roster.apply(u, time.Now())
	surplus := len(l.roster.surplus)
	l.mu.Unlock()
	if c.described && u.people == nil {
		select {
		case l.listed <- struct{}{}:
		default:
		}
	}
	if c.surplus > 0 {
		l.log.Error("more users are configured than watch.max_users allows: the last ones are not read",
			zap.Int("refused", surplus), zap.Int("max_users", l.o.Watch.MaxUsers))
	}
	if c.full {
		l.log.Error("more users are asked for than watch.max_users allows: further ones stay pending until there is room",
			zap.Int("max_users", l.o.Watch.MaxUsers))
	}
	return l.change(ctx, c)
}

// change brings plan and term in line with the roster.
func (l *loop) change(ctx context.Context, c change) error {
	now := time.Now()
	var begin, end, drop, out []presence.ID
	l.mu.Lock()
	seen := make(map[presence.ID]bool, len(c.touched))
	for _, id := range c.touched {
		if seen[id] {
			continue
		}
		seen[id] = true
		wanted, optedOut, read := l.roster.wanted(id), l.roster.out[id], l.plan.Watched(id)
		switch {
		case wanted && !optedOut:
			delete(l.told, id)
			if l.feigned[id] { // whatever was made of them is forgotten
				delete(l.feigned, id)
				end = append(end, id)
				read = false
			}
			if !read {
				begin = append(begin, id)
			}
			continue
		case wanted && l.feigned[id]:
			continue
		case wanted && !read && !l.told[id] && l.roster.base[id] == 0:
			l.feigned[id] = true
			begin = append(begin, id)
			continue
		case wanted && !l.told[id]:
			l.told[id] = true
			out = append(out, id)
		case !wanted && (read || l.told[id]):
			delete(l.told, id)
			delete(l.feigned, id)
			drop = append(drop, id)
		}
		if read {
			end = append(end, id)
		}
	}
	l.plan.Forget(end...)
	l.plan.Watch(now, begin...)
	for id := range seen {
		l.plan.Weigh(id, int(l.roster.demand[id].watchers))
	}
	var directory *presence.Directory
	if c.described && l.tried { // sooner, members of groups would look like strangers
		directory = l.roster.directory()
	}
	l.mu.Unlock()

	switch {
	case len(drop) == 0:
	case c.lapsed:
		l.term.Lapse(drop)
	default:
		l.term.Forget(drop)
	}
	if directory != nil {
		l.term.Describe(directory)
	}
	_, err := l.observe(ctx, appendGone(nil, out, now, now))
	return err
}
