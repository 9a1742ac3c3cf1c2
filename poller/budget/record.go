package budget

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const recordVersion = 1

// record is what is known on disk. Moments are milliseconds from when it was written, rounded up: no clock but the
// one that tells how long ago that was has to agree with anything.
type record struct {
	Version   int      `json:"version"`
	Identity  string   `json:"identity"`
	Term      uint64   `json:"term,omitempty"` // shared: whose it is
	State     phase    `json:"state"`
	Requests  int      `json:"requests"`
	Window    int64    `json:"windowMs"`
	Wall      int64    `json:"wallMs"`             // when it was written, in Unix time
	Boot      string   `json:"boot,omitempty"`     // the boot it was written in, where the system tells
	Boottime  int64    `json:"boottimeMs"`         // how long after that boot, sleep included
	Places    []int64  `json:"placesMs,omitempty"` // clean: when the rest of each place began
	Began     int64    `json:"beganMs,omitempty"`  // reserve: when the phase did
	Spent     []*int64 `json:"spentMs,omitempty"`  // reserve: as placesMs; null: no answer yet
	Pause     int64    `json:"pauseMs,omitempty"`  // until when nothing may leave
	PauseStep int      `json:"pauseStep,omitempty"`
	Deferred  int64    `json:"deferredMs,omitempty"` // until when some read may not be repeated
}

func parseRecord(text []byte) (record, error) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return record{}, err
	}
	if r.Version != recordVersion {
		return record{}, fmt.Errorf("version %d of the record, want %d", r.Version, recordVersion)
	}
	if r.State != clean && r.State != reserved && r.State != full {
		return record{}, fmt.Errorf("state %.32q is none", r.State)
	}
	if r.Wall <= 0 || r.PauseStep < 0 {
		return record{}, errors.New("an impossible number")
	}
	return r, nil
}

// offset is t as milliseconds from now, rounded up. A moment more than a day away is as good as none.
func offset(t, now time.Time) int64 {
	d := t.Sub(now)
	if d < -day {
		return -day.Milliseconds()
	}
	return min(d, day).Truncate(time.Millisecond).Milliseconds() + 1
}

const day = 24 * time.Hour

func (r *record) stamp(now time.Time, c clock) {
	r.Wall = now.UnixMilli()
	var since time.Duration
	r.Boot, since = c.boot()
	r.Boottime = since.Milliseconds()
}

// clockAt returns how the record's moments are told at now. Within one boot the time since boot counts, which nobody
// sets; else the wall clock does. A clock that went back makes the record as fresh as can be. aged is how long ago it
// was by one more clock, if that is above zero: then the shorter time counts, for either may have been set, or be
// another machine's.
func (r *record) clockAt(now time.Time, c clock, aged time.Duration) func(offset int64) time.Time {
	ago := time.Duration(now.UnixMilli()-r.Wall) * time.Millisecond
	if boot, since := c.boot(); boot != "" && boot == r.Boot {
		ago = since - time.Duration(r.Boottime)*time.Millisecond
	}
	if aged > 0 {
		ago = min(ago, aged)
	}
	ago = max(0, ago-time.Millisecond) // both ends were cut to milliseconds
	return func(offset int64) time.Time {
		offset = max(-day.Milliseconds(), min(offset, day.Milliseconds()))
		return now.Add(time.Duration(offset)*time.Millisecond - ago)
	}
}
