package gateway

import (
	"time"

	"github.com/presence-gateway/presence-gateway/internal/presence"
)

// Reading is how the reading of Graph goes in the process that does it, as that process says it: to its own operators, and
// through the hub to those of every other. All times are counted from the moment At which it was said, in seconds, so that
// nobody's clock matters. None of it names a person.
type Reading struct {
	Process      string  `json:"process"`      // the name of the process that reads
	ReadsSeconds float64 `json:"readsSeconds"` // for how long it has been the one

	Used          float64 `json:"used"` // reads within the window that may have reached Graph
	Limit         float64 `json:"limit"`
	WindowSeconds float64 `json:"windowSeconds"`
	Reserve       float64 `json:"reserve"`             // of the limit, spent only in the first window after an unclean start
	OnReserve     bool    `json:"onReserve,omitempty"` // which is now
	Pace          float64 `json:"pace"`                // of the full pace; less than 1 for some minutes after a 429
	PausedSeconds float64 `json:"pausedSeconds"`       // for how long yet Graph asked for a pause
	Held          bool    `json:"held,omitempty"`      // another process of the same state folder reads, and this one waits

	WatchedUsers      float64  `json:"watchedUsers"`
	IntervalSeconds   float64  `json:"intervalSeconds"` // how often each should be read
	SweepSeconds      float64  `json:"sweepSeconds"`    // to ask everyone once, at the pace of now
	LapSeconds        *float64 `json:"lapSeconds,omitempty"`
	LapLeft           float64  `json:"lapLeft,omitempty"`
	LastLapSeconds    *float64 `json:"lastLapSeconds,omitempty"`
	RequestsPerSecond *float64 `json:"requestsPerSecond,omitempty"`
	ChangesPerSecond  *float64 `json:"changesPerSecond,omitempty"`

	Requests       map[string]float64 `json:"requests,omitempty"` // since it began to read, by the status of the answer
	Changes        float64            `json:"changes"`
	RegressedReads float64            `json:"regressedReads"`

	TokenExpiresSeconds       *float64 `json:"tokenExpiresSeconds,omitempty"`
	CertificateExpiresSeconds *float64 `json:"certificateExpiresSeconds,omitempty"`
	Trouble                   *Trouble `json:"trouble,omitempty"` // nil: the last read succeeded
}

// Trouble is why reads fail.
type Trouble struct {
	SinceSeconds float64         `json:"sinceSeconds"` // ago
	Reason       presence.Reason `json:"reason"`
	Code         string          `json:"code"`           // of the last failure: Graph's status, or why there was none
	Text         string          `json:"text,omitempty"` // what is wrong with the credential, and the remedy
}

// Told is what is known here of the reading.
type Told struct {
	Reading
	Here bool          // this very process reads
	Age  time.Duration // how long ago it was said
}

type budgetJSON struct {
	Used          float64 `json:"used"`
	Limit         float64 `json:"limit"`
	WindowSeconds float64 `json:"windowSeconds"`
	Reserve       float64 `json:"reserve"`
	OnReserve     bool    `json:"onReserve"`
	Pace          float64 `json:"pace"`
	PausedSeconds float64 `json:"pausedSeconds"`
	PausedUntil   string  `json:"pausedUntil,omitempty"`
}

type readingJSON struct {
	From                      string             `json:"from,omitempty"` // this process, another process
	Process                   string             `json:"process,omitempty"`
	AgeSeconds                *float64           `json:"ageSeconds,omitempty"`
	Since                     string             `json:"since,omitempty"`
	Leader                    *bool              `json:"leader,omitempty"`
	WatchedUsers              *float64           `json:"watchedUsers,omitempty"`
	IntervalSeconds           *float64           `json:"intervalSeconds,omitempty"`
	SweepSeconds              *float64           `json:"sweepSeconds,omitempty"`
	Sweep                     *sweepJSON         `json:"sweep,omitempty"`
	RequestsPerSecond         *float64           `json:"requestsPerSecond,omitempty"`
	ChangesPerSecond          *float64           `json:"changesPerSecond,omitempty"`
	Requests                  map[string]float64 `json:"requests,omitempty"`
	Changes                   *float64           `json:"changes,omitempty"`
	RegressedReads            *float64           `json:"regressedReads,omitempty"`
	CredentialExpiresSeconds  *float64           `json:"credentialExpiresSeconds,omitempty"`
	CertificateExpiresSeconds *float64           `json:"certificateExpiresSeconds,omitempty"`
	Trouble                   *troubleJSON       `json:"trouble,omitempty"`
}

// sweepJSON is the round through everyone that is under way. It ends when everyone has been asked since it began, and
// the next one begins then.
type sweepJSON struct {
	StartedAt   string   `json:"startedAt"`
	EndsAt      string   `json:"endsAt"` // as it looks: after as long as the last one took, and not within a pause
	Left        float64  `json:"left"`   // users not asked yet
	LastSeconds *float64 `json:"lastSeconds,omitempty"`
}

type troubleJSON struct {
	Since  string          `json:"since"`
	Reason presence.Reason `json:"reason"`
	Code   string          `json:"code"`
	Text   string          `json:"text,omitempty"`
}

// tell puts what is known of the reading into an answer of now.
func (t *Told) tell(now time.Time, answer *statsJSON) {
	if t == nil {
		return
	}
	said := now.Add(-t.Age)
	at := func(seconds float64) string {
		return said.Add(time.Duration(seconds * float64(time.Second))).UTC().Format(presence.TimeFormat)
	}
	left := func(seconds *float64) *float64 { // of a time that has been running since it was said
		if seconds == nil {
			return nil
		}
		rest := *seconds - t.Age.Seconds()
		return &rest
	}
	answer.Budget = &budgetJSON{
		Used: t.Used, Limit: t.Limit, WindowSeconds: t.WindowSeconds, Reserve: t.Reserve, OnReserve: t.OnReserve, Pace: t.Pace,
		PausedSeconds: max(0, t.PausedSeconds-t.Age.Seconds()),
	}
	if answer.Budget.PausedSeconds > 0 {
		answer.Budget.PausedUntil = at(t.PausedSeconds)
	}
	age := t.Age.Seconds()
	answer.Reading = readingJSON{
		From: "another process", Process: t.Process, AgeSeconds: &age, Leader: answer.Reading.Leader,
		WatchedUsers: &t.WatchedUsers, IntervalSeconds: &t.IntervalSeconds, SweepSeconds: &t.SweepSeconds,
		RequestsPerSecond: t.RequestsPerSecond, ChangesPerSecond: t.ChangesPerSecond,
		Requests: t.Requests, Changes: &t.Changes, RegressedReads: &t.RegressedReads,
		CredentialExpiresSeconds: left(t.TokenExpiresSeconds), CertificateExpiresSeconds: left(t.CertificateExpiresSeconds),
	}
	if t.Here {
		answer.Reading.From = "this process"
	}
	if !t.Held {
		answer.Reading.Since = at(-t.ReadsSeconds)
	}
	if t.LapSeconds != nil {
		takes := t.SweepSeconds
		if t.LastLapSeconds != nil {
			takes = *t.LastLapSeconds
		}
		answer.Reading.Sweep = &sweepJSON{StartedAt: at(-*t.LapSeconds), EndsAt: at(max(takes-*t.LapSeconds, t.PausedSeconds)), Left: t.LapLeft, LastSeconds: t.LastLapSeconds}
	}
	if t.Trouble != nil {
		answer.Reading.Trouble = &troubleJSON{at(-t.Trouble.SinceSeconds), t.Trouble.Reason, t.Trouble.Code, t.Trouble.Text}
	}
}
