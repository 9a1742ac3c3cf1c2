package main

import (
	"context"
	"encoding/json"
	"os"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway"
	"github.com/presence-gateway/presence-gateway/poller"
)

// processName is what operators know this process by: its machine's name, or its pod's.
func processName() string {
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// figures is how the reading goes here; nil where this process does not read.
func (r *reader) figures() *gateway.Reading {
	if reading := r.now.Load(); reading != nil {
		told := readingOf(reading.Figures())
		return &told
	}
	return nil
}

// told is how the reading goes, for operators: here, or in the process that reads, as far as it is heard of. nil: nobody
// knows.
func (b *back) told(ctx context.Context) *gateway.Told {
	if here := b.reader.figures(); here != nil {
		return &gateway.Told{Reading: *here, Here: true}
	}
	if b.heard == nil {
		return nil
	}
	said, age, err := b.heard(ctx)
	if err != nil {
		return nil
	}
	told := gateway.Told{Age: age}
	if json.Unmarshal(said, &told.Reading) != nil {
		return nil // of a version that says it otherwise
	}
	return &told
}

// tell is what other processes are told.
func (r *reader) tell() []byte {
	figures := r.figures()
	if figures == nil {
		return nil
	}
	said, err := json.Marshal(figures)
	if err != nil {
		return nil
	}
	return said
}

func readingOf(f poller.Figures) gateway.Reading {
	seconds := func(d time.Duration) *float64 {
		s := d.Seconds()
		return &s
	}
	until := func(t time.Time) *float64 {
		if t.IsZero() {
			return nil
		}
		return seconds(t.Sub(f.At))
	}
	r := gateway.Reading{
		Process: processName(), ReadsSeconds: f.At.Sub(f.Began).Seconds(),
		Used: float64(f.Usage.Spent), Limit: float64(f.Usage.Limit), WindowSeconds: f.Window.Seconds(), Reserve: float64(f.Reserve),
		OnReserve: f.Usage.Reserve, Pace: f.Usage.Pace, PausedSeconds: f.Usage.Paused.Seconds(), Held: f.Usage.Held,
		WatchedUsers: float64(f.Lap.Users), IntervalSeconds: f.Interval.Seconds(), SweepSeconds: f.Sweep.Seconds(),
		RequestsPerSecond: f.RequestsPerSecond, ChangesPerSecond: f.ChangesPerSecond,
		Requests: f.Requests, Changes: f.Changes, RegressedReads: f.Regressed,
		TokenExpiresSeconds: until(f.TokenExpires), CertificateExpiresSeconds: until(f.CertificateExpires),
	}
	if !f.Lap.Began.IsZero() {
		r.LapSeconds, r.LapLeft = seconds(max(0, f.At.Sub(f.Lap.Began))), float64(f.Lap.Left)
	}
	if f.Lap.Last > 0 {
		r.LastLapSeconds = seconds(f.Lap.Last)
	}
	if f.Trouble != nil {
		r.Trouble = &gateway.Trouble{SinceSeconds: f.At.Sub(f.Trouble.Since).Seconds(), Reason: f.Trouble.Reason, Code: f.Trouble.Code, Text: f.Trouble.Text}
	}
	return r
}
