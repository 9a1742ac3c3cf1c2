package budget

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func boot() (string, time.Duration) {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", 0
	}
	var since unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &since) != nil {
		return "", 0
	}
	return strings.TrimSpace(string(id)), time.Duration(since.Nano())
}
