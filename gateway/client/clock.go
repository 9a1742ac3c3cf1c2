package client

import "time"

// clock is the gateway's clock, as far as this end can tell, and what the last heartbeat said of ages.
//
// What the gateway writes into a message is older by the time it is read, by as much as the message was under way. Only
// of the answer to a ping is it known how much that can be: so the clock is set by these, to the latest it can be, and
// ages are never reckoned too low.
type clock struct {
	at     time.Time // the gateway's
	sent   time.Time // of this machine, when that was asked for
	oldest time.Time // no state held was last confirmed before
	heard  uint64    // the heartbeat that said so
}

// set takes the answer to a ping.
func (c *clock) set(at, sent time.Time) { c.at, c.sent = at, sent }

func (c *clock) now() (time.Time, bool) {
	if c.at.IsZero() {
		return time.Time{}, false
	}
	return c.at.Add(time.Since(c.sent)), true
}
