package fleet_test

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/presence-gateway/presence-gateway/hub/fleet"
)

type subscription struct {
	number int       // counts subscriptions
	here   bool      // Redis has it
	deaf   bool      // nothing comes any more, and nobody says so
	since  time.Time // when it was confirmed to the listener; zero: not yet
	hurt   time.Time // when a message was last lost, or held back, on purpose
	heard  time.Time // when a message was last handed over; of the shard, over all its subscriptions
}

type event struct {
	due time.Time
	do  func()
}

// Listen hands over what is published, in the order of each connection.
func (l *link) Listen(ctx context.Context, listener fleet.Listener) error {
	l.world.mu.Lock()
	l.listener = listener
	for shard := range l.subs {
		l.subscribe(shard)
	}
	l.world.mu.Unlock()
	for {
		l.mu.Lock()
		var next event
		if len(l.events) > 0 {
			next = l.events[0]
		}
		l.mu.Unlock()
		wait := time.Until(next.due)
		switch {
		case next.do != nil && wait <= 0:
			l.mu.Lock()
			l.events = l.events[1:]
			l.mu.Unlock()
			next.do()
			continue
		case next.do == nil:
			wait = time.Hour
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-l.wake:
			timer.Stop()
		}
	}
}

// later has something handed to the listener after all that came before it.
func (l *link) later(wait time.Duration, do func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	due := time.Now().Add(wait)
	if last := len(l.events) - 1; last >= 0 && l.events[last].due.After(due) {
		due = l.events[last].due
	}
	l.events = append(l.events, event{due, do})
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// subscribe asks Redis for a shard's channel, for as long as it takes. The world's lock is held.
func (l *link) subscribe(shard int) {
	s := &l.subs[shard]
	s.number++
	number := s.number
	s.here, s.deaf, s.since = false, false, time.Time{}
	d := l.world.dice(l.name, "subscribe", shard)
	wait := d.delay()
	if l.world.dice(l.name, "resubscribe", 0).one(2) { // all of them, for they have one connection
		wait += time.Duration(d.below(300e6))
	}
	time.AfterFunc(wait, func() {
		l.world.mu.Lock()
		defer l.world.mu.Unlock()
		if s.number != number || l.dead {
			return
		}
		if l.cut {
			time.AfterFunc(200*time.Millisecond, func() {
				l.world.mu.Lock()
				defer l.world.mu.Unlock()
				if s.number == number && !l.dead {
					l.subscribe(shard)
				}
			})
			return
		}
		s.here = true
		l.later(d.delay(), func() {
			l.world.mu.Lock()
			stale := s.number != number
			if !stale {
				s.since = time.Now()
				if k := &l.master.shards[shard]; k.at.Epoch != 0 {
					l.world.soon(l.process, shard, "state that stood when a channel was joined", slices.Collect(maps.Values(k.states)))
				}
			}
			l.world.mu.Unlock()
			if !stale {
				l.listener.Joined(shard)
			}
		})
	})
}

// leave ends a subscription in a way that is noticed. The world's lock is held.
func (l *link) leave(shard int) {
	if l.listener == nil {
		return
	}
	l.later(l.world.dice(l.name, "leave", shard).delay(), func() { l.listener.Left(shard) })
	l.subscribe(shard)
}

func (l *link) Rejoin(shard int) {
	l.world.mu.Lock()
	defer l.world.mu.Unlock()
	l.world.strikeIf(l.subs[shard].deaf, "deaf subscription made anew")
	if l.listener != nil {
		l.leave(shard)
	}
}

// hear hands over a published message, or loses it. The world's lock is held.
func (l *link) hear(m *fleet.Message) {
	s := &l.subs[m.Shard]
	if !s.here || l.cut || l.dead || l.listener == nil {
		return
	}
	now, d := time.Now(), l.world.dice(l.name, "hear", m.Shard)
	if s.deaf || now.Before(l.leaky) && d.one(3) {
		l.world.strikeIf(!s.deaf, "message lost")
		s.hurt = now
		return
	}
	number, copied := s.number, *m
	if now.Before(l.leaky) && len(m.States) > 1 && d.one(3) {
		copied.States = m.States[1:]
		l.world.strike("message incomplete")
		s.hurt = now
	}
	l.later(d.delay(), func() {
		l.world.mu.Lock()
		stale := s.number != number || l.cut
		if stale {
			s.hurt = time.Now()
		} else {
			s.heard = time.Now()
		}
		l.world.mu.Unlock()
		if !stale {
			l.listener.Heard(&copied)
		}
	})
}
