package main_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// A process that never reads Graph tells operators, too, what its clients are told.
func TestDegradedIsToldByEveryRole(t *testing.T) {
	t.Parallel()
	server := redistest.Standalone(t, redistest.Options{})
	s := newSystem(t, fmt.Sprintf("addrs: [%q]", server.Addr))
	g := s.launch("gateway", "")
	told := func(reason string) {
		t.Helper()
		eventually(t, 15*time.Second, "told of "+reason, func() bool {
			_, text := request(t, "GET", "http://"+g.admin+"/metrics", "")
			of := map[string]int{}
			for line := range strings.Lines(text) {
				if after, ours := strings.CutPrefix(line, `presence_degraded{reason="`); ours {
					name, value, _ := strings.Cut(strings.TrimSpace(after), `"} `)
					of[name], _ = strconv.Atoi(value)
				}
			}
			sum := 0
			for _, value := range of {
				sum += value
			}
			return len(of) == 5 && (reason == "nothing" && sum == 0 || sum == 1 && of[reason] == 1)
		})
	}
	told("no_poller")
	reading := s.join("poller", "")
	told("nothing")
	reading.kill()
	told("no_poller")
}
