package poller

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

const (
	quiet    = 5 * time.Second         // without a success, before anything is announced
	hanging  = 3500 * time.Millisecond // how long a due read may bring nothing, once there was no success for quiet
	twice    = time.Second             // or how long reads must have failed, more than once
	allFail  = 3                       // failures in a row
	allQuiet = 2 * time.Second         // without a success, after which those mean that everything fails
)

// outage decides what clients are told: that reads fail when they are due and none has succeeded for 5 s, at the
// latest about 6 s after they began to; that it is over when everyone who was overdue has been read again. A single
// failure, or a short Retry-After, is an ordinary hiccup. It is pure.
type outage struct {
	success  time.Time // the last one, or the start
	pending  time.Time // since when reads have been due without one; zero: none is
	patience time.Time // a short wait that Graph asked for ends then
	pause    time.Time // a long one
	failures int       // in a row
	failing  time.Time // since when
	latest   presence.Reason

	inherited bool // the last success is another process's, and no answer has come since

	status    presence.Status
	unsaid    bool          // nothing was reported yet
	recovered time.Time     // the first success after the outage, or after the start; zero: none yet
	sweep     time.Duration // the longest since then: after a pause the pace grows
	empty     bool
}

// sight is what the loop sees at a moment.
type sight struct {
	nobody, due  bool // nobody to read; someone should have been read by now, or is being read
	held, paused bool // the budget is another process's; a 429 stops everything
	owed         int  // users overdue at the first success and not read since
	sweep        time.Duration
}

// begin starts now, at before if another process had its last success then: an outage that began under that one is
// announced no later because this one took over in the midst of it.
func (o *outage) begin(now, before time.Time) {
	*o = outage{success: now, unsaid: true, empty: true}
	if !before.IsZero() && before.Before(now) {
		o.success, o.inherited = before, true
	}
}

// succeeded notes a success. true: it may be the end of an outage, whoever is overdue now must be read first.
func (o *outage) succeeded(now time.Time) bool {
	o.success, o.pending, o.failures, o.latest, o.inherited = now, time.Time{}, 0, "", false
	o.patience, o.pause = time.Time{}, time.Time{}
	if (o.unsaid || !o.status.Live()) && o.recovered.IsZero() {
		o.recovered, o.sweep = now, 0
		return true
	}
	return false
}

// failed notes a failure; wait is for how long Graph wants no further read.
func (o *outage) failed(now time.Time, why presence.Reason, wait time.Duration) {
	if o.failures++; o.failures == 1 {
		o.failing = now
	}
	o.latest, o.inherited = why, false
	switch {
	case wait >= quiet:
		o.pause = now.Add(wait)
	case wait > 0:
		o.patience = now.Add(wait)
	}
}

// total reports whether everything fails, rather than something.
func (o *outage) total(now time.Time) bool {
	return o.failures >= allFail && now.Sub(o.success) >= allQuiet
}

// tick returns the status, and whether it is news.
func (o *outage) tick(now time.Time, s sight) (presence.Status, bool) {
	if s.nobody {
		*o = outage{success: now, empty: true, status: o.status, unsaid: o.unsaid}
		return o.say(presence.Status{})
	}
	if o.empty {
		o.empty = false
		if !o.inherited {
			o.success = now
		}
	}
	if !s.due {
		o.pending = time.Time{}
	} else if o.pending.IsZero() {
		o.pending = now
	}
	if o.down(now, s) {
		o.recovered = time.Time{}
		status := presence.Status{Reason: o.reason(s), Since: o.status.Since}
		if o.status.Live() {
			status.Since = o.pending
			if o.failures > 0 && o.failing.Before(status.Since) {
				status.Since = o.failing
			}
		}
		return o.say(status)
	}
	o.sweep = max(o.sweep, s.sweep)
	if !o.recovered.IsZero() && (s.owed == 0 || now.Sub(o.recovered) >= o.sweep) {
		o.recovered = time.Time{}
		return o.say(presence.Status{})
	}
	return o.status, false
}

func (o *outage) down(now time.Time, s sight) bool {
	if !s.due || now.Sub(o.success) < quiet {
		return false
	}
	pending := o.pending
	if o.failures < 2 && o.patience.After(pending) {
		pending = o.patience
	}
	return now.Before(o.pause) || o.inherited && s.paused ||
		o.failures >= 2 && now.Sub(o.failing) >= twice ||
		now.Sub(pending) >= hanging
}

func (o *outage) reason(s sight) presence.Reason {
	switch {
	case s.held:
		return presence.NoPoller
	case s.paused:
		return presence.Throttled
	case o.latest != "":
		return o.latest
	}
	return presence.GraphUnavailable
}

func (o *outage) say(status presence.Status) (presence.Status, bool) {
	news := o.unsaid || status != o.status
	o.status, o.unsaid = status, false
	return status, news
}
