//go:build !linux

package budget

import "time"

func boot() (string, time.Duration) { return "", 0 }
