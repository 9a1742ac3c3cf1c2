package fleet

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// health decides what this process's clients are told. While the shards are shown to be current it is what the leader
// says of its reads. Silence is never taken for calm: what could not be shown for 5 s is announced, and why, until it
// can be shown again. A shorter hiccup, or a hand-over, is nobody's business: a term begins by saying that nobody polls,
// until its reads succeed, and that is believed only once it was so for 5 s, however many terms it took.
type health struct {
	fleet    *Fleet
	answered atomic.Bool  // the store answered when it was last asked
	ahead    atomic.Int64 // how far the clock here seems ahead of the leader's, in ns: a message's way is in it

	mu       sync.Mutex
	reported presence.Status // what the leader says
	polled   time.Time       // when a leader last said anything but that nobody polls
	author   uint64          // that leader's fence number
	noted    time.Time
	lost     presence.Status // what silence says; live: nothing
	began    time.Time
}

// init begins with what is true before anything was loaded.
func (h *health) init(f *Fleet) {
	h.fleet = f
	h.begin(time.Now())
	h.lost = presence.Status{Reason: presence.HubUnavailable, Since: h.began}
	f.hub.Report(h.lost)
}

func (h *health) begin(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.began, h.polled = now, now
}

// first takes over the status that stood when nothing had been heard yet.
func (h *health) first(s presence.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.noted.IsZero() {
		h.reported = s
	}
}

// note takes over what a leader says. One that is over may be heard a little longer, and numbers may begin again lower.
func (h *health) note(author uint64, s presence.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); author >= h.author || now.Sub(h.noted) > deafAfter {
		h.reported, h.author, h.noted = s, author, now
		h.poll(s, now)
	}
}

func (h *health) poll(s presence.Status, now time.Time) {
	if s.Reason != presence.NoPoller {
		h.polled = now
	}
}

// inherited is the status with which a term begins here: what was so stays so until the term's own reads show otherwise,
// and if all was well there is nobody who reads yet.
func (h *health) inherited() presence.Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.reported.Live() {
		return h.reported
	}
	return presence.Status{Reason: presence.NoPoller, Since: h.polled}
}

// clock compares the clock here with a leader's. Ages are told by the leader's clock, so the two had better agree.
func (h *health) clock(at time.Time) {
	if !at.IsZero() {
		h.ahead.Store(int64(time.Since(at)))
	}
}

const (
	skewed    = 2 * time.Second
	skewAgain = 10 * time.Minute
)

func (h *health) run(ctx context.Context) error {
	tick := time.NewTicker(beatEvery / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			h.look()
		}
	}
}

// look tells the hub how things stand.
func (h *health) look() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	oldest, newest := h.fleet.shown()
	t := h.fleet.leading()
	if t != nil && now.Sub(oldest) < lostAfter { // else it writes some shard in vain, and what it reads reaches nobody
		h.lost = presence.Status{}
		status := *t.status.Load()
		h.poll(status, now)
		h.tell(status, now)
		return
	}
	if oldest.IsZero() && h.fleet.loaded() {
		oldest = h.began // what stands is all here, and the first beats are about to tell whether anybody reads
	}
	switch {
	case now.Sub(oldest) < lostAfter:
		h.lost = presence.Status{}
		h.tell(h.reported, now)
		return
	case h.lost.Live():
		h.lost.Since = oldest
	}
	h.lost.Reason = presence.HubUnavailable
	if t == nil && h.answered.Load() && now.Sub(newest) >= deafAfter {
		h.lost.Reason = presence.NoPoller // for it answers, but about nothing is anything heard
	}
	h.fleet.hub.Report(h.lost)
}

// tell tells the hub what a leader says.
func (h *health) tell(s presence.Status, now time.Time) {
	if s.Reason == presence.NoPoller && h.fleet.hub.Status().Live() && now.Sub(h.polled) < lostAfter {
		return
	}
	h.fleet.hub.Report(s)
}

// shown returns when the shard shown longest ago to be current was, and the one shown last.
func (f *Fleet) shown() (oldest, newest time.Time) {
	for i := range f.shards {
		s := &f.shards[i]
		s.mu.Lock()
		shown := s.shown
		s.mu.Unlock()
		if i == 0 || shown.Before(oldest) {
			oldest = shown
		}
		if shown.After(newest) {
			newest = shown
		}
	}
	return oldest, newest
}

// ask asks the store whether it answers at all, while little is heard.
func (h *health) ask(ctx context.Context) error {
	var warned time.Time
	for sleep(ctx, beatEvery) {
		if ahead := time.Duration(h.ahead.Load()); ahead.Abs() > skewed && time.Since(warned) > skewAgain {
			warned = time.Now()
			h.fleet.log.Warn("the clocks of this process and the one that polls differ, or messages take long: ages are off by as much",
				zap.Duration("ahead", ahead))
		}
		if oldest, _ := h.fleet.shown(); h.fleet.leading() != nil || time.Since(oldest) < 2*beatEvery {
			h.answered.Store(true)
			continue
		}
		call, cancel := context.WithTimeout(ctx, callLimit)
		h.answered.Store(h.fleet.store.Ping(call) == nil)
		cancel()
	}
	return ctx.Err()
}
