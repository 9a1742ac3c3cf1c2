package fleet

import "time"

// Jitter has the fleet take its random times from there, so that what happened can happen again.
func (f *Fleet) Jitter(jitter func(time.Duration) time.Duration) { f.jitter = jitter }
