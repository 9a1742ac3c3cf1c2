package main_test

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Figures reckoned by hand from the formulas that the command names.
func TestPlan(t *testing.T) {
	for _, row := range []struct {
		arguments string
		want      []string
	}{
		{"--users 200000 --connections 10000", []string{"requests in a sweep 308 ", "pace 45/s", "sweep 6.84s", "all are read every 6.84s", "share of the budget 90.0%",
			"states sent 361/s", "messages 1,361/s", "memory 340 MB", "ok reading feasible; the budget stretches the interval of 5s to 6.84s",
			"memory of Redis 206 MB", "each more process 128 MB", "messages in Redis 208/s"}},
		{"--users 1000000 --connections 0", []string{"requests in a sweep 1,539 ", "sweep 34.2s", "memory 560 MB", "states sent 0/s"}},
		{"--users 300 --connections 20", []string{"requests in a sweep 1 ", "all are read every 5s", "share of the budget 0.4%", "watched by each 50 ", "ok reading feasible: everyone within the interval of 5s"}},
		{"--users 10 --connections 20", []string{"watched by each 10 "}},
		{"--users 1000 --connections 1 --read users", []string{"requests in a sweep 1,000 ", "sweep 22.2s", "ok reading feasible; the budget stretches"}},
		{"--users 650 --connections 1 --requests 300 --window 1m --interval 1s", []string{"pace 4.5/s", "share of the budget 20.0%"}},
		{"--users 20000 --connections 1 --read communications", []string{"warn reading a sweep takes 7m24s: too slow to look at live > use --read batch, with which it takes 689ms"}},
		{"--users 200000 --connections 10000 --read users", []string{"FAIL reading not feasible: with one user in a request a sweep takes 1.23h", "use --read batch, with which it takes 6.84s; or watch 13,500 users at most"}},
		{"--users 2 --connections 1 --read me", []string{"FAIL reading not feasible: me reads the signed-in person alone"}},
		{"--users 100000000 --connections 1 --requests 100", []string{"FAIL reading not feasible: a sweep takes", "warn users more than watch.max_users", "set it to 100000000"}},
		{"--users 100000 --connections 200000 --watched-per-connection 20000 --changes-per-user-hour 60", []string{"warn connections more than gateway.limits.connections", "warn watched more by each connection", "FAIL sending not feasible for one machine"}},
	} {
		p := start(t, nil, append([]string{"plan"}, strings.Fields(row.arguments)...)...)
		code, said := p.exit(5*time.Second), strings.Join(strings.Fields(p.said()), " ")
		for _, want := range row.want {
			if code != 0 || !strings.Contains(said, want) {
				t.Errorf("%s: exit code %d, not said: %s", row.arguments, code, want)
			}
		}
		for line := range strings.Lines(p.said()) {
			if utf8.RuneCountInString(line) > 81 {
				t.Errorf("wider than 80 columns: %s", line)
			}
		}
	}
}
