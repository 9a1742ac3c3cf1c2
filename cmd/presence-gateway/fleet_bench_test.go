package main_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/presence-gateway/presence-gateway/internal/redistest"
)

// figures are the metrics of a process, by name with labels.
func (g *gatewayProcess) figures(t testing.TB) map[string]float64 {
	t.Helper()
	status, text := request(t, "GET", "http://"+g.admin+"/metrics", "")
	if status != 200 {
		t.Fatalf("metrics: %d %s", status, text)
	}
	all := map[string]float64{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		name, value, found := strings.Cut(lines.Text(), " ")
		if x, err := strconv.ParseFloat(value, 64); err == nil && found {
			all[name] = x
		}
	}
	return all
}

// quantile is that of a histogram's growth between two moments, interpolated within its bucket.
func quantile(before, after map[string]float64, histogram string, share float64) (seconds float64) {
	type bucket struct{ edge, count float64 }
	var buckets []bucket
	for name, count := range after {
		if edge, is := strings.CutPrefix(name, histogram+`_bucket{le="`); is {
			x, err := strconv.ParseFloat(strings.TrimSuffix(edge, `"}`), 64)
			if err != nil {
				x = math.Inf(1)
			}
			buckets = append(buckets, bucket{x, count - before[name]})
		}
	}
	all := after[histogram+"_count"] - before[histogram+"_count"]
	least, below, best := 0.0, 0.0, math.Inf(1)
	from := 0.0
	for _, b := range buckets {
		if b.count >= share*all && b.edge < best {
			best, least = b.edge, b.count
		}
	}
	for _, b := range buckets {
		if b.edge < best && b.edge > from {
			from, below = b.edge, b.count
		}
	}
	return from + (best-from)*(share*all-below)/max(1, least-below)
}

// pair starts one process that reads and one that only serves, over one Redis, and waits until the second has heard of
// everybody.
func pair(b *testing.B, graph string, simulate ...string) (tn *tenant, replica *gatewayProcess) {
	b.Helper()
	server := redistest.Standalone(b, redistest.Options{})
	tn = startTenant(b, append([]string{"--seed", "3"}, simulate...)...)
	redis := fmt.Sprintf("addrs: [%q]", server.Addr)
	launchMember(b, tn, "poller", graph, redis).ready(b)
	replica = launchMember(b, tn, "gateway", graph, redis)
	replica.ready(b)
	users := len(tn.ids())
	eventually(b, 3*time.Minute, "everybody's state is in Redis", func() bool {
		held := 0
		for shard := range 64 {
			n, _ := server.Do("HLEN", fmt.Sprintf("presence:{s%02d}:state", shard)).(int64)
			held += int(n)
		}
		return held == users
	})
	lives(b, 3*time.Second) // the last of them has come
	return tn, replica
}

// lives lets time pass that something is measured in.
func lives(b *testing.B, d time.Duration) {
	b.Helper()
	select {
	case <-time.After(d):
	case <-b.Context().Done():
	}
}

// From Graph's answer, in one process, to the frame handed to the socket by another: 20 clients of 500 users each, of 1,000 who
// change 100 times a second; a flush of 25 ms included.
func BenchmarkFleetReadToSend(b *testing.B) {
	for b.Loop() {
		tn, replica := pair(b, "interval: 1s", "--users", "1000", "--changes-per-second", "100")
		ctx, cancel := context.WithCancel(b.Context())
		f := &follower{t: b, arrived: map[string][]arrival{}}
		for range 20 {
			f.watch(ctx, replica.address, tn.ids()[:500], func([]byte) {})
		}
		lives(b, 2*time.Second)
		before := replica.figures(b)
		lives(b, 15*time.Second)
		after := replica.figures(b)
		const histogram = "presence_read_to_send_seconds"
		b.ReportMetric(1000*quantile(before, after, histogram, .5), "ms-p50")
		b.ReportMetric(1000*quantile(before, after, histogram, .99), "ms-p99")
		b.ReportMetric(after[histogram+"_count"]-before[histogram+"_count"], "states")
		b.ReportMetric(0, "ns/op")
		cancel()
	}
}

// What a process pays that serves nobody for what happens elsewhere: processor time for each thousand states of others, of
// 10,000 users who are read every 2 s, beyond what their confirmations and the beats cost, which is given beside.
func BenchmarkFleetForeignStates(b *testing.B) {
	const measured = 15 * time.Second
	spent := func(changes string) (cpu, states float64) {
		_, replica := pair(b, "interval: 2s", "--users", "10000", "--changes-per-second", changes)
		before := replica.figures(b)
		lives(b, measured)
		after := replica.figures(b)
		grown := func(name string) float64 { return after[name] - before[name] }
		return grown("process_cpu_seconds_total"), grown("presence_fleet_states_applied_total")
	}
	for b.Loop() {
		idle, _ := spent("0.000001")
		busy, states := spent("1000")
		b.ReportMetric(1000*(busy-idle)/(states/1000), "cpu-ms/1000-states")
		b.ReportMetric(states/measured.Seconds(), "states/s")
		b.ReportMetric(100*idle/measured.Seconds(), "cpu-%-idle")
		b.ReportMetric(0, "ns/op")
	}
}

// The memory of a process that serves nobody and holds 100,000 users.
func BenchmarkFleetMemory(b *testing.B) {
	for b.Loop() {
		_, replica := pair(b, "interval: 10s", "--users", "100000", "--changes-per-second", "100")
		f := replica.figures(b)
		b.ReportMetric(f["process_resident_memory_bytes"]/1e6, "MB-resident")
		b.ReportMetric(f["go_memstats_heap_inuse_bytes"]/1e6, "MB-heap")
		b.ReportMetric(0, "ns/op")
	}
}
