package graphsim

import (
	"context"
	"time"
)

// tick is the finest grain of simulated life: changes nearer than that come
// together.
const tick = 10 * time.Millisecond

// breath is how many changes are lived before readers get a turn at the lock.
const breath = 64

// Run lets people live until ctx ends, and returns nil then. It is not called
// twice at the same time.
func (t *Tenant) Run(ctx context.Context) error {
	life := t.bySpeed()
	if t.o.ChangesPerSecond > 0 {
		life = t.byRate()
	}
	restamp := t.restamping()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
		now := t.age()
		next, more := life(now)
		for more && ctx.Err() == nil {
			next, more = life(now)
		}
		restamp(now)
		timer.Reset(min(max(next-now, tick), time.Second))
	}
}

// bySpeed lives every change that is due by the clock of the simulated day.
func (t *Tenant) bySpeed() func(now time.Duration) (next time.Duration, more bool) {
	began := t.age()
	t.mu.RLock()
	p, origin := t.p, t.p.instant
	t.mu.RUnlock()
	return func(now time.Duration) (time.Duration, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if p != t.p { // a reset with another seed
			p, origin, began = t.p, t.p.instant, now
		}
		instant := origin + int64(float64(now-began)/float64(time.Millisecond)*t.o.Speed)
		for left := breath; p.nextAt() <= instant; left-- {
			if left == 0 {
				return now, true
			}
			t.live(now)
		}
		p.instant = instant
		next := p.nextAt()
		if next == noMore {
			return now + time.Second, false
		}
		return began + time.Duration(float64(next-origin)/t.o.Speed*float64(time.Millisecond)), false
	}
}

// patience is how many planned changes that change nothing are passed over in
// search of one that does, beyond one for each person.
const patience = 10000

// byRate lives one change after the other at random intervals.
func (t *Tenant) byRate() func(now time.Duration) (next time.Duration, more bool) {
	gaps := dice(mix(t.o.Seed, 'c'))
	mean := float64(time.Second) / t.o.ChangesPerSecond
	next := t.age() + time.Duration(gaps.wait(mean))
	return func(now time.Duration) (time.Duration, bool) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for left := breath; next <= now && left > 0; left-- {
			for tries := patience + len(t.p.people); tries > 0 && !t.live(now); tries-- {
			}
			next += time.Duration(gaps.wait(mean))
		}
		return next, next <= now
	}
}

// live takes the next planned change and says whether anybody's
// presence changed by it. The lock is held.
func (t *Tenant) live(now time.Duration) bool {
	who, changed := t.p.step()
	r := &t.p.people[who]
	if now < r.pinned {
		return false
	}
	c := r.meant
	if !changed && r.pinned == 0 || c == r.now.content {
		return false
	}
	r.pinned = 0
	number := r.now.number
	if !t.faults.freezes() {
		number = t.p.raise(who, number)
	}
	t.turn(who, c, number, now)
	return true
}

// restamping raises numbers while the switch is on.
func (t *Tenant) restamping() func(now time.Duration) {
	pick := dice(mix(t.o.Seed, 'u'))
	last, owed := t.age(), 0.0
	return func(now time.Duration) {
		rate := t.faults.restamps()
		owed += rate * (now - last).Seconds()
		last = now
		if rate == 0 {
			owed = 0
		}
		if owed < 1 {
			return
		}
		t.mu.Lock()
		defer t.mu.Unlock()
		for ; owed >= 1; owed-- {
			who := uint32(pick.below(len(t.p.people)))
			r := &t.p.people[who]
			t.turn(who, r.now.content, t.p.raise(who, r.now.number), now)
		}
	}
}
