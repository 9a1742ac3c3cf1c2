package main

import (
	"fmt"
	"strconv"
	"time"
)

// count writes a number with commas between thousands; small ones keep what is behind the point.
func count(n float64) string {
	if n < 100 && n != float64(int(n)) {
		return fmt.Sprintf("%.2g", n)
	}
	digits := strconv.FormatFloat(n, 'f', 0, 64)
	for at := len(digits) - 3; at > 0; at -= 3 {
		digits = digits[:at] + "," + digits[at:]
	}
	return digits
}

func people(n int) string {
	if n == 1 {
		return "1 user"
	}
	return count(float64(n)) + " users"
}

// size writes bytes in units of 1,000.
func size(bytes float64) string {
	for _, unit := range []struct {
		name string
		size float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}} {
		if bytes >= unit.size {
			return fmt.Sprintf("%.3g %s", bytes/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f B", bytes)
}

// brief writes a duration with about three digits.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return fmt.Sprintf("%.3gs", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	}
	return fmt.Sprintf("%.3gh", d.Hours())
}
