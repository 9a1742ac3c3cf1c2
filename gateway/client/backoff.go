package client

import (
	"math/rand/v2"
	"time"
)

// Backoff is how long to wait after a connection was lost. Zero stands for the default.
type Backoff struct {
	First time.Duration // upper bound of the first delay; 500 ms
	Most  time.Duration // upper bound of every delay; 30 s
	Held  time.Duration // a connection that held this long was good: the next loss starts anew; 10 s
}

func (b Backoff) withDefaults() Backoff {
	set := func(d *time.Duration, value time.Duration) {
		if *d <= 0 {
			*d = value
		}
	}
	set(&b.First, 500*time.Millisecond)
	set(&b.Most, 30*time.Second)
	set(&b.Held, 10*time.Second)
	return b
}

// delay has full jitter: anything up to a bound that doubles with every failure. It is drawn for each attempt, so that
// clients who lost the same gateway together do not come back together.
func (b Backoff) delay(failures int) time.Duration {
	bound := b.First
	for ; failures > 0 && bound < b.Most; failures-- {
		bound *= 2
	}
	return time.Duration(rand.Int64N(int64(min(bound, b.Most)) + 1))
}
