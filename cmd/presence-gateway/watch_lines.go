package main

import (
	"encoding/json"
	"io"
	"time"

	"github.com/presence-gateway/presence-gateway/gateway/client"
)

// line is one event as JSON. Only the members that its event has are set.
type line struct {
	Event    string           `json:"event"` // presence, absent, status, membership, resolved, refused
	At       time.Time        `json:"at"`    // by this machine's clock
	Presence *client.Presence `json:"presence,omitempty"`
	ID       string           `json:"id,omitempty"`
	Why      string           `json:"why,omitempty"`
	State    string           `json:"state,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	Since    *time.Time       `json:"since,omitempty"`
	Retry    *time.Time       `json:"retry,omitempty"`
	Group    string           `json:"group,omitempty"`
	Joined   []string         `json:"joined,omitempty"`
	Left     []string         `json:"left,omitempty"`
	Mail     string           `json:"mail,omitempty"`
	Error    string           `json:"error,omitempty"`
}

// watchLines writes a line for each event until they end.
func watchLines(w io.Writer, events <-chan client.Event) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for event := range events {
		if err := out.Encode(lineOf(event)); err != nil {
			return err
		}
	}
	return nil
}

func lineOf(event client.Event) line {
	l := line{At: time.Now().UTC()}
	switch e := event.(type) {
	case client.Changed:
		l.Event, l.Presence = "presence", &e.Presence
	case client.Absent:
		l.Event, l.ID, l.Why = "absent", e.ID, string(e.Why)
	case client.Status:
		l.Event, l.State, l.Reason, l.Since = "status", string(e.State), e.Reason, &e.Since
		if e.Err != nil {
			l.Error = e.Err.Error()
		}
		if !e.Retry.IsZero() {
			l.Retry = &e.Retry
		}
	case client.Membership:
		l.Event, l.Group, l.Joined, l.Left = "membership", e.Group, e.Joined, e.Left
	case client.Resolved:
		l.Event, l.Mail, l.ID = "resolved", e.Mail, e.ID
	case client.Refused:
		l.Event, l.Error = "refused", e.Err.Error()
	}
	return l
}
