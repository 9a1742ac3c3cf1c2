package gateway

import "time"

// bucket is a token bucket. The zero value lets nothing through. It is for one goroutine, or under a lock.
type bucket struct {
	tokens, capacity, rate float64 // rate in tokens a second
	at                     time.Time
}

func newBucket(capacity, rate float64) bucket {
	return bucket{tokens: capacity, capacity: capacity, rate: rate, at: time.Now()}
}

// available returns how many tokens there are.
func (b *bucket) available(now time.Time) float64 {
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(b.capacity, b.tokens+b.rate*passed.Seconds())
		b.at = now
	}
	return b.tokens
}

// spend takes tokens, also such as are not there yet.
func (b *bucket) spend(n float64) { b.tokens -= n }

// take takes one token if there is one.
func (b *bucket) take(now time.Time) bool {
	if b.available(now) < 1 {
		return false
	}
	b.tokens--
	return true
}
