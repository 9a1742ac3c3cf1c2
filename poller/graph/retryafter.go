package graph

import (
	"net/http"
	"strings"
	"time"
)

// maxRetryAfter bounds what a server can ask for. Graph asks for seconds to minutes; a day is no request but a
// mistake on the way, and must not stop reads for ever.
const maxRetryAfter = 24 * time.Hour

// retryAfter reads the header of that name (RFC 9110, 10.2.3): whole seconds, or a date, which is reckoned against
// the answer's own Date where it has one, since the two clocks may differ. A date that has passed is 0. ok is false
// where there is no such header or nothing sensible in it.
func retryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0, false
	}
	if seconds, ok := wholeSeconds(value); ok {
		return seconds, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(at.Sub(now), 0), maxRetryAfter), true
}

// wholeSeconds accepts digits only, any number of them, and stops counting at maxRetryAfter.
func wholeSeconds(digits string) (time.Duration, bool) {
	var wait time.Duration
	for _, digit := range []byte(digits) {
		if digit < '0' || digit > '9' {
			return 0, false
		}
		wait = min(wait*10+time.Duration(digit-'0')*time.Second, maxRetryAfter)
	}
	return wait, true
}
